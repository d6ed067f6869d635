// The rule pack: what detection engineers write (one YAML entry a file) and what an endpoint loads (one canonical JSON).
// Key order below is the order in the files; the editors' JSON Schemas in rules/schemas are generated from here.
import { z } from 'zod'
import { oneOrMore, word } from './literal-operators.ts'
import { binaryStringsSchema, platformPaths, productFacts } from './product-facts.ts'
import { runtimeExampleFactsSchema } from './runtime-example.ts'
import { conditionSchema, entryHead } from './rule-condition.ts'
import { evidenceKindSchema } from './runtime.ts'
import { threatEntrySchema } from './threat-entry.ts'
import { confidenceSchema, nameText, schemedDigest, severitySchema, text } from './wire.ts'

const { id, status, why, references } = entryHead

/** One piece of evidence that an entry weighs. */
export const evidenceRuleSchema = z
  .strictObject({
    kind: evidenceKindSchema,
    weight: z.number().int().min(1).max(100),
    /** Enough alone for `likely`. */
    decisive: z.boolean().optional(),
    /** Many products share it: it supports a name and never gives one. */
    shared: z.boolean().optional(),
    /** It shows that a model is being run, not only that the tool is there. */
    runs: z.boolean().optional(),
    says: text(300),
    when: conditionSchema,
  })
  .readonly()
export type EvidenceRule = z.infer<typeof evidenceRuleSchema>

export const runtimeEntrySchema = z
  .strictObject({
    id,
    status,
    why,
    references,
    product: nameText,
    vendor: id,
    category: z.enum([
      'runtime',
      'server',
      'desktop-app',
      'sdk',
      'frontend',
      'image',
      'speech',
      'tool',
      'engine',
      'training',
      'coding-agent',
      'agent',
      'built-in',
    ]),
    /** `never`: it holds weights without running them, or only talks to something that does. */
    runsWeights: z.enum(['always', 'optional', 'spawns', 'never']),
    /** Used only where no named product is likely. */
    fallback: z.boolean().optional(),
    match: z.array(evidenceRuleSchema).min(1).max(64).readonly(),
    /** Where it keeps models; `~` is a user's home, `%VAR%` a Windows variable. */
    stores: platformPaths.optional(),
    /** Environment variables that move the stores. */
    storeVariables: z.array(text(100)).max(16).readonly().optional(),
    /** Default TCP ports. They propose a question and never name a product. */
    ports: z.array(z.number().int().min(1).max(65535)).max(16).readonly().optional(),
    ...productFacts,
    examples: z
      .array(
        z
          .strictObject({
            facts: runtimeExampleFactsSchema,
            expect: z
              .strictObject({
                confidence: confidenceSchema,
                activity: z.enum(['inference', 'in-use-by', 'present']),
              })
              .readonly(),
          })
          .readonly(),
      )
      .min(1)
      .max(32)
      .readonly(),
    counterexamples: z
      .array(z.strictObject({ facts: runtimeExampleFactsSchema }).readonly())
      .min(1)
      .max(32)
      .readonly(),
  })
  .readonly()
export type RuntimeEntry = z.infer<typeof runtimeEntrySchema>

const dimension = z.number().int().min(1).max(1e9)
const structureFieldsSchema = z
  .strictObject({
    architecture: nameText.optional(),
    layers: dimension.optional(),
    embeddingWidth: dimension.optional(),
    attentionHeads: dimension.optional(),
    kvHeads: dimension.optional(),
    feedForwardWidth: dimension.optional(),
    vocabularyRows: dimension.optional(),
    experts: dimension.optional(),
    expertsUsed: dimension.optional(),
  })
  .readonly()
/** A tensor whose name, with every number replaced by `#`, is this; `count` of them, the first of this shape. */
const landmarkSchema = z
  .strictObject({
    name: text(128),
    count: z.number().int().min(1).max(4096).optional(),
    shape: z.array(dimension).max(8).readonly().optional(),
  })
  .readonly()
