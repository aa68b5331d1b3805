import { expect, test } from 'vitest'
import { TalosClient } from '../../src/index.ts'
import { clients } from '../support/clients.ts'
import { within } from '../support/within.ts'

test('the signal of create() ends with it: the client goes on, and finds the next node', {
  timeout: 60_000
}, async () => {
  const { all, folder, config } = await clients('Bob')
  const [own] = all as [TalosClient]
  const controller = new AbortController()
  const dataDir = `${folder}/Bob`
  await using attached = await TalosClient.create({ dataDir, config, signal: controller.signal })
  expect(await attached.isNode()).toBe(false)
  controller.abort(new Error('the time for create() is over'))
  await own.close()
  expect(await within(attached.status(), 'the status of another node', 30_000)).toMatchObject({ dataDir })
  expect(await attached.isNode()).toBe(true)
})
