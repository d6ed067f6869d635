// Reads the entries of a rules folder: YAML, one entry a file, checked against their schema, their key order and their file name.
import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseDocument } from 'yaml'
import {
  type DigestRow,
  type ModelEntry,
  type PolicyEntry,
  type RuntimeEntry,
  type Vocabulary,
  digestRowSchema,
  modelEntrySchema,
  policyEntrySchema,
  runtimeEntrySchema,
  vocabularySchema,
} from '../../contract/rule-pack.ts'
import { type ThreatEntry, threatEntrySchema } from '../../contract/threat-entry.ts'

/** Something wrong with one entry. */
export interface Problem {
  /** Path below the rules folder, with a line for JSONL. */
  readonly file: string
  readonly detail: string
}

export interface RuleTree {
  readonly version: string
  readonly date: string
  readonly engine: string
  readonly runtimes: readonly RuntimeEntry[]
  readonly models: readonly ModelEntry[]
  readonly policies: readonly PolicyEntry[]
  readonly threats: readonly ThreatEntry[]
  readonly vocabulary: readonly Vocabulary[]
  readonly digests: readonly DigestRow[]
  readonly problems: readonly Problem[]
}

/** The part of a zod schema that is used here: zod itself is imported by contract alone. */
interface EntrySchema<T> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } }
}
interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** An entry larger than this is not written by hand (CWE-400). */
const MAX_ENTRY_CHARS = 256 * 1024

/** Reads everything and goes on after a problem, so that an engineer sees all of them at once. Throws only when the folder cannot be read. */
export function readRuleTree(folder: string): RuleTree {
  const problems: Problem[] = []
  const versions = readYaml(join(folder, 'pack.yaml'), 'pack.yaml', problems)
  return {
    version: textMember(versions, 'version'),
    date: textMember(versions, 'date'),
    engine: textMember(versions, 'engine'),
    runtimes: readEntries(folder, 'runtimes', runtimeEntrySchema, problems),
    models: readEntries(folder, 'models', modelEntrySchema, problems),
    policies: readEntries(folder, 'policies', policyEntrySchema, problems),
    threats: readEntries(folder, 'threats', threatEntrySchema, problems),
    vocabulary: readEntries(folder, 'vocabulary', vocabularySchema, problems),
    digests: readDigests(join(folder, 'models/digests.jsonl'), problems),
    problems,
  }
}

function textMember(value: unknown, name: string): string {
  const member: unknown =
    typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined
  return typeof member === 'string' ? member : ''
}

function readYaml(path: string, file: string, problems: Problem[]): unknown {
  const text = readFileSync(path, 'utf8')
  if (text.length > MAX_ENTRY_CHARS) {
    problems.push({ file, detail: `${text.length} characters, limit ${MAX_ENTRY_CHARS}` })
    return undefined
  }
  const document = parseDocument(text, { uniqueKeys: true, strict: true, merge: false, version: '1.2' })
  for (const trouble of [...document.errors, ...document.warnings])
    problems.push({ file, detail: trouble.message.split('\n')[0] ?? '' })
  if (document.errors.length > 0) return undefined
  try {
    // No aliases: an entry says what it says, and cannot grow while it is read.
    return document.toJS({ maxAliasCount: 0 })
  } catch (error) {
    problems.push({ file, detail: error instanceof Error ? error.message : String(error) })
    return undefined
  }
}

function readEntries<T extends { readonly id: string }>(
  folder: string,
  kind: string,
  schema: EntrySchema<T>,
  problems: Problem[],
): readonly T[] {
  const entries: T[] = []
  for (const file of entryFiles(folder, kind)) {
    const raw = readYaml(join(folder, file), file, problems)
    if (raw === undefined) continue
    const parsed = schema.safeParse(raw)
    if (!parsed.success) {
      problems.push(
        ...parsed.error.issues
          .slice(0, 5)
          .map((issue) => ({ file, detail: `${issue.path.join('.')}: ${issue.message}` })),
      )
      continue
    }
    if (`${parsed.data.id}.yaml` !== basename(file))
      problems.push({ file, detail: `id ${parsed.data.id} is not the name of the file` })
    const order = orderProblem(raw, parsed.data)
    if (order !== null) problems.push({ file, detail: order })
    entries.push(parsed.data)
  }
  return entries
}

/** The entries of a kind, in its folder or one below it: models lie by family. */
function entryFiles(folder: string, kind: string): readonly string[] {
  const listed = readdirSync(join(folder, kind), { withFileTypes: true })
  const below = listed.filter((entry) => entry.isDirectory()).flatMap(({ name }) => namesIn(folder, `${kind}/${name}`))
  return [...namesIn(folder, kind), ...below].sort()
}

function namesIn(folder: string, place: string): readonly string[] {
  const names = readdirSync(join(folder, place)).filter((name) => name.endsWith('.yaml'))
  return names.map((name) => `${place}/${name}`)
}

/** A parsed entry has its keys in the schema's order; the file must have them in the same. */
function orderProblem(raw: unknown, parsed: object): string | null {
  const written = Object.keys(Object(raw) as object)
  const wanted = Object.keys(parsed)
  const at = written.findIndex((key, index) => key !== wanted[index])
  return at < 0
    ? null
    : `key ${written[at] ?? ''} stands where ${wanted[at] ?? ''} belongs: keys follow the schema's order`
}

function readDigests(path: string, problems: Problem[]): readonly DigestRow[] {
  const rows: DigestRow[] = []
  const lines = readFileSync(path, 'utf8').split('\n')
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    const parsed = digestRowSchema.safeParse(parseJson(line))
    if (parsed.success) rows.push(parsed.data)
    else
      problems.push({
        file: `models/digests.jsonl:${index + 1}`,
        detail: parsed.error.issues[0]?.message ?? 'not a row',
      })
  }
  return rows
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    return error instanceof SyntaxError ? null : undefined
  }
}
