// The shared corpus of real files beside the project, and how an answer about one of its files is judged by the manifest: the same
// for the readers in this process and for the built command.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../contract/artifact.ts'

export interface Entry {
  readonly file: string
  readonly format: string
  readonly sha256: string
  readonly expect: {
    readonly facts?: Readonly<Record<string, unknown>>
    readonly must?: string
    /** The least that must be said of a malicious file. */
    readonly min_severity?: string
    /** A warning of names that nobody knows is right. */
    readonly unknown_global_ok?: boolean
    readonly why?: string
    readonly expect_status?: string
  }
}

/** What an answer of any kind tells. */
export type Told = Pick<Artifact, 'format' | 'verdict' | 'gaps' | 'fingerprint'>

export type CorpusKind = 'benign' | 'malformed' | 'malicious'

const place = join(import.meta.dirname, '../../shared/corpus')
/** Tests of real files are skipped where there are none, and say so. */
export const hasCorpus = existsSync(place)
/** Without links on the way: a folder is told by the path that it was given, and files by where they lie. */
const corpus = hasCorpus ? realpathSync(place) : place
if (!hasCorpus) console.warn(`corpus: absent, ${corpus} is not there, so the corpus tests are skipped`)

export function corpusPath(kind: CorpusKind, file: string): string {
  return join(corpus, kind, file)
}

/** What the manifest says of the files that are here. */
export function entriesOf(kind: CorpusKind): readonly Entry[] {
  if (!hasCorpus) return []
  const manifest = JSON.parse(readFileSync(corpusPath(kind, 'manifest.json'), 'utf8')) as readonly Entry[]
  return manifest.filter(({ file }) => existsSync(corpusPath(kind, file)))
}

/** Kinds that are no container of weights, or whose container says nothing of itself. */
const WITHOUT_FORMAT = ['decoy']
/** The manifest's names for ids of facts/formats.json. */
const SAME_FORMAT = new Map([
  // Every torch checkpoint is `pytorch` in the manifest, also one with the bytes of the format before 1.6.
  ['pytorch', ['pytorch-zip', 'pytorch-legacy', 'torchscript']],
  ['pickle', ['joblib', 'tree-models']],
  ['tf-graphdef', ['tf-frozen']],
  ['keras-v3', ['keras-zip']],
  ['hdf5', ['keras-h5']],
  ['openvino-ir', ['openvino']],
  ['executorch-pte', ['executorch']],
  ['ncnn-param', ['ncnn']],
  ['ncnn-param-bin', ['ncnn']],
  ['ggmf-rwkv', ['ggml-legacy']],
  ['coreml-compiled', ['coreml']],
  ['caffe', ['mxnet-caffe-darknet']],
  ['catboost', ['tree-models']],
  ['zip-encrypted', ['zip']],
])

/** Facts whose names differ by more than the spelling. */
const FACT_NAMES = new Map([
  ['n_nodes', 'nodeCount'],
  ['n_initializers', 'initializerCount'],
  ['n_members', 'memberCount'],
  ['n_tensors', 'tensorCount'],
])
const PICKLE_FACTS = ['globals', 'calls', 'pickles', 'protocols']

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_whole, letter: string) => letter.toUpperCase())
}

type Value = string | number | boolean

/** The facts that both sides give. */
function pairFacts(
  facts: Readonly<Record<string, unknown>>,
  container: Readonly<Record<string, Value>>,
): readonly { readonly name: string; readonly value: unknown; readonly told: Value }[] {
  // The maker of the manifest stopped at the first raw array or storage behind a pickle; we read on.
  const wasCut = typeof facts['parse_stop'] === 'string'
  return Object.entries(facts).flatMap(([name, value]) => {
    const told = container[FACT_NAMES.get(name) ?? camelCase(name)]
    const isDetailed = name === 'pickles' && typeof value === 'object'
    return told === undefined || isDetailed || (wasCut && PICKLE_FACTS.includes(name)) ? [] : [{ name, value, told }]
  })
}

