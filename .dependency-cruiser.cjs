// The one direction of imports: commands -> cli -> sdk (index.ts) -> node -> protocols -> chain -> crypto.
// src/errors.ts is the leaf that every room may use.
const above = {
  crypto: '^src/(chain|protocols|node|cli|commands|index|main)',
  chain: '^src/(protocols|node|cli|commands|index|main)',
  protocols: '^src/(node|cli|commands|index|main)',
  node: '^src/(cli|commands|index|main)'
}
const upward = Object.entries(above).map(([room, path]) => ({
  name: `${room}-imports-upward`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path }
}))

// Light files that are imported past the index of their folder: by what is loaded before, or without, the rest of it. The tunnel
// has no index: its parts run in several processes.
const pastTheIndex = [
  '^src/protocols/mcp/',
  '^src/protocols/broadcast/topics',
  '^src/protocols/framing/(priority|drained)',
  '^src/protocols/ratchet/identity',
  '^src/protocols/streams/(constants|errors)',
  '^src/protocols/witness/client'
]

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }
    },
    ...upward,
    { name: 'errors-is-a-leaf', severity: 'error', from: { path: '^src/errors.ts' }, to: { path: '^src/' } },
    {
      name: 'commands-use-the-sdk-only',
      comment: 'A command parses flags, calls the SDK and prints. It reaches no room behind the SDK.',
      severity: 'error',
      from: { path: '^src/(commands|cli)/' },
      to: { path: '^src/(node|protocols|chain|crypto)/' }
    },
    {
      name: 'protocol-folders-are-private',
      comment: 'What a protocol shows of itself is in its index.ts; nothing else leaves the folder.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/protocols/' },
      to: { path: '^src/protocols/', pathNot: ['^src/protocols/[^/]+/index\\.ts$', ...pastTheIndex] }
    },
    {
      name: 'protocols-see-the-index-of-others',
      severity: 'error',
      from: { path: '^src/protocols/([^/]+)/' },
      to: {
        path: '^src/protocols/',
        pathNot: ['^src/protocols/$1/', '^src/protocols/[^/]+/index\\.ts$', ...pastTheIndex]
      }
    },
    {
      name: 'ratchet-knows-no-protocol',
      severity: 'error',
      from: { path: '^src/protocols/ratchet/' },
      to: { path: '^src/protocols/(?!ratchet/)' }
    },
    {
      name: 'pure-rooms-have-no-network',
      severity: 'error',
      from: { path: '^src/(crypto|chain|protocols/ratchet)/' },
      to: { path: '^node_modules/(libp2p|@libp2p|level|@oclif)/' }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] }
  }
}
