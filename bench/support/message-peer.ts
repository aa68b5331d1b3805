// The other side of bench:messages: answers requests, takes nothing else. Argument: `records`, or nothing.
import { startMessageNode } from './message-node.ts'

const { node, messaging, stop } = await startMessageNode({ records: process.argv[2] === 'records' })
messaging.addEventListener('message', ({ detail }) => {
  if (detail.contentType !== 'bench/request') return
  const sender = node.getPeers().find(peer => peer.toString() === detail.peer)!
  void messaging.send(sender, detail.content, { contentType: 'bench/response' })
})
process.send!({ peer: node.peerId.toString(), address: node.getMultiaddrs()[0]!.toString() })
process.once('disconnect', () => void stop())
