import { parentPort } from 'node:worker_threads'
import { type SegmentJob, validateSegment } from './segment.ts'

parentPort?.on('message', (job: SegmentJob | undefined) => {
  if (job === undefined) parentPort?.close()
  else void validateSegment(job).then(result => parentPort?.postMessage(result))
})
