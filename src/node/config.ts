import { join } from 'node:path'
import type { Document } from 'yaml'
import * as z from 'zod/mini'
import { TalosError } from '../errors.ts'
import { checkDataDir, resolveDataDir } from './data-dir.ts'
import { nearestFirst } from './nearest.ts'
import { readPrivateFile } from './private-file.ts'
import { checkSchema } from './schema-check.ts'

const count = (description: string) => z.optional(z.int().check(z.nonnegative(), z.describe(description)))
const list = (description: string) =>
  z._default(z.array(z.string().check(z.minLength(1))), []).check(z.describe(description))

const anchor = z.strictObject({
  name: z
    .string()
    .check(z.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/), z.describe('What the anchors in the chain call this provider')),
  keys: z.optional(
    z.array(z.string()).check(z.minLength(1), z.maxLength(32), z.describe('C2SP verifier keys whose signatures count'))
  ),
  quorum: z.optional(z.int().check(z.positive(), z.describe('How many of the keys must have signed (default: all)'))),
  policy: z.optional(
    z.string().check(z.minLength(1), z.describe('A C2SP policy file in place of keys, relative to the data directory'))
  ),
  files: z.optional(
    z
      .string()
      .check(z.minLength(1), z.describe('The folder with the signatures, when the chain holds their hashes alone'))
  )
})

/** Somebody who confirms states of the audit chain. */
export type AnchorConfig = z.output<typeof anchor>

