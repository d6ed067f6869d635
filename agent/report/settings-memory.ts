// What the state keeps of settings: the policy that the collector last sent, and the documents as they last were of use, so that a
// service that starts with a broken file goes on as before.
import { readEnrolment } from './identity.ts'
import { readMeta, writeMeta } from './meta.ts'
import type { StateStore } from './state-store.ts'
import { isRecord, parseJson } from './sweep-record.ts'

type Values = ReadonlyMap<string, unknown>

/** Documents by name. */
export type KeptDocuments = Readonly<Partial<Record<'managed' | 'collector' | 'file', Values>>>

export interface KeptPolicy {
  readonly etag: string
  readonly values: Values
}

/** The policy of the collector that this machine is enrolled at; null when it sent none. */
export function readPolicy(state: StateStore): KeptPolicy | null {
  const enrolment = readEnrolment(state)
  const text = state.read((database) => readMeta(database, 'agentPolicy'))
  const kept = text.ok && text.value !== null ? parseJson(text.value) : null
  if (!isRecord(kept) || !enrolment.ok || kept['from'] !== enrolment.value?.collectorUrl) return null
  const { etag, values } = kept
  return typeof etag === 'string' && isRecord(values) ? { etag, values: new Map(Object.entries(values)) } : null
}

/** Keeps what a collector sent, under the address of that collector: another one's policy is nobody's. */
export function keepPolicy(state: StateStore, from: string, { etag, values }: KeptPolicy): void {
  state.write((database) =>
    writeMeta(database, 'agentPolicy', JSON.stringify({ from, etag, values: Object.fromEntries(values) })),
  )
}

/** The documents as they last were of use. */
export function readGoodSettings(state: StateStore): KeptDocuments {
  const text = state.read((database) => readMeta(database, 'goodSettings'))
  const kept = text.ok && text.value !== null ? parseJson(text.value) : null
  if (!isRecord(kept)) return {}
  const of = (name: string): Values | undefined => {
    const values = kept[name]
    return isRecord(values) ? new Map(Object.entries(values)) : undefined
  }
  const [managed, collector, file] = [of('managed'), of('collector'), of('file')]
  return { ...(managed && { managed }), ...(collector && { collector }), ...(file && { file }) }
}

/** Keeps the documents; writes only what is new. */
export function keepGoodSettings(state: StateStore, good: KeptDocuments): void {
  const plain = Object.entries(good).map(([name, values]) => [name, Object.fromEntries(values)] as const)
  const text = JSON.stringify(Object.fromEntries(plain))
  const before = state.read((database) => readMeta(database, 'goodSettings'))
  if (before.ok && before.value !== text) state.write((database) => writeMeta(database, 'goodSettings', text))
}
