import type { Scenario } from '../testnet/scenario.ts'

/** An agent loses all but its identity: the others have sessions with it that it knows nothing of. */
const lostDisk: Scenario = {
  title:
    'an agent comes back with its identity and nothing else: what it is sent from then on reaches it, and what it sends',
  net: { nodes: 4, servers: 1, relays: 0 },
  async run({ net, traffic, note }) {
    const [alice, bob, carol] = net.agents
    for (const [from, to] of [[alice!, bob!] as const, [bob!, alice!] as const, [bob!, carol!] as const]) {
      const { id } = await from.api.send({ peer: to.peerId, content: Buffer.from('before') })
      await from.api.waitFor({ id, state: 'delivered' }, { signal: AbortSignal.timeout(30_000) })
    }
    await bob!.kill('SIGKILL')
    await traffic.send(alice!, bob!)
    bob!.loseDisk()
    await bob!.start()
    note('back, with nothing but the wallet')
    await traffic.settled(60_000)
    note('what was sent while it was away is there')
    await traffic.send(bob!, carol!)
    await traffic.send(bob!, alice!)
    for (const from of [alice!, carol!]) await traffic.send(from, bob!)
    await traffic.settled(60_000)
    note('and messages both ways with all whom it knew before')
  }
}

export default lostDisk
