import { expect, test } from 'vitest'
import { TalosError } from '../../src/errors.ts'
import { type RegistrationEvent, registrationNews } from '../../src/node/mcp/registration-news.ts'

test('a state is told once, a change of it again, each server for itself', () => {
  const told: RegistrationEvent[] = []
  const news = registrationNews(event => told.push(event))
  const server = (peerId: string) => ({ peerId, addresses: [], names: [] }) as never
  const one = server('one')
  const failed = (message: string) => new TalosError('REGISTRY_UNREACHABLE', message)
  news({ server: one })
  news({ server: one, name: 'alice', expiresAt: 1 })
  news({ server: one, name: 'alice', expiresAt: 2 })
  news({ server: server('two'), name: 'alice', expiresAt: 1 })
  for (let attempt = 0; attempt < 3; attempt++) news({ server: one, error: failed('gone') })
  news({ server: one, name: 'alice', expiresAt: 3 })
  expect(told).toEqual([
    { type: 'registered', server: 'one', name: 'alice', mailboxes: 0 },
    { type: 'registered', server: 'two', name: 'alice', mailboxes: 0 },
    { type: 'not-registered', server: 'one', reason: 'gone' },
    { type: 'registered', server: 'one', name: 'alice', mailboxes: 0 }
  ])
})
