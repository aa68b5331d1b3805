/** Milliseconds: of the clock, and of the processor. */
export interface Taken {
  wall: number
  cpu: number
}

/** What `work` took in this process. */
export async function timed(work: () => unknown): Promise<Taken> {
  const [start, before] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wall: performance.now() - start, cpu: (user + system) / 1000 }
}
