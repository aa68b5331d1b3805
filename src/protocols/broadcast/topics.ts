import { TalosError } from '../../errors.ts'
import { isRegistrableName, nameKey } from '../registry/index.ts'

const PREFIX = '/talos/broadcast/'
const SUFFIX = '/1'

/** The topic's name as it travels: lower case. Throws BROADCAST_TOPIC_INVALID unless it follows the rules of registered names. */
export function topicName(name: string): string {
  if (isRegistrableName(name)) return nameKey(name)
  throw new TalosError('BROADCAST_TOPIC_INVALID', `${JSON.stringify(name)} is not the name of a topic`, {
    hint: 'A topic has 1 to 63 letters, digits, dots, hyphens or underscores, and begins and ends with a letter or digit.'
  })
}

/** The gossipsub topic of a name. */
export function topicPath(name: string): string {
  return `${PREFIX}${name}${SUFFIX}`
}

/** The name in a gossipsub topic, or undefined when it is none of ours. */
export function nameOfPath(path: string): string | undefined {
  if (!path.startsWith(PREFIX) || !path.endsWith(SUFFIX)) return undefined
  const name = path.slice(PREFIX.length, -SUFFIX.length)
  return isRegistrableName(name) && nameKey(name) === name ? name : undefined
}
