import { Flags } from '@oclif/core'
import { logAsJson } from './log-json.ts'

/** Flags of the commands that run for long: what whoever operates them wants to see. */
export const monitorFlags = {
  'log-format': Flags.option({
    description: 'How standard error is written: text, or json for one JSON object per line',
    options: ['text', 'json'] as const,
    default: 'text' as const
  })(),
  'metrics-host': Flags.string({
    description: 'Address to serve --metrics-port on (default: 127.0.0.1)',
    dependsOn: ['metrics-port']
  }),
  'metrics-port': Flags.integer({
    description: 'Serve /healthz, /readyz and /metrics (Prometheus) over HTTP on this port',
    min: 0,
    max: 65535
  })
}

export interface OperationFlags {
  'log-format': 'text' | 'json'
  'metrics-host': string | undefined
  'metrics-port': number | undefined
}

/** Where the SDK is to serve metrics, if at all. */
export function monitorOption(flags: OperationFlags): { metrics?: { port: number; host?: string } } {
  const { 'metrics-port': port, 'metrics-host': host } = flags
  return port === undefined ? {} : { metrics: { port, ...(host === undefined ? {} : { host }) } }
}

/** The same flags for another process. */
export function operationArguments(flags: OperationFlags): string[] {
  const { 'log-format': format, 'metrics-host': host, 'metrics-port': port } = flags
  return [
    ...(format === 'text' ? [] : ['--log-format', format]),
    ...(host === undefined ? [] : ['--metrics-host', host]),
    ...(port === undefined ? [] : ['--metrics-port', String(port)])
  ]
}

export function setLogFormat(format: OperationFlags['log-format']): void {
  if (format === 'json') logAsJson()
}
