// What a file would do when a program loads it, and what rules say of that. The scanners of agent/read/scan write actions, without
// judging them; rules/judge-threats.ts judges, the same on the endpoint and, years later, at the collector.
import { z } from 'zod'
import { because, nameText, pathText, sentence, severitySchema, text, wholeNumber } from './wire.ts'

/** What kinds of things loading can do; a threat entry speaks of one of them. */
export const LOAD_ACTION_KINDS = [
  /** A name that unpickling imports, and what it is called with. */
  'python-name',
  /** How a pickle is written: a frame that straddles, a stream that breaks off, growth, computed names. */
  'pickle-stream',
  /** How an archive is written: names that climb out, headers that disagree, links, members that do not belong. */
  'archive',
  /** A layer, class or function that a Keras configuration names. */
  'keras-object',
  /** Something that a chat template reaches for, calls or hides. */
  'template',
  /** An operator or domain of a graph. */
  'graph-operator',
  /** A file outside that weights point to. */
  'external-file',
  /** A class that a configuration has made: Hydra's `_target_`, skops' `__loader__`. */
  'configured-object',
  /** Program text inside or beside weights, and what it imports and calls. */
  'code',
  /** Machine code that is the file itself. */
  'executable',
  /** A field that breaks the loaders of a known weakness. */
  'malformed-field',
  /** Text of metadata: keys, tokens, addresses, names of people, shell or program text. */
  'metadata',
  /** Bytes that belong to no part of the format. */
  'hidden-bytes',
] as const
export const loadActionKindSchema = z.enum(LOAD_ACTION_KINDS)
export type LoadActionKind = z.infer<typeof loadActionKindSchema>

/** One thing that loading would do. Texts come from the file: cut, escaped, never a secret in full. */
export const loadActionSchema = z
  .object({
    kind: loadActionKindSchema,
    /** What threat entries speak of: `os.system`, `Lambda`, `PyFunc`, `class-walk`. */
    name: nameText,
    /** As a developer would write it: `os.system('curl …')`. */
    shown: sentence.optional(),
    /** More that entries may ask for, by names of our own (`isCalled`, `argumentCount`). */
    facts: z.record(z.string().max(64), z.union([z.string().max(512), z.number(), z.boolean()])).optional(),
    /** Member of an archive, or file of the model, in which it lies; absent for the file itself. */
    member: pathText.optional(),
    /** Byte in that member, unpacked. */
    at: wholeNumber.optional(),
    /** Lines around that byte as a disassembler writes them: opcodes of a pickle. */
    listing: z.array(text(160)).max(16).readonly().optional(),
    /** How often it is there; the first place is told. */
    count: z.number().int().min(1).optional(),
  })
  .readonly()
export type LoadAction = z.infer<typeof loadActionSchema>

/** Different actions told of one artifact; a file with more is suspicious for that alone. */
export const MAX_LOAD_ACTIONS = 256

/** What was looked at to find out. */
export const loadScanSchema = z
  .object({
    /** False when something that could act was not looked at to its end: the file is then never clean. */
    isWhole: z.boolean(),
    /** Some file of the model is of a format that no scanner knows: it is not called clean, and not suspicious for that. */
    leavesOut: z.boolean().optional(),
    actions: z.array(loadActionSchema).max(MAX_LOAD_ACTIONS).readonly(),
  })
  .readonly()
export type LoadScan = z.infer<typeof loadScanSchema>

/** `notable`: worth telling, and no reason to call the file suspicious (a secret in its metadata, code beside it). */
export const threatEffectSchema = z.enum(['malicious', 'suspicious', 'notable'])

/** What a rule says of actions of a file. */
export const threatSchema = z
  .object({
    /** Id of the threat entry. */
    id: nameText,
    severity: severitySchema,
    because,
    title: text(200).optional(),
    effect: threatEffectSchema.optional(),
    /** Places that show it, the first ones: member, byte, what stands there, and the opcodes around it. */
    places: z
      .array(
        z
          .object({
            member: pathText.optional(),
            at: wholeNumber.optional(),
            shown: sentence,
            listing: z.array(text(160)).max(16).readonly().optional(),
          })
          .readonly(),
      )
      .max(16)
      .readonly()
      .optional(),
    /** `AML.T0011.000`, `T1059.006`, `LLM03:2025`, `CVE-2024-34359`, `GHSA-…`. */
    ids: z.array(text(64)).max(32).readonly().optional(),
    advice: text(1_000).optional(),
  })
  .readonly()
export type Threat = z.infer<typeof threatSchema>
