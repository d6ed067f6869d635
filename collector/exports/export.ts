// What an export is: a pure function from what was known of a host at an instant to the bytes that an auditor gets.
import type { HostSnapshot } from '../records.ts'

interface ExportContext {
  /** Version of the collector, as the export states it. */
  readonly version: string
}

export interface Export {
  /** How it is called on the command line. */
  readonly name: string
  readonly summary: string
  /** The same snapshot gives the same bytes, on every machine and every day. */
  readonly render: (snapshot: HostSnapshot, context: ExportContext) => string
}
