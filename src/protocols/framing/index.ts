/**
 * The one way in which Talos protocols read and write libp2p streams: length-prefixed frames with back-pressure.
 * Wire form: docs/spec/wire.md.
 */
export { FrameStream } from './frame-stream.ts'
export { LinkScheduler, PRIORITIES, type Priority, schedulerOf } from './priority.ts'
export { encodeFrame } from './typed-frame.ts'
export { encodeVarint } from './varint.ts'
