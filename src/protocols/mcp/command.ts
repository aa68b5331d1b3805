import { parseArgsStringToArgv } from 'string-argv'
import { TalosError } from '../../errors.ts'

export interface Command {
  file: string
  args: string[]
}

const SHELL_HINT =
  'Talos starts the program itself, without a shell. Give it as separate words after --, or start a script.'

/**
 * Splits the text of `--command` into a program and its arguments: blanks separate, single and double quotes keep together.
 * No shell is used, so what only a shell could do is refused instead of being passed on as text.
 *
 * @throws TalosError USAGE_COMMAND
 */
export function parseCommand(text: string): Command {
  refuseShellSyntax(text)
  const [file, ...args] = parseArgsStringToArgv(text)
  if (file === undefined || file === '') throw new TalosError('USAGE_COMMAND', 'the command to start is empty')
  if (/^[A-Za-z_]\w*=/.test(file)) {
    throw new TalosError('USAGE_COMMAND', `${file.split('=')[0]}=… in front of a command is shell syntax`, {
      hint: 'Give variables with --env NAME=VALUE.'
    })
  }
  return { file, args }
}

function refuseShellSyntax(text: string): void {
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    const next = text[i + 1] ?? ''
    if (quote === '') {
      if (char === '"' || char === "'") quote = char
      else if ('|&;<>\n\r'.includes(char)) throw shell(char)
      else if (char === '\\' && /[\s"'\\|&;<>$]/.test(next)) throw shell(char + next)
      else if (char === '~' && /^(?:\/|\s|$)/.test(next) && /^(?:\s|)$/.test(text[i - 1] ?? '')) throw shell('~')
    } else if (char === quote) {
      quote = ''
      continue
    }
    if (quote !== "'" && (char === '`' || (char === '$' && /[A-Za-z_({]/.test(next)))) throw shell(char)
  }
  if (quote !== '') throw new TalosError('USAGE_COMMAND', `the command has a ${quote} that is never closed`)
}

function shell(what: string): TalosError {
  return new TalosError(
    'USAGE_COMMAND',
    `${JSON.stringify(what)} in the command is shell syntax, and no shell is used`,
    {
      hint: SHELL_HINT
    }
  )
}