export type Landmark = z.infer<typeof landmarkSchema>
/** Models whose configuration says too little or nothing are told by the names of their tensors. */
const landmarksSchema = z
  .strictObject({
    /** All of these are there. */
    all: z.array(landmarkSchema).min(1).max(16).readonly(),
    /** None of these is. */
    none: z.array(landmarkSchema).max(16).readonly().optional(),
  })
  .readonly()
const candidateSchema = z
  .strictObject({
    name: nameText,
    repo: nameText,
    family: id,
    vendor: id,
    license: text(96).optional(),
    /** Where the licence was read. Without it the licence is general knowledge, and is told as unverified. */
    licenseSource: text(300).optional(),
    /** What the licence forbids or asks, in a sentence; general knowledge and no legal advice. */
    restrictions: text(300).optional(),
    /** Country of the publisher (ISO 3166-1 alpha-2, several joined by `/`); general knowledge. */
    origin: text(32).optional(),
    /** Year and month; general knowledge. */
    release: text(10).optional(),
    parameters: z.number().min(1).max(1e14).optional(),
    /** Names of the architecture in GGUF and Hugging Face. */
    architectures: z.array(nameText).max(8).readonly(),
    /** True when the structure was read in a configuration in one of the references. */
    verified: z.boolean(),
    /** Fields of the structure that were not. */
    unverifiedFields: z.array(nameText).max(16).readonly().optional(),
    /** Rungs 3 and 4 of a file whose SHA-256 is known, learned by the workbench; public facts hold none. */
    baseVocabDigest: schemedDigest.optional(),
    normDigest: schemedDigest.optional(),
  })
  .readonly()
export type Candidate = z.infer<typeof candidateSchema>

/** One structure key with the models that share it, or a model told by landmarks. */
export const modelEntrySchema = z
  .strictObject({
    id,
    status,
    why,
    references,
    kind: z.enum(['text', 'embedding', 'encoder', 'vision', 'speech', 'image-or-video']),
    structureKey: nameText.optional(),
    match: structureFieldsSchema,
    landmarks: landmarksSchema.optional(),
    candidates: z.array(candidateSchema).min(1).max(64).readonly(),
    examples: z
      .array(
        z
          .strictObject({
            structure: structureFieldsSchema,
            landmarks: z.array(landmarkSchema).max(32).readonly().optional(),
            expect: z.strictObject({ candidates: z.array(nameText).min(1).max(64).readonly() }).readonly(),
          })
          .readonly(),
      )
      .min(1)
      .max(16)
      .readonly(),
    counterexamples: z
      .array(
        z
          .strictObject({
            structure: structureFieldsSchema,
            landmarks: z.array(landmarkSchema).max(32).readonly().optional(),
          })
          .readonly(),
      )
      .min(1)
      .max(16)
      .readonly(),
  })
  .readonly()
export type ModelEntry = z.infer<typeof modelEntrySchema>

const approvalKind = z.enum(['sha256', 'family', 'license', 'path'])
/** Field values of a subject, as the judge derives them. */
const subjectFields = z.record(nameText, oneOrMore(z.union([word, z.number(), z.boolean()]))).readonly()
export const policyEntrySchema = z
  .strictObject({
    id,
    status,
    why,
    references,
    title: text(200),
    severity: severitySchema,
    subject: z.enum(['artifact', 'runtime', 'host', 'installation']),
    match: conditionSchema,
    /** Approvals that end the finding. Only rung 6 may stand here (DESIGN.md section 6). */
    silencedBy: z.array(z.literal('sha256')).max(1).readonly(),
    /** Approvals that lower the severity by one step. */
    loweredBy: z.array(approvalKind).max(4).readonly(),
    advice: text(1_000),
    falsePositives: text(1_000),
    examples: z
      .array(z.strictObject({ fields: subjectFields }).readonly())
      .min(1)
      .max(32)
      .readonly(),
    counterexamples: z
      .array(z.strictObject({ fields: subjectFields }).readonly())
      .min(1)
      .max(32)
      .readonly(),
  })
  .readonly()
export type PolicyEntry = z.infer<typeof policyEntrySchema>

