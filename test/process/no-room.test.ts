import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, type TestContext, test } from 'vitest'
import { freePort } from '../support/ports.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

// File systems that are full indeed: only root may mount small ones.

const mayMount = process.platform === 'linux' && process.getuid?.() === 0

/** Puts a data directory on a file system of its own, of 48 MiB. */
function onSmallDisk(context: TestContext, { dataDir }: Machine) {
  const before = `${dataDir}-before`
  execFileSync('mv', [dataDir, before])
  mkdirSync(dataDir, { mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=700', 'tmpfs', dataDir])
  context.onTestFinished(() => void spawnSync('umount', ['--lazy', dataDir]))
  execFileSync('cp', ['-a', `${before}/.`, dataDir])
  const filler = join(dataDir, 'filler')
  return {
    /** Until not a byte is left. */
    fill: () => {
      for (let size = 1 << 20; size >= 1; size >>= 4) {
        try {
          for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: 'a' })
        } catch {
          // smaller pieces may fit
        }
      }
    },
    empty: () => rmSync(filler)
  }
}

test.runIf(mayMount)(
  'a full disk of the receiver, of its mailbox, of the sender: an honest answer, and when there is room all goes on and outlives a kill',
  { timeout: 180_000 },
  async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob, carol] = [await world.machine('Alice'), await world.machine('Bob'), await world.machine('Carol')]
    const disk = {
      sender: onSmallDisk(context, alice),
      receiver: onSmallDisk(context, bob),
      mailbox: onSmallDisk(context, carol)
    }
    const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
    Object.assign(carol.env, { TALOS_MAILBOX: 'true', TALOS_LISTEN: address })
    bob.env['TALOS_MAILBOXES'] = `${address}/p2p/${carol.peerId}`
    const keeping = carol.start('daemon')
    await keeping.event('ready')
    let listening = bob.start('listen')
    await listening.line(line => line.startsWith('{"event":"registered"') && JSON.parse(line).mailboxes === 1)
    let sending = alice.start('daemon')
    await sending.event('ready')
    const send = async (text: string) => {
      const { status, stdout } = await alice.run('send', bob.peerId, text, '--wait', '3s', '--json')
      return { status, code: JSON.parse(stdout).error?.code }
    }

    disk.receiver.fill()
    expect(await send('to a full disk')).toEqual({ status: 5, code: 'MESSAGE_NOT_DELIVERED' })
    disk.receiver.empty()
    await listening.line(line => line.includes('to a full disk'))

    await listening.kill('SIGKILL')
    disk.mailbox.fill()
    expect(await send('to a full mailbox')).toEqual({ status: 5, code: 'MESSAGE_NOT_DELIVERED' })
    disk.mailbox.empty()
    await sending.line(line => line.includes('"stored"'))
    await keeping.kill('SIGKILL')
    await carol.start('daemon').event('ready')
    listening = bob.start('listen')
    await listening.line(line => line.includes('to a full mailbox'))

    disk.sender.fill()
    // longer than what is left of the last page of a file, which nothing can fill from outside
    expect(await send('from a full disk'.padEnd(10_000, '.'))).toEqual({ status: 1, code: 'STORAGE_FULL' })
    disk.sender.empty()
    expect(await send('with room again')).toEqual({ status: 0, code: undefined })
    await sending.kill('SIGKILL')
    sending = alice.start('daemon')
    await sending.event('ready')
    expect(await send('after a kill')).toEqual({ status: 0, code: undefined })
    await listening.line(line => line.includes('after a kill'))

    const texts = ['to a full disk', 'to a full mailbox', 'with room again', 'after a kill']
    for (const machine of [alice, bob]) {
      const { messages } = await machine.json<{ messages: Array<{ text: string }> }>('history')
      expect(messages.map(({ text }) => text).toSorted()).toEqual(texts.toSorted())
    }
  }
)
