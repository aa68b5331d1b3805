/** The name under which `talos mcp install` enters a remote tool, and under which uninstall finds it. */
export function entryNameOf(peer: string, service: string | undefined): string {
  return ['talos', peer, ...(service === undefined ? [] : [service])].join('-')
}
