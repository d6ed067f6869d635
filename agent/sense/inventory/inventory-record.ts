// One place that the inventory met, with the text that was read there: what interpret-record.ts makes observations of. A capture
// of another system is a list of these.
import type { InstallationObservation, InstallationSource } from '../../../contract/installation.ts'
import type { Gap } from '../../../contract/wire.ts'
import type { RecordForm } from './inventory-places.ts'

export interface InventoryRecord {
  readonly source: InstallationSource
  readonly form: RecordForm
  /** `system`, or the home of a person. */
  readonly scope: string
  readonly path: string
  /** Null: it is there, and was not or could not be read. */
  readonly text: string | null
  /** List of a package's files that lies beside it. */
  readonly files?: string
}

/** What one record says. */
export interface RecordReading {
  readonly seen: readonly InstallationObservation[]
  readonly gaps: readonly Gap[]
}

/** Tells whether some entry of the pack asks for a name; large databases are asked before anything is kept. */
export type IsWanted = (source: InstallationSource | 'label', name: string) => boolean

/** Longest name and version that are kept. */
const MAX_NAME = 256
const MAX_VERSION = 64

/** An observation with its texts cut to what a report takes. */
export function observationOf(
  record: Pick<InventoryRecord, 'source' | 'scope' | 'path'>,
  name: string,
  version: string | null,
  more: Partial<Pick<InstallationObservation, 'isNameOnly' | 'labels' | 'program' | 'containerId' | 'owns'>> = {},
): InstallationObservation {
  const { source, scope, path } = record
  return {
    source,
    scope,
    place: path,
    name: name.slice(0, MAX_NAME),
    version: version === null || version === '' ? null : version.slice(0, MAX_VERSION),
    isNameOnly: false,
    ...more,
  }
}

/** The reading of a text that is not what it should be: told, never guessed. */
export function misread(record: InventoryRecord, detail: string): RecordReading {
  return { seen: [], gaps: [{ code: 'GNO_SENSE_FAILED', place: record.path, count: 1, detail }] }
}

/** An object of JSON, or null. V8 parses without recursion; nothing here goes deeper than a fixed number of keys. */
export function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  const value = jsonIn(text)
  return isObject(value) ? value : null
}

/** A JSON value, or undefined for a text that is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Cut, damaged or something else: whoever asked says so in a gap.
    return undefined
  }
}

/** True for a plain object; its keys are an attacker's, so they are asked for with memberOf. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An own member of an object: `__proto__` and `constructor` are keys like others. */
export function memberOf(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** An own member that is a text; empty for all else. */
export function textOf(value: unknown, key: string): string {
  const member = memberOf(value, key)
  return typeof member === 'string' ? member : ''
}
