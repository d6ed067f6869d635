// The report: a sequence-numbered delta from one agent, with the coverage that says what was looked at.
import { z } from 'zod'
import { artifactSchema } from './artifact.ts'
import { findingSchema } from './finding.ts'
import { installationSchema } from './installation.ts'
import { chainSchema } from './report-chain.ts'
import { runtimeSchema } from './runtime.ts'
import { countSchema, MAX_COUNTS, privacyMarkSchema } from './privacy.ts'
import { gapSchema, instant, nameText, pathText, sentence, wholeNumber } from './wire.ts'

/** The agent as a sensor of its own trouble: its gaps are conditions, each a subject of policies by itself. */
export const OWN_SENSOR = 'agent'

export const coverageSchema = z
  .object({
    sensor: nameText,
    /** `complete`, `partial` (see the gaps), `failed`, or `unsupported` on this system. */
    state: z.enum(['complete', 'partial', 'failed', 'unsupported']),
    places: z.array(pathText).max(256).readonly(),
    /** Things looked at: files seen, processes seen. */
    looked: wholeNumber,
    detail: sentence,
  })
  .readonly()
export type Coverage = z.infer<typeof coverageSchema>

export const hostSchema = z
  .object({
    hostId: nameText,
    hostName: nameText,
    platform: nameText,
    operatingSystem: nameText,
    kernel: nameText,
    architecture: nameText,
    processor: nameText,
    cores: wholeNumber,
    memoryBytes: wholeNumber,
    swapBytes: wholeNumber,
    graphics: z
      .array(z.object({ vendor: nameText, model: nameText, memoryBytes: wholeNumber.nullable() }).readonly())
      .max(32)
      .readonly(),
    agentVersion: nameText,
    packVersion: nameText,
    /** The largest model class that fits this host's memory, from what the host record says. */
    couldRun: z
      .object({
        /** `70B at 4 bits`: the class in words. */
        largest: nameText,
        parameters: wholeNumber,
        /** `RAM`, `VRAM`, `unified memory`. */
        memoryKind: nameText,
        memoryBytes: wholeNumber,
        because: z.array(sentence).max(16).readonly(),
      })
      .readonly()
      .optional(),
    /** What the agent itself used in the last hour at most; absent until it was measured, and where no daemon runs. */
    agent: z
      .object({
        seconds: wholeNumber,
        measures: z
          .array(
            z
              .object({
                /** `processorPercent` (of all cores), `memoryBytes`, `filesPerSecond` and so on. */
                name: nameText,
                now: z.number().min(0),
                mean: z.number().min(0),
                peak: z.number().min(0),
              })
              .readonly(),
          )
          .max(16)
          .readonly(),
      })
      .readonly()
      .optional(),
    /** Absent: everything is told as it is. */
    privacy: privacyMarkSchema.optional(),
    /** What is there now, at the level `counts`, which tells nothing else. */
    counts: z.array(countSchema).max(MAX_COUNTS).readonly().optional(),
  })
  .readonly()
export type Host = z.infer<typeof hostSchema>

/** `gnomon scan --json`. */
export const scanSchema = z
  .object({
    schema: z.literal('gnomon-scan/1'),
    host: hostSchema,
    startedAt: instant,
    finishedAt: instant,
    coverage: z.array(coverageSchema).max(64).readonly(),
    artifacts: z.array(artifactSchema).readonly(),
    runtimes: z.array(runtimeSchema).readonly(),
    /** What is installed; told by whole sweeps only. */
    installations: z.array(installationSchema).readonly().optional(),
    findings: z.array(findingSchema).readonly(),
    gaps: z.array(gapSchema).readonly(),
  })
  .readonly()
export type Scan = z.infer<typeof scanSchema>

/** Most members one report carries in each list; the agent splits above it. */
export const MAX_REPORT_ITEMS = 500

export const reportSchema = z
  .object({
    schema: z.literal('gnomon-report/1'),
    /** Starts at 1 and has no holes; with the agent's identity it makes doubles harmless. */
    sequence: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
    reportId: z.uuid(),
    host: hostSchema,
    startedAt: instant,
    finishedAt: instant,
    coverage: z.array(coverageSchema).max(64).readonly(),
    gaps: z.array(gapSchema).max(MAX_REPORT_ITEMS).readonly(),
    /** New or changed since the last report. */
    artifacts: z.array(artifactSchema).max(MAX_REPORT_ITEMS).readonly(),
    runtimes: z.array(runtimeSchema).max(MAX_REPORT_ITEMS).readonly(),
    installations: z.array(installationSchema).max(MAX_REPORT_ITEMS).readonly().optional(),
    findings: z.array(findingSchema).max(MAX_REPORT_ITEMS).readonly(),
    /** Seen before, looked for again inside the coverage, and no longer there. */
    gone: z
      .object({
        artifactPaths: z.array(pathText).max(MAX_REPORT_ITEMS).readonly(),
        runtimeKeys: z.array(nameText).max(MAX_REPORT_ITEMS).readonly(),
        installationKeys: z.array(nameText).max(MAX_REPORT_ITEMS).readonly().optional(),
        findingIds: z.array(nameText).max(MAX_REPORT_ITEMS).readonly(),
      })
      .readonly(),
    /** Reports that the agent had to drop before this one (full disk). */
    lostReports: wholeNumber,
    /** Absent from agents that are older than the chain. */
    chain: chainSchema.optional(),
  })
  .readonly()
export type Report = z.infer<typeof reportSchema>

export const acknowledgementSchema = z.object({ acknowledged: wholeNumber }).readonly()
export type Acknowledgement = z.infer<typeof acknowledgementSchema>

export const enrolmentRequestSchema = z.object({ token: nameText, hostId: nameText, hostName: nameText }).readonly()
export type EnrolmentRequest = z.infer<typeof enrolmentRequestSchema>
export const enrolmentAnswerSchema = z
  .object({
    agentId: nameText,
    /** Travels in a header. */
    agentToken: z.string().regex(/^[A-Za-z0-9._~+/=-]{8,512}$/),
    /** Far above anything reached; far below where counting ends. */
    nextSequence: z
      .number()
      .int()
      .min(0)
      .max(2 ** 48),
  })
  .readonly()
export type EnrolmentAnswer = z.infer<typeof enrolmentAnswerSchema>

/** The body of every answer of the collector that is not 2xx. `expectedSequence` comes with GNO_REPORT_OUT_OF_ORDER and GNO_REPORT_CONFLICT. */
export const problemSchema = z
  .object({ code: nameText, detail: sentence, expectedSequence: wholeNumber.optional() })
  .readonly()
export type Problem = z.infer<typeof problemSchema>
