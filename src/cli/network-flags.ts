import { resolve } from 'node:path'
import { Flags } from '@oclif/core'

/** Of the commands that run a node. */
export const networkFlags = {
  network: Flags.string({ description: 'The file of a network whose chain this node shares with others' }),
  'network-peer': Flags.string({
    description: 'A node of that network to stay connected to: a name, PeerId, or multiaddr with /p2p/…',
    multiple: true,
    multipleNonGreedy: true
  })
}

export interface NetworkFlags {
  network?: string | undefined
  'network-peer'?: string[] | undefined
}

/** What they say of the configuration. */
export function networkOption({ network, 'network-peer': peers }: NetworkFlags): {
  network?: string
  peers?: string[]
} {
  return {
    // as the person meant it: in the configuration it is relative to the data directory
    ...(network === undefined ? {} : { network: resolve(network) }),
    ...(peers === undefined ? {} : { peers })
  }
}

/** The same flags for another process. */
export function networkArguments(flags: NetworkFlags): string[] {
  const { network, peers = [] } = networkOption(flags)
  return [...(network === undefined ? [] : ['--network', network]), ...peers.flatMap(peer => ['--network-peer', peer])]
}