const vocabularyWordSchema = z
  .strictObject({
    id: text(96),
    name: nameText,
    /** Families: words of a name that mean this family. Architectures: the lineage they belong to. */
    words: z.array(text(64)).max(32).readonly().optional(),
    group: text(96).optional(),
    vendor: id.optional(),
    /** Licences: the SPDX licence id, where SPDX has one. */
    spdx: text(64).optional(),
    /** Licences: true where it is an open-source licence without field-of-use terms. */
    isOpen: z.boolean().optional(),
    /** Engines: libraries that prove the engine is loaded. */
    when: conditionSchema.optional(),
    /** Engines: strings that prove the engine inside a binary of any name. */
    strings: binaryStringsSchema.optional(),
  })
  .readonly()
export type VocabularyWord = z.infer<typeof vocabularyWordSchema>

export const VOCABULARIES = [
  'vendors',
  'families',
  'architectures',
  'quantizations',
  'licenses',
  'formats',
  'roles',
  'engines',
] as const
/** A closed list of words that entries may use; a new word is a visible change. */
export const vocabularySchema = z
  .strictObject({
    id: z.enum(VOCABULARIES),
    why,
    references,
    words: z.array(vocabularyWordSchema).min(1).max(1024).readonly(),
  })
  .readonly()
export type Vocabulary = z.infer<typeof vocabularySchema>

/** One line of rules/models/digests.jsonl. Exactly one of the four digests is there. */
export const digestRowSchema = z
  .strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    sha1: z
      .string()
      .regex(/^[0-9a-f]{40}$/)
      .optional(),
    md5: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .optional(),
    sha384: z
      .string()
      .regex(/^[0-9a-f]{96}$/)
      .optional(),
    size: z
      .number()
      .int()
      .min(0)
      .max(2 ** 48 - 1)
      .optional(),
    model: nameText,
    file: nameText,
    aliases: z.array(nameText).max(32).readonly().optional(),
    family: id,
    quant: text(32).optional(),
    format: text(32),
    repo: nameText.optional(),
    license: text(96).optional(),
    role: id.optional(),
    /** The catalogues gave unrelated names: say "one of", never firmly. */
    disputed: z.literal(true).optional(),
    /** Of an Ollama tag: digest of its manifest, and the id that `ollama list` shows. */
    manifest: text(80).optional(),
    listId: text(16).optional(),
    note: text(500).optional(),
    source: text(500),
  })
  .readonly()
export type DigestRow = z.infer<typeof digestRowSchema>

/** What is signed. Lists are sorted by id, so two compilations of the same tree are equal to the byte. */
export const packBodySchema = z
  .strictObject({
    schema: z.literal('gnomon-pack/1'),
    /** Version of the rules: patch = fewer or better matches, minor = new entries, major = a changed meaning. */
    version: z.string().regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}$/),
    /** The day on which the rules were last brought up to date, as their authors say; packs of engine 3.0 carry none. */
    date: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}$/)
      .optional(),
    /** Version of the engine that this pack needs. */
    engine: z.string().regex(/^\d{1,4}\.\d{1,4}$/),
    runtimes: z.array(runtimeEntrySchema).max(4096).readonly(),
    models: z.array(modelEntrySchema).max(8192).readonly(),
    policies: z.array(policyEntrySchema).max(1024).readonly(),
    threats: z.array(threatEntrySchema).max(1024).readonly(),
    vocabulary: z.array(vocabularySchema).max(VOCABULARIES.length).readonly(),
    digests: z.strictObject({ count: z.number().int().min(0).max(1e6), base64: text(64 * 1024 * 1024) }).readonly(),
  })
  .readonly()
export type PackBody = z.infer<typeof packBodySchema>

export const packFileSchema = z
  .strictObject({
    pack: packBodySchema,
    signature: z
      .strictObject({ algorithm: z.literal('ed25519'), value: text(200) })
      .readonly()
      .nullable(),
  })
  .readonly()
export type PackFile = z.infer<typeof packFileSchema>
