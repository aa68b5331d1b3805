// Alice serves a clock to Bob, and gets his message.
import { become, identity, introduce } from './agent.mjs'

const peerId = await identity('alice')
const bob = await introduce('alice', peerId, 'bob')
const clock = ['--name', 'clock', '--', 'node', '/demo/clock.mjs']
await become(['mcp-serve', '--authorized-peer', bob, '--metrics-port', '9090', '--metrics-host', '0.0.0.0', ...clock])
