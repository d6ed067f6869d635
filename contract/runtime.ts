// A Runtime: one story per running thing. Process, weights, memory and listener in one record, with what spoke for it.
import { z } from 'zod'
import {
  because,
  confidenceSchema,
  gapSchema,
  instant,
  nameText,
  pathText,
  sentence,
  text,
  wholeNumber,
} from './wire.ts'

/** Kinds of evidence that are independent of one another (DESIGN.md section 4). */
export const EVIDENCE_KINDS = [
  'binary-content',
  'library-mapped',
  'weights-mapped',
  'weights-open',
  'process-name',
  'command-line',
  'parent',
  'listener',
  'http-answer',
  'memory-fit',
  'container-label',
  'state-file',
  'package',
  'executable-path',
  'graphics-memory',
] as const
export const evidenceKindSchema = z.enum(EVIDENCE_KINDS)
export type EvidenceKind = z.infer<typeof evidenceKindSchema>

export const evidenceSchema = z
  .object({ kind: evidenceKindSchema, detail: sentence, weight: z.number().min(0).max(100) })
  .readonly()
export type Evidence = z.infer<typeof evidenceSchema>

export const runtimeIdentificationSchema = z
  .object({
    /** Rule entry, e.g. `ollama`; `unnamed-inference` when evidence proves inference but names no product. */
    entryId: nameText,
    product: nameText,
    vendor: nameText.optional(),
    category: nameText,
    /** Version of the product, as an answer, a package or the program itself told it. */
    version: text(64).optional(),
    confidence: confidenceSchema,
    evidence: z.array(evidenceSchema).max(64).readonly(),
    /** True when some evidence shows a model being run, not only that the tool is there. */
    runsModel: z.boolean().optional(),
    because,
  })
  .readonly()
export type RuntimeIdentification = z.infer<typeof runtimeIdentificationSchema>

/** A number of a device or file as the system tells it; 64 bits have twenty digits. */
const deviceText = text(40)

export const weightsInUseSchema = z
  .object({
    path: pathText,
    how: z.enum(['mapped', 'open']),
    /** Device and inode, as stat(1) tells them. */
    dev: deviceText.optional(),
    inode: deviceText.optional(),
    /** Where the kernel leads to it while the process runs, below /proc/PID: `map_files/RANGE` or `fd/N`. */
    procLink: text(64).optional(),
    isDeleted: z.boolean(),
    sizeBytes: wholeNumber,
    /** Set when the file was read as well. */
    artifactId: nameText.nullable(),
    /** The key of that artifact on this host: the file itself, the first shard, or the folder. */
    artifactPath: pathText.nullable().optional(),
    format: nameText.nullable(),
    /** Model name that the artifact was identified as, if any. */
    model: nameText.nullable(),
    parameterCount: z.number().min(0).optional(),
    /** Most frequent type of its tensors, as `Q4_K_M`. */
    quantization: nameText.optional(),
    /** Set for an adapter: it changes the model that is used beside it. */
    isAdapter: z.boolean().optional(),
  })
  .readonly()
export type WeightsInUse = z.infer<typeof weightsInUseSchema>

export const listenerSchema = z
  .object({
    protocol: z.enum(['tcp', 'tcp6', 'unix']),
    address: pathText,
    port: z.number().int().min(0).max(65535),
    scope: z.enum(['loopback', 'any', 'specific']),
  })
  .readonly()
export type Listener = z.infer<typeof listenerSchema>

/** Memory of one graphics card or accelerator that the process uses. Null is "not told", never zero. */
export const graphicsUseSchema = z
  .object({
    /** PCI address, or the driver's own name of the device; null when only a held descriptor shows the use. */
    device: nameText.nullable(),
    driver: nameText,
    /** Memory of the card. */
    dedicatedBytes: wholeNumber.nullable(),
    /** Memory of the system that the card uses beside its own. */
    sharedBytes: wholeNumber.nullable(),
    /** Memory of the system, on a device without memory of its own. */
    unifiedBytes: wholeNumber.nullable(),
    busyPercent: z.number().min(0).max(100).nullable(),
  })
  .readonly()
