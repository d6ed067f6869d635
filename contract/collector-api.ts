// What the collector answers on its reading routes (`/api/v1/…`): lists are short rows, details are whole records.
import { z } from 'zod'
import { artifactSchema } from './artifact.ts'
import { findingSchema } from './finding.ts'
import { privacyLevelSchema } from './privacy.ts'
import { chainBreakSchema } from './report-chain.ts'
import { coverageSchema, hostSchema } from './report.ts'
import { installationSchema } from './installation.ts'
import { runtimeSchema } from './runtime.ts'
import {
  confidenceSchema,
  gapSchema,
  instant,
  nameText,
  pathText,
  sentence,
  severitySchema,
  wholeNumber,
} from './wire.ts'

/** `GET /healthz`. */
export const healthSchema = z.object({ status: z.literal('ok') }).readonly()

/** `GET /api/v1/openapi.json`: the part of an OpenAPI document that is promised here. */
export const openApiSchema = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }).readonly()

/** Whether "nothing found" may be believed: `never` reported, `blind` (every sensor failed), `partial` (there are gaps), `complete`. */
export const lookedSchema = z.enum(['never', 'blind', 'partial', 'complete'])
export type Looked = z.infer<typeof lookedSchema>

/** What let an enrolled host enrol again: the agent token it had, or a token of `gnomon-collector token --replace`. */
export const replacedBySchema = z.enum(['own-token', 'replacement-token'])

const bySeverity = z
  .object({ info: wholeNumber, low: wholeNumber, medium: wholeNumber, high: wholeNumber, critical: wholeNumber })
  .readonly()

/** How many things a host at the privacy level `counts` has; none of them is in any list. */
const numbersOnlySchema = z
  .object({ findings: bySeverity, artifacts: wholeNumber, runtimes: wholeNumber, installations: wholeNumber })
  .readonly()

export const hostRowSchema = z
  .object({
    hostId: nameText,
    hostName: nameText,
    platform: nameText.nullable(),
    operatingSystem: nameText.nullable(),
    agentVersion: nameText.nullable(),
    enrolledAt: instant,
    /** When this host last enrolled again, so that its agent token was replaced. */
    replacedAt: instant.nullable(),
    replacedBy: replacedBySchema.nullable(),
    /** When the collector last accepted a report. */
    lastReportAt: instant.nullable(),
    lastSequence: wholeNumber,
    lostReports: wholeNumber,
    looked: lookedSchema,
    gapCount: wholeNumber,
    openFindings: wholeNumber,
    /** At `counts` no list tells what is on this host; at `pseudonymous` names and paths are hashes. */
    privacyLevel: privacyLevelSchema,
    /** Only at the level `counts`, once they were told. */
    numbersOnly: numbersOnlySchema.nullable(),
    /** The chain of its reports; absent as long as none of them was chained. */
    reportChain: z
      .object({
        breaks: wholeNumber,
        /** How it last broke, with which report, and one sentence for a person; null while it holds. */
        last: z
          .object({ kind: chainBreakSchema, sequence: wholeNumber, at: instant, statement: sentence })
          .readonly()
          .nullable(),
      })
      .readonly()
      .optional(),
  })
  .readonly()
export type HostRow = z.infer<typeof hostRowSchema>

export const findingStatusSchema = z.enum(['open', 'resolved'])
export type FindingStatus = z.infer<typeof findingStatusSchema>

export const findingRowSchema = z
  .object({
    findingId: nameText,
    hostId: nameText,
    hostName: nameText,
    policyId: nameText,
    title: sentence,
    severity: severitySchema,
    confidence: confidenceSchema,
    status: findingStatusSchema,
    simulated: z.boolean(),
    subject: z.object({ kind: nameText, key: pathText }).readonly(),
    /** Times of the collector's clock. */
    firstSeenAt: instant,
    lastSeenAt: instant.describe('The last report of the host in which the finding was still open, seen anew or not.'),
    resolvedAt: instant.nullable(),
    revision: wholeNumber,
    /** True where it was closed because its host tells numbers only since then, not because it is known to be gone. */
    isWithheld: z.boolean(),
  })
  .readonly()