/** Every key of config.yaml, with its default. Each is also an environment variable: `limits.maxConnections` is TALOS_LIMITS_MAX_CONNECTIONS. */
export const CONFIG = z.strictObject({
  servers: list('Bootstrap servers to register at and to find peers through: host:port or multiaddrs'),
  listen: list('Multiaddrs to listen on, such as /ip4/0.0.0.0/tcp/4001'),
  announce: list('Multiaddrs to tell others instead of those found out, for a node behind a port mapping'),
  mailbox: z.optional(
    z.boolean().check(z.describe('Hold messages for others while they are away; a server does unless this is false'))
  ),
  mailboxes: list(
    'Multiaddrs with /p2p/… of nodes that hold messages for this one; default: the servers that offer it'
  ),
  files: z
    ._default(
      z.strictObject({
        downloadDir: z.optional(
          z
            .string()
            .check(z.minLength(1), z.describe('Where received files are put; default: downloads in the data directory'))
        ),
        acceptFrom: list(
          'Peers whose files are taken without asking: names of the address book, PeerIds, or * for anybody'
        ),
        maxUnasked: count('Larger files are asked for even then, in bytes'),
        limits: z._default(
          z.strictObject({
            image: count('Largest image, in bytes; 0 for no limit (default: 50 MiB)'),
            audio: count('Largest audio file (default: 200 MiB)'),
            video: count('Largest video (default: 2 GiB)'),
            document: count('Largest document (default: 100 MiB)'),
            other: count('Largest file of another kind (default: 50 MiB)'),
            directory: count('Largest directory, all files together (default: 2 GiB)'),
            entries: count('Files and directories in a directory (default: 100,000)'),
            quota: count('The download folder with all that is in it (default: 10 GiB)')
          }),
          {}
        )
      }),
      { acceptFrom: [], limits: {} }
    )
    .check(z.describe('Which files are taken')),
  messages: z
    ._default(
      z.strictObject({
        acceptFrom: z
          ._default(z.enum(['anyone', 'known']), 'anyone')
          .check(
            z.describe(
              'Whose messages are taken: of anyone, or of the address book and of whom this agent has written to'
            )
          ),
        history: z._default(
          z.strictObject({
            days: count(
              'Messages that are read, delivered or failed are forgotten after so many days; 0 for never (default: 365)'
            ),
            bytes: count('And the oldest of them when all messages take more bytes; 0 for no limit (default: 1 GiB)')
          }),
          {}
        )
      }),
      { acceptFrom: 'anyone', history: {} }
    )
    .check(z.describe('Which messages are taken, and how long they are kept')),
  audit: z
    ._default(
      z.strictObject({
        reconcileWith: list(
          'Peers that may compare their records of what passed between us with ours: names of the address book, PeerIds, or * for anybody'
        ),
        anchors: z
          ._default(z.array(anchor).check(z.maxLength(32)), [])
          .check(z.describe('Who confirms states of the audit chain, for the level PARANOID')),
        anchorQuorum: count('Of how many of them the chain must have an anchor at that level (default: 0)'),
        difficulty: z.optional(
          z
            .int()
            .check(
              z.minimum(0),
              z.maximum(6),
              z.describe(
                'Zero digits that hashes of the audit chain begin with, 0 to 6: each makes a block 16 times as much work; read when the chain begins, of no effect later (default: 2)'
              )
            )
        )
      }),
      { reconcileWith: [], anchors: [] }
    )
    .check(z.describe('The audit chain: who may ask about it, and who confirms it')),
  witness: z
    ._default(
      z.strictObject({
        policy: z.optional(
          z
            .string()
            .check(
              z.minLength(1),
              z.describe(
                'The file that names the witnesses of this agent; default: witness-policy in the data directory'
              )
            )
        ),
        interval: z.optional(
          z
            .int()
            .check(
              z.positive(),
              z.describe(
                'Seconds between two times that the witnesses are asked, when the audit chain grew (default: 60)'
              )
            )
        ),
        allow: list(
          'Be a witness for these peers: names of the address book, PeerIds, or * for anybody; nobody unless it is set'
        )
      }),
      { allow: [] }
    )
    .check(z.describe('Who has seen how far the audit chain is')),
  node: z
    ._default(
      z.strictObject({
        role: z
          ._default(z.enum(['full', 'light']), 'full')
          .check(z.describe('Whether the shared chain is kept with all its blocks, or by its headers alone'))
      }),
      { role: 'full' }
    )
    .check(z.describe('What the node is')),
  chain: z
    ._default(
      z.strictObject({
        network: z.optional(
          z.string().check(z.minLength(1), z.describe('The file of a network whose chain this node shares with others'))
        ),
        peers: list('Nodes of that network to stay connected to: names, PeerIds, or multiaddrs with /p2p/…'),
        checkpointEvery: count(
          'Seconds after which the state of the own chain is written into the shared one; 0: only at the end (default: 600)'
        )
      }),
      { peers: [] }
    )
    .check(z.describe('The chain that is shared with others')),
  limits: z
    ._default(
      z.strictObject({
        maxConnections: count('Open connections; above this the least valuable are closed'),
        inboundConnectionThreshold: count('New connections per second that one address may open'),
        maxIncomingPendingConnections: count('Connections that may be shaking hands at one time'),
        maxReservations: count('Reservations that a relay holds for others'),
        maxConnectionsPerAddress: count('Connections from one address that a server holds'),
        maxRegistrations: count('Registrations that a registry keeps'),
        maxMailboxes: count('Recipients that a mailbox keeps messages for'),
        maxMailboxBytes: count('Bytes that a mailbox keeps, in all'),
        maxMailboxBytesPerPeer: count('Bytes that a mailbox keeps for one recipient'),
        maxMailboxItemsPerPeer: count('Messages that a mailbox keeps for one recipient')
      }),
      {}
    )
    .check(z.describe('What the node can hold; the defaults depend on its role'))
})

export type Config = z.output<typeof CONFIG>
/** What flags give: any part of it. */
export type ConfigInput = z.input<typeof CONFIG>

/**
 * The configuration: `flags`, over the environment, over `<data directory>/config.yaml`, over the defaults.
 * Throws CONFIG_INVALID, which names the key, its line, and for an unknown key the nearest one.
 */
export async function loadConfig(
  options: { dataDir?: string; flags?: ConfigInput; env?: NodeJS.ProcessEnv } = {}
): Promise<Config> {
  const env = options.env ?? process.env
  const dataDir = resolveDataDir(options.dataDir, env)
  const file = await fromFile(dataDir)
  return check(merge(merge(file, fromEnvironment(env)), options.flags ?? {}), 'the flags')
}

type Tree = { [key: string]: unknown }