export type GraphicsUse = z.infer<typeof graphicsUseSchema>

/** What a runtime says of itself when asked for its metadata: claims. */
export const toldSchema = z
  .object({
    version: nameText.optional(),
    model: nameText.optional(),
    contextTokens: wholeNumber.optional(),
    loadedBytes: wholeNumber.optional(),
    gpuBytes: wholeNumber.optional(),
  })
  .readonly()
export type Told = z.infer<typeof toldSchema>

/** The memory test: what the process holds against what the weights that it uses need. */
export const memoryFitSchema = z
  .object({
    /** Resident, huge-page, graphics and unified memory together. */
    heldBytes: wholeNumber,
    /** Weights alone, without KV cache. */
    neededBytes: wholeNumber,
    /** KV cache beside them, at 16 bits, for the context that the runtime tells of: a claim, so it decides nothing. */
    cacheBytes: wholeNumber.optional(),
    fits: z.boolean(),
  })
  .readonly()
export type MemoryFit = z.infer<typeof memoryFitSchema>

/** What the program interface of a runtime lets anybody do who reaches it. Told by metadata requests only. */
export const apiUseSchema = z
  .object({
    /** False when metadata was refused with 401 or 403; null when nothing that tells it was answered. */
    opensWithoutKey: z.boolean().nullable(),
    /** Names of the models that it offers: claims. */
    models: z.array(nameText).max(16).readonly(),
    /** What tells it: requests that such servers refuse where a key is set, asked at loopback without one. */
    asked: z
      .array(
        z
          .object({
            port: z.number().int().min(0).max(65535),
            path: text(256),
            status: z.number().int().min(0).max(999),
          })
          .readonly(),
      )
      .max(16)
      .readonly()
      .optional(),
  })
  .readonly()
export type ApiUse = z.infer<typeof apiUseSchema>

/** What an agent that runs is connected with: where its model is, and who gives it tools. */
export const agentUseSchema = z
  .object({
    /** Null: neither its command line, nor its environment, nor its settings tell. */
    pointsAtLocalModel: z.boolean().nullable(),
    /** Children that were started with a program of its MCP configuration, with the servers that this may be. */
    mcpServers: z
      .array(z.object({ pid: wholeNumber, program: text(96), names: z.array(text(96)).max(8).readonly() }).readonly())
      .max(32)
      .readonly(),
    because,
  })
  .readonly()
export type AgentUse = z.infer<typeof agentUseSchema>

/** One day, UTC, of a runtime. */
export const dayOfUseSchema = z
  .object({
    /** `2026-11-23` */
    day: z.iso.date(),
    /** Seconds between looks that both saw it. */
    seenSeconds: wholeNumber,
    /** Of them, seconds in which it worked. */
    busySeconds: wholeNumber,
  })
  .readonly()
export type DayOfUse = z.infer<typeof dayOfUseSchema>

/** Work over time, as far as the agent looked: what ran between two looks is not known. */
export const useOverTimeSchema = z
  .object({
    /** Works now, by processor and graphics time between the last two looks; null at the first look and where nothing tells it. */
    isBusy: z.boolean().nullable(),
    /** Since when, without a pause of more than five minutes; null when it did not work for so long. */
    busySince: instant.nullable(),
    /** First look at this runtime, whatever its pid was then. */
    watchedSince: instant,
    /** Connections to its listeners now; null where they cannot be counted. */
    clients: wholeNumber.nullable(),
    /** Newest day first. */
    days: z.array(dayOfUseSchema).max(31).readonly(),
  })
  .readonly()
export type UseOverTime = z.infer<typeof useOverTimeSchema>