/** Longest text that a fact keeps: a list that is longer is cut there, in the middle of a word if need be. */
const MAX_TOLD_CHARS = 512

/** Lists and counts are told as one text, of which a long one is cut: every name must stand in a whole one. */
function sameFact(wanted: unknown, told: Value): boolean {
  const text = String(told).replaceAll(' ', '')
  if (wanted === null) return text === 'none'
  if (Array.isArray(wanted)) {
    const names = wanted.map((item: unknown) => (Array.isArray(item) ? String(item[0]) : String(item)))
    return hasNames(
      names.map((name) => name.replace(/\.npy$/, '')),
      String(told),
    )
  }
  if (typeof wanted === 'object') {
    const names = Object.keys(wanted)
    return typeof told === 'number' ? told >= names.length : hasNames(names, String(told))
  }
  const plain = typeof wanted === 'string' ? wanted : JSON.stringify(wanted)
  return plain.replaceAll(' ', '').toLowerCase() === text.toLowerCase()
}

/** A whole text has every name; a cut one is the beginning of the list, whose last word may be the beginning of a name. */
function hasNames(names: readonly string[], told: string): boolean {
  const isCut = told.length >= MAX_TOLD_CHARS
  const text = told.replaceAll(' ', '')
  const missing = names.filter((name) => !text.includes(name.replaceAll(' ', '')))
  if (missing.length === 0) return true
  if (!isCut) return false
  const wholeWords = text.split(',').slice(0, -1)
  const known = new Set(names.map((name) => name.replaceAll(' ', '')))
  return wholeWords.length > 0 && wholeWords.every((word) => [...known].some((name) => word.startsWith(name)))
}

/** The manifest's own short name is the format told, or its nearest family. */
export function isNamed({ format }: Entry, told: Pick<Told, 'format'>): boolean {
  if (WITHOUT_FORMAT.includes(format)) return true
  return format === told.format || (SAME_FORMAT.get(format) ?? []).includes(told.format ?? 'none')
}

/** Nobody is accused: at most it is said that there is no model, or that one may not be looked at (an encrypted archive). */
export function isCalm({ expect: wanted }: Entry, { verdict }: Pick<Told, 'verdict'>): boolean {
  if (wanted.expect_status === 'unscannable') return verdict === 'unscannable'
  if (verdict === 'suspicious') return wanted.unknown_global_ok === true
  return verdict === 'clean' || verdict === 'unchecked' || verdict === 'not-a-model'
}

/** At least what the manifest asks for: a file that breaks its format is not called harmless either. */
export function isCaught({ expect: { min_severity: least } }: Entry, { verdict }: Pick<Told, 'verdict'>): boolean {
  return verdict === 'malicious' || (least === 'suspicious' && (verdict === 'suspicious' || verdict === 'malformed'))
}

/** A verdict that says that this is no sound model, or a gap that names the damage; what was merely not computed names none. */
export function isFlagged({ verdict, gaps }: Pick<Told, 'verdict' | 'gaps'>): boolean {
  return !['clean', 'unchecked'].includes(verdict) || gaps.some(({ code }) => code !== 'GNO_READ_SKIPPED')
}

/** How many facts both sides give, and in which they differ. */
export function factsThatDiffer(
  { file, expect: wanted }: Entry,
  { fingerprint }: Pick<Told, 'fingerprint'>,
): { readonly compared: number; readonly differing: readonly string[] } {
  const pairs = pairFacts(wanted.facts ?? {}, fingerprint.container ?? {})
  const wrong = pairs.filter(({ value, told }) => !sameFact(value, told))
  const differing = wrong.map(
    ({ name, value, told }) => `${file} ${name}: ${JSON.stringify(value)}, told ${String(told)}`,
  )
  return { compared: pairs.length, differing }
}
