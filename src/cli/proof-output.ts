import { type ProofReport, writeOutputFile } from '../index.ts'

/** A proof to its file, or to standard output; what to do with it to standard error. */
export async function putProof(
  { record, proof, opened, key }: ProofReport,
  output: string | undefined,
  { log, note }: { log: (text: string) => void; note: (text: string) => void }
): Promise<void> {
  if (output === undefined) log(proof.trimEnd())
  else await writeOutputFile(output, proof)
  const shows = opened.length === 0 ? 'nothing of its contents' : opened.join(', ')
  note(`${output === undefined ? '\n' : ''}The proof of record ${record} shows ${shows}.`)
  note(`  talos proof verify --file ${output ?? '<file>'} --offline\n  verifier key: ${key}`)
}
