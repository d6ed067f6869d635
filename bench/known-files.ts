// Budgets: a known file found by its digest in under 10 microseconds, and the table of all of them under 1 MB resident.
import { openPack } from '../agent/rule-pack.ts'
import { noise } from './generated-model.ts'
import type { Measurement } from './measurement.ts'

const LOOKUPS = 200_000
const WARM_UP = 50_000
const SHA256_BYTES = 32

/** Measures lookups of digests that are not there, which go all the way down, and opening the pack around them. */
export async function measure(): Promise<readonly Measurement[]> {
  const started = performance.now()
  const pack = openPack()
  if (!pack.ok) throw new Error(pack.failure.detail)
  const openedMs = performance.now() - started
  const { digests } = pack.value
  const wanted = noise(SHA256_BYTES * LOOKUPS, 1).toString('hex')
  const look = (from: number, to: number): number => {
    let found = 0
    for (let index = from; index < to; index += 1) {
      const start = index * SHA256_BYTES * 2
      if (digests.find('sha256', wanted.slice(start, start + SHA256_BYTES * 2)) !== null) found += 1
    }
    return found
  }
  look(0, WARM_UP)
  const before = process.cpuUsage()
  const found = look(0, LOOKUPS)
  const used = process.cpuUsage(before)
  if (found > 0) throw new Error('a digest of noise was found')
  return await Promise.resolve([
    { name: 'known files', value: digests.count, unit: 'digests' },
    { name: 'lookup by SHA-256', value: (used.user + used.system) / LOOKUPS, unit: 'µs CPU', budget: 'under 10' },
    { name: 'table in memory', value: digests.residentBytes() / 1e6, unit: 'MB', budget: 'under 1' },
    { name: 'opening the whole rule pack', value: openedMs, unit: 'ms' },
  ])
}
