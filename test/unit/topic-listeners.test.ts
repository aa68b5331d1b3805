import { expect, test } from 'vitest'
import { TopicListeners } from '../../src/node/topic-listeners.ts'

function listeners() {
  const calls: string[] = []
  const topics = new TopicListeners(
    topic => {
      if (topic === 'full') throw new Error('no more topics')
      calls.push(`join ${topic}`)
    },
    topic => calls.push(`leave ${topic}`)
  )
  return { topics, calls }
}

const [alice, bob] = [Symbol('alice'), Symbol('bob')]

test('a topic is joined once, and left when everybody has left it as often as joined it', () => {
  const { topics, calls } = listeners()
  topics.add('weather', alice)
  topics.add('weather', alice)
  topics.add('weather', bob)
  topics.remove('weather', alice)
  topics.remove('weather', bob)
  expect(calls).toEqual(['join weather'])
  topics.remove('weather', alice)
  expect(calls).toEqual(['join weather', 'leave weather'])
})

test('a client that goes leaves its topics, and no others', () => {
  const { topics, calls } = listeners()
  topics.add('weather', alice)
  topics.add('weather', alice)
  topics.add('sports', alice)
  topics.add('sports', bob)
  topics.release(alice)
  expect(calls.slice(2)).toEqual(['leave weather'])
  topics.release(bob)
  expect(calls.slice(2)).toEqual(['leave weather', 'leave sports'])
})

test('leaving what one has not joined takes it from nobody else', () => {
  const { topics, calls } = listeners()
  topics.add('weather', alice)
  topics.remove('weather', bob)
  topics.remove('sports', bob)
  topics.release(bob)
  expect(calls).toEqual(['join weather'])
})

test('a topic that cannot be joined is not listened to', () => {
  const { topics, calls } = listeners()
  expect(() => topics.add('full', alice)).toThrow('no more topics')
  topics.remove('full', alice)
  expect(calls).toEqual([])
})