export const runtimeSchema = z
  .object({
    /** Stable across restarts: user, executable and script, never a pid. */
    runtimeKey: nameText,
    pid: wholeNumber,
    startedAt: instant,
    name: nameText,
    parent: z.object({ pid: wholeNumber, name: nameText }).readonly().nullable(),
    user: z.object({ uid: wholeNumber, name: nameText.nullable() }).readonly(),
    executable: z
      .object({
        path: pathText,
        isDeleted: z.boolean(),
        dev: deviceText.optional(),
        inode: deviceText.optional(),
      })
      .readonly()
      .nullable(),
    commandLine: z.array(pathText).max(256).readonly(),
    weights: z.array(weightsInUseSchema).max(64).readonly(),
    memory: z
      .object({
        residentBytes: wholeNumber,
        anonymousBytes: wholeNumber,
        fileBytes: wholeNumber,
        swapBytes: wholeNumber,
        /** Shared pages counted by their share (PSS). */
        proportionalBytes: wholeNumber.optional(),
        lockedBytes: wholeNumber.optional(),
        hugePageBytes: wholeNumber.optional(),
        /** Private anonymous mappings of at least 64 MiB each: where weights lie that are not mapped. */
        largeAnonymousBytes: wholeNumber.optional(),
      })
      .readonly()
      .nullable(),
    /** Kinds of memory that macOS and Windows tell instead. */
    physical: z
      .object({
        residentBytes: wholeNumber.optional(),
        /** Committed and shared with nobody (private bytes of Windows). */
        privateBytes: wholeNumber.optional(),
        /** What macOS charges the process with: dirty, compressed and swapped, its share of graphics memory included. */
        footprintBytes: wholeNumber.optional(),
        /** Of it, or beside it, memory given to the accelerator. */
        acceleratorBytes: wholeNumber.optional(),
        /** Resident pages of mapped files, which are not charged. */
        mappedFileBytes: wholeNumber.optional(),
      })
      .readonly()
      .optional(),
    /** The container or sandbox that the process lives in, by its control group. */
    container: z.object({ engine: nameText, id: nameText }).readonly().optional(),
    /** Kinds of namespace that differ from the agent's own. */
    namespaces: z.array(nameText).max(8).readonly().optional(),
    graphics: z.array(graphicsUseSchema).max(16).readonly().optional(),
    /** Engines whose strings are in the program or in an object that it maps, with the file that holds them. */
    engines: z
      .array(
        z
          .object({
            id: nameText,
            path: pathText,
            /** One of its strings, as the rule pack has it, and at which byte of the file it was found. */
            text: nameText.optional(),
            offset: wholeNumber.optional(),
          })
          .readonly(),
      )
      .max(32)
      .readonly()
      .optional(),
    told: toldSchema.optional(),
    api: apiUseSchema.optional(),
    agent: agentUseSchema.optional(),
    use: useOverTimeSchema.optional(),
    /** Folders that an administrator gave a label and in which the process has files open; absent when that setting is off. */
    labelledFolders: z
      .array(z.object({ label: nameText, openFiles: wholeNumber }).readonly())
      .max(32)
      .readonly()
      .optional(),
    memoryFit: memoryFitSchema.optional(),
    /** Share of one processor since the last look; 400 is four processors. */
    processorPercent: z.number().min(0).max(1e6).optional(),
    /** Kinds of evidence that were looked for and not seen. */
    notSeen: z.array(nameText).max(16).readonly().optional(),
    listeners: z.array(listenerSchema).max(64).readonly(),
    /** `inference`: likely runs a model. `in-use-by`: holds or reads weights, nothing more. `present`: a known tool without weights seen. */
    activity: z.enum(['inference', 'in-use-by', 'present']),
    identification: runtimeIdentificationSchema.nullable(),
    gaps: z.array(gapSchema).max(64).readonly(),
    simulated: z.boolean(),
  })
  .readonly()
export type Runtime = z.infer<typeof runtimeSchema>