async function fromFile(dataDir: string): Promise<Tree> {
  const path = join(dataDir, 'config.yaml')
  const found = (await checkDataDir(dataDir)) ? await readPrivateFile(path) : undefined
  if (found === undefined) return {}
  // most nodes have no such file, and the parser takes a while to load
  const { LineCounter, parseDocument } = await import('./yaml.ts')
  const lines = new LineCounter()
  const document = parseDocument(found.bytes.toString('utf8'), { lineCounter: lines, prettyErrors: true })
  const broken = document.errors[0]
  if (broken !== undefined) throw invalid(path, broken.message.split('\n')[0]!)
  const tree = withoutAliases(document, path)
  check(tree, path, keys => {
    const node = document.getIn(keys, true) as { range?: [number] } | undefined
    return node?.range === undefined ? undefined : lines.linePos(node.range[0]).line
  })
  return tree as Tree
}

/** Aliases are refused: nothing here needs them, and a few lines of them can stand for gigabytes. */
function withoutAliases(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 }) ?? {}
  } catch (cause) {
    throw invalid(path, (cause as Error).message)
  }
}

function fromEnvironment(env: NodeJS.ProcessEnv): Tree {
  const tree: Tree = {}
  for (const { keys, variable, parse } of configKeys()) {
    const value = env[variable]?.trim()
    if (value === undefined || value === '') continue
    const parsed = parse(value)
    check(nested(keys, parsed), variable)
    Object.assign(tree, merge(tree, nested(keys, parsed)))
  }
  return tree
}

interface ConfigKey {
  keys: string[]
  variable: string
  /** What a variable's text stands for; what it cannot stand for is refused as it was written. */
  parse: (text: string) => unknown
}

/** The keys that hold a value, for the environment and for docs/cli.md. */
export function configKeys(): ConfigKey[] {
  return keysOf(CONFIG, [])
}

function keysOf(schema: z.core.$ZodType, keys: string[]): ConfigKey[] {
  const { def } = schema._zod as {
    def: { type: string; innerType?: z.core.$ZodType; shape?: z.core.$ZodShape; element?: z.core.$ZodType }
  }
  if (def.innerType !== undefined) return keysOf(def.innerType, keys)
  if (def.shape !== undefined) return Object.entries(def.shape).flatMap(([key, inner]) => keysOf(inner, [...keys, key]))
  const name = keys.map(key => key.replace(/[A-Z]/g, '_$&')).join('_')
  const type = def.element?._zod.def.type === 'object' ? 'tables' : def.type
  return [{ keys, variable: `TALOS_${name.toUpperCase()}`, parse: PARSERS[type] ?? (text => text) }]
}

const PARSERS: Record<string, (text: string) => unknown> = {
  array: text => text.split(/[\s,]+/),
  boolean: text => SWITCH.get(text) ?? text,
  number: Number,
  tables: text => {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
}

const SWITCH = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false]
])

/** Throws CONFIG_INVALID; `source` is named in the message, with the line if `lineOf` knows it. */
function check(tree: unknown, source: string, lineOf?: (keys: PropertyKey[]) => number | undefined): Config {
  const checked = checkSchema(CONFIG, tree)
  if (checked.ok) return checked.value
  const { issue } = checked
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const keys = unknown === undefined ? issue.path : [...issue.path, unknown]
  const line = lineOf?.(keys)
  const where = line === undefined ? source : `${source}, line ${line}`
  if (unknown === undefined) throw invalid(where, checked.text)
  const siblings = configKeys()
    .filter(({ keys: known }) => issue.path.every((key, depth) => known[depth] === key))
    .map(({ keys: known }) => known[issue.path.length]!)
  const isAnchor = typeof issue.path.at(-1) === 'number'
  const [nearest] = nearestFirst(unknown, isAnchor ? Object.keys(anchor.shape) : [...new Set(siblings)], key => key)
  throw invalid(where, `unknown key ${JSON.stringify(keys.join('.'))}`, `Did you mean ${nearest}?`)
}

function invalid(where: string, why: string, hint?: string): TalosError {
  return new TalosError('CONFIG_INVALID', `${where}: ${why}`, {
    hint: hint ?? 'docs/cli.md lists every key of the configuration.'
  })
}

/** `over` on top of `under`: tables key by key, all else (lists too) as a whole. */
function merge(under: Tree, over: object): Tree {
  const merged = { ...under }
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue
    const below = merged[key]
    merged[key] = isTree(value) && isTree(below) ? merge(below, value) : value
  }
  return merged
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

const nested = (keys: string[], value: unknown): Tree =>
  keys.reduceRight((inner: unknown, key) => ({ [key]: inner }), value) as Tree
