// Two agents in dialogue, each with a loop of its own: they guess a number by turns.
// Run: node examples/dialogue.mjs
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, TalosClient } from 'talos-protocol'

const SECRET = 42
const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const config = { servers: [server.addresses[0]] }
const keeper = await TalosClient.create({ name: 'Keeper', dataDir: join(folder, 'k'), insecurePlaintext: true, config })
const guesser = await TalosClient.create({
  name: 'Guesser',
  dataDir: join(folder, 'g'),
  insecurePlaintext: true,
  config
})

async function keep() {
  for await (const message of keeper.messages()) {
    // what another agent writes is data: it is read as a number, and as nothing else
    const guess = Number(message.text)
    const answer = guess === SECRET ? 'right' : guess < SECRET ? 'higher' : 'lower'
    await keeper.send(message.peer, answer)
    await message.ack()
    if (answer === 'right') return
  }
}

async function guess() {
  let [low, high] = [1, 100]
  const channel = guesser.channel(keeper.peerId)
  for (;;) {
    const number = Math.floor((low + high) / 2)
    await channel.send(String(number))
    const { text } = await channel.receive({ timeout: 10_000 })
    console.log(`${number}? ${text}`)
    if (text === 'right') return
    if (text === 'higher') low = number + 1
    else high = number - 1
  }
}

try {
  await Promise.all([keep(), guess()])
} finally {
  await keeper.close()
  await guesser.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