export type FindingRow = z.infer<typeof findingRowSchema>

export const findingChangeSchema = z.enum(['opened', 'changed', 'resolved', 'reopened'])
export type FindingChange = z.infer<typeof findingChangeSchema>

/** One step in a finding's life, written in the same transaction as the report that caused it. */
export const historyEntrySchema = z
  .object({
    revision: wholeNumber,
    change: findingChangeSchema,
    severity: severitySchema,
    previousSeverity: severitySchema.nullable(),
    sequence: wholeNumber,
    at: instant,
  })
  .readonly()
export type HistoryEntry = z.infer<typeof historyEntrySchema>

const seen = { hostId: nameText, hostName: nameText, firstSeenAt: instant, changedAt: instant }
export const artifactRecordSchema = z.object({ ...seen, artifact: artifactSchema }).readonly()
export type ArtifactRecord = z.infer<typeof artifactRecordSchema>
export const runtimeRecordSchema = z.object({ ...seen, runtime: runtimeSchema }).readonly()
export type RuntimeRecord = z.infer<typeof runtimeRecordSchema>
export const installationRecordSchema = z.object({ ...seen, installation: installationSchema }).readonly()
export type InstallationRecord = z.infer<typeof installationRecordSchema>

export const findingDetailSchema = z
  .object({
    row: findingRowSchema,
    finding: findingSchema,
    history: z.array(historyEntrySchema).readonly(),
    /** What the finding speaks of, as it is now on that host. */
    artifacts: z.array(artifactRecordSchema).readonly(),
    runtimes: z.array(runtimeRecordSchema).readonly(),
  })
  .readonly()
export type FindingDetail = z.infer<typeof findingDetailSchema>

export const hostDetailSchema = z
  .object({
    row: hostRowSchema,
    host: hostSchema.nullable(),
    coverage: z.array(coverageSchema).readonly(),
    gaps: z.array(gapSchema).readonly(),
    /** One sentence: what was looked at, and what could not be. */
    statement: sentence,
  })
  .readonly()
export type HostDetail = z.infer<typeof hostDetailSchema>

export const summarySchema = z
  .object({
    at: instant,
    hosts: z
      .object({
        enrolled: wholeNumber,
        /** Reported within the last 24 hours. */
        reporting: wholeNumber,
        stale: wholeNumber,
        never: wholeNumber,
        /** Hosts of which some place could not be looked at. */
        withGaps: wholeNumber,
      })
      .readonly(),
    /** Hosts at the privacy level `counts`, and the sums of what they told; nothing of it is in the numbers and lists beside it, but for
     * one open finding a host that stands for all of its own. */
    countsOnly: z.object({ hosts: wholeNumber, numbers: numbersOnlySchema }).readonly(),
    artifacts: z.object({ total: wholeNumber, distinct: wholeNumber }).readonly(),
    runtimes: z.object({ total: wholeNumber, inference: wholeNumber }).readonly(),
    /** Simulated findings are counted apart, never among the open ones. */
    findings: z.object({ open: bySeverity, simulatedOpen: wholeNumber, resolved: wholeNumber }).readonly(),
  })
  .readonly()
export type Summary = z.infer<typeof summarySchema>

/** One page of a list; `next` is the cursor of the following page. */
export interface Page<Row> {
  readonly items: readonly Row[]
  readonly next: string | null
}

/** The schema of one page of a list. */
export const pageSchema = <Row extends z.ZodType>(row: Row) =>
  z.object({ items: z.array(row).readonly(), next: nameText.nullable() }).readonly()

/** `GET /api/v1/agent/findings`: what an agent may know about its own host. */
export const ownFindingsSchema = z
  .object({
    findings: z
      .array(
        z
          .object({
            findingId: nameText,
            title: sentence,
            severity: severitySchema,
            simulated: z.boolean(),
            firstSeenAt: instant,
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly()
export type OwnFindings = z.infer<typeof ownFindingsSchema>
