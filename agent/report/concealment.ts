// What may leave this machine, by its privacy level. The outbox holds nothing that was not concealed before it was put in.
import type { Coverage, Host } from '../../contract/report.ts'
import type { PrivacyMark } from '../../contract/privacy.ts'
import type { Gap } from '../../contract/wire.ts'
import { createTextConcealer } from './conceal-text.ts'
import { createValueConcealer } from './conceal-values.ts'
import type { Thing } from './digest.ts'
import { createPseudonyms } from './pseudonyms.ts'

export interface Concealment {
  readonly mark: PrivacyMark
  /** Called with everything that a look saw, before the rest. */
  readonly learn: (things: readonly Thing[]) => void
  /** What is told of a thing; null: nothing, it is only counted. */
  readonly thing: (thing: Thing) => Thing | null
  /** The id under which the collector knows a finding. */
  readonly findingId: (findingId: string) => string
  readonly hostName: (hostName: string, hostId: string) => string
  readonly host: (host: Host) => Host
  readonly coverage: (coverage: readonly Coverage[]) => readonly Coverage[]
  readonly gaps: (gaps: readonly Gap[]) => readonly Gap[]
}

/** Level `full`: everything as it is. */
export const TELL_ALL: Concealment = {
  mark: { level: 'full', key: null },
  learn: () => undefined,
  thing: (thing) => thing,
  findingId: (findingId) => findingId,
  hostName: (hostName) => hostName,
  host: (host) => host,
  coverage: (coverage) => coverage,
  gaps: (gaps) => gaps,
}

export interface Machine {
  readonly hostName: string
  readonly platform: string
  /** Homes of people, as the system lists them. */
  readonly homes: readonly string[]
}

/** Level `pseudonymous`. */
export function tellPseudonyms(key: Uint8Array, machine: Machine): Concealment {
  const pseudonyms = createPseudonyms(key)
  const { learn, thing, value } = createValueConcealer(
    pseudonyms,
    createTextConcealer(pseudonyms, machine),
    machine.platform,
  )
  const mark: PrivacyMark = { level: 'pseudonymous', key: pseudonyms.keyId }
  const hostName = (name: string): string => pseudonyms.of('host', name)
  return {
    mark,
    learn,
    thing,
    findingId: pseudonyms.digest,
    hostName,
    host: (host) => ({ ...value(host), hostName: hostName(host.hostName), privacy: mark }),
    coverage: (coverage) => coverage.map((one) => ({ ...value(one), state: one.state })),
    gaps: (gaps) => gaps.map(value),
  }
}

/** Level `counts`: no path, no name, no sentence. */
export function tellCounts(): Concealment {
  const mark: PrivacyMark = { level: 'counts', key: null }
  // The collector knows the host by its id; a name that is no name tells hosts apart on its page.
  const hostName = (_name: string, hostId: string): string => `host ${hostId.slice(-8)}`
  return {
    mark,
    learn: () => undefined,
    thing: () => null,
    findingId: (findingId) => findingId,
    hostName,
    host: (host) => ({ ...bareHost(host), hostName: hostName(host.hostName, host.hostId), privacy: mark }),
    coverage: (coverage) =>
      coverage.map(({ sensor, state, looked }) => ({ sensor, state, places: [], looked, detail: '' })),
    gaps: sumGaps,
  }
}

/** Its numbers and our own versions. What a system calls itself is text, and some put a name into it. */
function bareHost({
  hostId,
  platform,
  cores,
  memoryBytes,
  swapBytes,
  agentVersion,
  packVersion,
}: Host): Omit<Host, 'hostName'> {
  const texts = { operatingSystem: '', kernel: '', architecture: '', processor: '', graphics: [] }
  return { hostId, platform, ...texts, cores, memoryBytes, swapBytes, agentVersion, packVersion }
}

const NOT_TOLD = '(not told)'

/** One gap of each kind and sensor, with the sum of its places. */
function sumGaps(gaps: readonly Gap[]): readonly Gap[] {
  const sums = new Map<string, Gap>()
  for (const { code, sensor, count } of gaps) {
    const key = `${code} ${sensor ?? ''}`
    const before = sums.get(key)?.count ?? 0
    sums.set(key, {
      code,
      place: NOT_TOLD,
      count: Math.min(before + count, 1e9),
      detail: '',
      ...(sensor === undefined ? {} : { sensor }),
    })
  }
  return [...sums.values()]
}
