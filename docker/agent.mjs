// What the two agents of docker-compose.yml share.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** The one folder of the image, besides /data, that its user may write to when a volume is mounted there. */
const SHARED = '/home/node'

/** A talos command that goes on; its standard error is the container's. */
export const start = (args, stdio = ['inherit', 'inherit', 'inherit']) => spawn('talos', args, { stdio })

/** Runs a talos command with --json and returns what it printed. */
export async function talos(...args) {
  const child = start([...args, '--json'], ['ignore', 'pipe', 'inherit'])
  const chunks = []
  child.stdout.on('data', chunk => chunks.push(chunk))
  const [status] = await once(child, 'close')
  const text = Buffer.concat(chunks).toString()
  if (status !== 0) throw new Error(`talos ${args[0]} ended with ${status}: ${text}`)
  return JSON.parse(text)
}

/**
 * The own PeerId, of a wallet that is made at the first start. It lies open on this container's volume: give agents that matter
 * a passphrase (TALOS_PASSPHRASE_FILE), and leave --insecure-plaintext out.
 */
export async function identity(name) {
  const known = await talos('wallet', 'show').catch(() => undefined)
  return (known ?? (await talos('init', '--name', name, '--insecure-plaintext'))).peerId
}

/** The two learn each other's PeerId as people would, by a way of their own: here a volume that both can see. */
export async function introduce(name, peerId, other) {
  const file = `${SHARED}/${name}`
  writeFileSync(`${file}.new`, peerId)
  renameSync(`${file}.new`, file)
  for (;;) {
    try {
      return readFileSync(`${SHARED}/${other}`, 'utf8')
    } catch {
      await delay(200)
    }
  }
}

/** Tries until it succeeds; the other side may still be starting. */
export async function persistently(what, work) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 30) throw error
      console.log(`${what}: not yet (${error.message.slice(0, 200)})`)
      await delay(1000)
    }
  }
}

/** Runs a command for good, and ends with it. */
export async function become(args) {
  const child = start(args)
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  const [status] = await once(child, 'close')
  process.exit(status ?? 1)
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0))
