// The last gate of an artifact: what a file made of it must never keep the whole record from the wire. Numbers that no double holds,
// texts and lists over their limit, and records of megabytes lose the part that does not fit, visibly (CWE-20, CWE-770).
import type { Artifact } from '../contract/artifact.ts'
import { type ArtifactFault, faultsOf } from '../contract/artifact-faults.ts'
import { wellFormed } from '../contract/well-formed.ts'
import type { Gap } from '../contract/wire.ts'

/** Half of what the outbox takes for one thing (agent/report/report-body.ts): arrival and relations are added later. */
const MAX_RECORD_BYTES = 2_097_152
const MAX_PARTS_BYTES = 786_432
/** Of gaps, of threats, and of identifications each. */
const MAX_LIST_BYTES = 262_144
/** A fault moves up one level a round where a required field goes; the schema is six levels deep. */
const MAX_ROUNDS = 12
/** What the wire carries (contract/artifact.ts). */
const MAX_GAPS = 256
/** Fields told by name; a thousand parts of the wrong size are one field. */
const MAX_NAMED_FIELDS = 16

/** The same artifact where it fits, as nearly all do; otherwise what of it fits, and a gap that tells what was left out. */
export function fitArtifact(artifact: Artifact): Artifact {
  const isValid = faultsOf(artifact).length === 0
  if (isValid && bytesOf(artifact) <= MAX_RECORD_BYTES) return artifact
  const lost = new Set<string>()
  const copy = wellFormed(artifact)
  if (!isValid) mend(copy, lost)
  const small = cutToSize(copy, lost)
  return lost.size === 0 ? small : { ...small, gaps: [...small.gaps.slice(0, MAX_GAPS - 1), gapOf(small.path, lost)] }
}

/** What breaks the schema is taken out, whatever its size: of an artifact that another process describes. */
export function mendArtifact(artifact: object & { readonly path?: unknown; readonly gaps?: unknown }): unknown {
  const copy = wellFormed(artifact)
  const lost = new Set<string>()
  mend(copy, lost)
  const { path, gaps } = copy
  if (lost.size === 0 || typeof path !== 'string' || !Array.isArray(gaps)) return copy
  const kept: readonly unknown[] = gaps.slice(0, MAX_GAPS - 1)
  return { ...copy, gaps: [...kept, gapOf(path, lost)] }
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

function gapOf(place: string, lost: ReadonlySet<string>): Gap {
  const named = [...lost].slice(0, MAX_NAMED_FIELDS).join(', ')
  const more = lost.size > MAX_NAMED_FIELDS ? ` and ${lost.size - MAX_NAMED_FIELDS} more` : ''
  const detail = `fields that do not fit the wire were left out: ${named}${more}`
  return { code: 'GNO_READ_LIMIT', place, count: 1, detail }
}

/** Takes out of a copy whatever breaks the schema. */
function mend(copy: object, lost: Set<string>): void {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const faults = faultsOf(copy)
    if (faults.length === 0) return
    const holed = new Set<unknown[]>()
    for (const fault of faults) {
      lost.add(nameOf(fault))
      mendFault(copy, fault, holed)
    }
    for (const list of holed) closeHoles(list)
  }
}

/** The path in words, without the places in lists. */
function nameOf({ path }: ArtifactFault): string {
  const keys = path.filter((key) => typeof key === 'string')
  return keys.join('.').slice(0, 128)
}

function mendFault(copy: unknown, fault: ArtifactFault, holed: Set<unknown[]>): void {
  const keys = [...fault.path]
  const last = keys.pop()
  const holder = follow(copy, keys)
  if (last === undefined || holder === undefined) return
  const cut = cutValue(String(last), memberOf(holder, last), fault.maximum)
  // What is missing already was required: its holder cannot stay.
  const isMissing = memberOf(holder, last) === undefined
  const [target, key, value] = isMissing
    ? [follow(copy, keys.slice(0, -1)), keys.at(-1), undefined]
    : [holder, last, cut]
  if (Array.isArray(target) && typeof key === 'number') {
    target[key] = value
    holed.add(target)
  } else if (isRecord(target) && key !== undefined) {
    if (value === undefined) Reflect.deleteProperty(target, key)
    else Reflect.set(target, key, value)
  }
}

/** What may stay of a value that is too much; undefined for nothing. */
function cutValue(key: string, value: unknown, maximum: number | undefined): unknown {
  if (typeof value === 'number' && /bytes$/i.test(key)) return clampedSize(value)
  if (maximum === undefined) return undefined
  if (typeof value === 'string') return value.slice(0, maximum).toWellFormed()
  return Array.isArray(value) ? value.slice(0, maximum) : undefined
}

function clampedSize(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.trunc(value)))
}

function follow(from: unknown, path: readonly PropertyKey[]): unknown {
  let at = from
  for (const key of path) at = memberOf(at, key)
  return at
}

function memberOf(holder: unknown, key: PropertyKey): unknown {
  if (Array.isArray(holder)) return typeof key === 'number' ? holder[key] : undefined
  return isRecord(holder) && Object.hasOwn(holder, key) ? Reflect.get(holder, key) : undefined
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function closeHoles(list: unknown[]): void {
  const kept = list.filter((item) => item !== undefined)
  list.splice(0, list.length, ...kept)
}

/** Least told first: parts beyond the first hundreds, then lists, then whole rungs that a hostile header filled. */
function cutToSize(artifact: Artifact, lost: Set<string>): Artifact {
  let small = artifact
  for (const [name, step] of STEPS) {
    if (bytesOf(small) <= MAX_RECORD_BYTES) break
    const next = step(small)
    if (bytesOf(next) < bytesOf(small)) lost.add(name)
    small = next
  }
  return small
}

type Step = (artifact: Artifact) => Artifact

const STEPS: readonly (readonly [string, Step])[] = [
  ['parts', (artifact) => ({ ...artifact, parts: firstOf(artifact.parts, MAX_PARTS_BYTES) })],
  ['gaps', (artifact) => ({ ...artifact, gaps: firstOf(artifact.gaps, MAX_LIST_BYTES) })],
  ['scan', withoutScan],
  ['threats', (artifact) => ({ ...artifact, threats: firstOf(artifact.threats, MAX_LIST_BYTES) })],
  [
    'identifications',
    (artifact) => ({ ...artifact, identifications: firstOf(artifact.identifications, MAX_LIST_BYTES) }),
  ],
  ...(['container', 'claims', 'structure', 'lineage'] as const).map((rung): readonly [string, Step] => [
    `fingerprint.${rung}`,
    (artifact) => withoutRung(artifact, rung),
  ]),
]

/** The threats were judged by it already; what is left cannot be judged anew. */
function withoutScan({ scan, ...artifact }: Artifact): Artifact {
  return scan === undefined
    ? artifact
    : { ...artifact, scan: { ...scan, isWhole: false, actions: firstOf(scan.actions, MAX_LIST_BYTES) } }
}

function withoutRung(artifact: Artifact, rung: keyof Artifact['fingerprint']): Artifact {
  const rest = Object.entries(artifact.fingerprint).filter(([key]) => key !== rung)
  return { ...artifact, fingerprint: Object.fromEntries(rest) }
}

/** The first of a list that fit into so many bytes. */
function firstOf<T>(list: readonly T[], bytes: number): readonly T[] {
  let left = bytes
  return list.filter((item) => {
    left -= bytesOf(item) + 1
    return left >= 0
  })
}
