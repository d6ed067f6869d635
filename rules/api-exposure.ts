// Who reaches the program interface of a runtime, and whether it asks them for a key: what is bound beside what was answered. A
// listener on every address answers at loopback as it does elsewhere; one on a single other address is not asked, so nothing is known.
import type { FindingEvidence } from '../contract/finding.ts'
import type { Runtime } from '../contract/runtime.ts'

/** `open`: answered without a key. `keyed`: refused without one. `unknown`: nothing that tells it was answered. */
export type Exposure = 'open' | 'keyed' | 'unknown'

export interface ApiExposure {
  /** Of listeners that others on the network can reach. */
  readonly beyond: readonly Exposure[]
  readonly evidence: readonly FindingEvidence[]
}

/** What others can reach, listener by listener, with the requests that show it. */
export function apiExposureOf({ listeners, api }: Pick<Runtime, 'listeners' | 'api'>): ApiExposure {
  const reachable = listeners.filter(({ protocol, scope }) => protocol !== 'unix' && scope !== 'loopback')
  const beyond = reachable.map((listener) => exposureOf(listener, api))
  const evidence = reachable.flatMap((listener) => {
    const place = `${listener.address}:${listener.port}`
    const details = answersAt(listener, api).map(({ path, status }) => describeAnswer(path, status))
    const lines = details.length === 0 ? [describeSilence(listener)] : details
    return lines.map((detail) => ({ kind: 'program-interface', place, detail }))
  })
  return { beyond: [...new Set(beyond)], evidence: evidence.slice(0, MAX_LINES) }
}

/** A finding is read by a person. */
const MAX_LINES = 16
const OK = 200

type Asked = NonNullable<NonNullable<Runtime['api']>['asked']>
type Listener = Runtime['listeners'][number]

function exposureOf(listener: Listener, api: Runtime['api']): Exposure {
  const statuses = answersAt(listener, api).map(({ status }) => status)
  if (statuses.length === 0) return 'unknown'
  return statuses.every((status) => status === OK) ? 'open' : 'keyed'
}

/** Answers at loopback speak for a listener on every address, and for no other. */
function answersAt({ scope, port }: Listener, api: Runtime['api']): Asked {
  return scope === 'any' ? (api?.asked ?? []).filter((each) => each.port === port) : []
}

function describeAnswer(path: string, status: number): string {
  const asked = `GET ${path} without a key, asked at loopback`
  return status === OK ? `${asked}, was answered with 200: no key is needed` : `${asked}, was refused with ${status}`
}

function describeSilence({ scope }: Listener): string {
  return scope === 'specific'
    ? 'whether it wants a key is not known: it is bound to this address alone, and only loopback is asked'
    : 'whether it wants a key is not known: no request that tells it was answered'
}
