/** The spellings of an agent's key, as lines for a person. */
export function identityLines(identity: { peerId: string; did: string; hex: string; dataDir: string }): string[] {
  return [
    `  PeerId          ${identity.peerId}`,
    `  DID             ${identity.did}`,
    `  Hex key         ${identity.hex}`,
    `  Data directory  ${identity.dataDir}`
  ]
}

/** To standard error, with --json too: nobody should learn of it later. */
export function warnOfPlaintext(): void {
  process.stderr.write(
    'WARNING: this wallet is not sealed. Whoever reads wallet.json is this agent. `talos wallet passphrase` seals it.\n'
  )
}
