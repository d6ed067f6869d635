// The evidence of a finding about a model: what each rung and each observation said, one piece each.
import type { Artifact, Relation } from '../contract/artifact.ts'
import { fileNameOf } from '../contract/file-name.ts'
import type { Fingerprint, Structure, Training } from '../contract/fingerprint.ts'
import type { FindingEvidence } from '../contract/finding.ts'
import type { Contradiction } from './contradictions.ts'
import { kindWord, parametersWord } from './describe-model.ts'
import type { FieldValue } from './operators.ts'

/** Of a model of many shards the first digests are told; the inventory has all. */
const MAX_TOLD_PARTS = 32

/** Of its candidates, tags and relatives a sentence names the first. */
const MAX_TOLD_NAMES = 6

const RELATION_WORDS: Readonly<Record<Relation['kind'], string>> = {
  'same-content': 'same content as',
  'edit-of': 'edited variant of',
  'same-norms': 'same norms as',
  derived: 'one ancestry with',
  merged: 'merged with or from',
  'adapter-of': 'adapter of',
  'checkpoint-of': 'checkpoint of',
  'refuted-base': 'no descendant of its stated base',
}

/** A kind and what it says; undefined where it says nothing. */
type Said = readonly [kind: string, detail: string | undefined]

/** Everything that is known of a model, with the contradictions worked out. */
export function artifactEvidence(artifact: Artifact, found: readonly Contradiction[]): readonly FindingEvidence[] {
  const place = artifact.path
  const { format, formatVersion, sizeBytes, identifications, gaps } = artifact
  const said: readonly Said[] = [
    ['format', `${format ?? 'unknown'} ${formatVersion ?? ''}, ${sizeBytes} bytes`.trim()],
    ...claimsSaid(artifact.fingerprint),
    ...rungsSaid(artifact.fingerprint),
    ...surroundingsSaid(artifact),
  ]
  const concluded: readonly Said[] = [
    ...found.map((each): Said => ['contradiction', `${each.claim}; ${each.observed}; ${each.because.join('; ')}`]),
    ...identifications.map(
      (each): Said => [
        `identification rung ${each.rung}`,
        `${each.model} (${each.confidence}): ${each.because.join('; ')}`,
      ],
    ),
  ]
  const tell = ([kind, detail]: Said): readonly FindingEvidence[] =>
    detail === undefined ? [] : [{ kind, place, detail: cut(detail) }]
  return [
    ...said.flatMap(tell),
    ...contents(artifact),
    ...threatened(artifact),
    ...concluded.flatMap(tell),
    ...gaps.map((gap) => ({ kind: gap.code, place: gap.place, detail: gap.detail })),
  ]
}

/** What loading would do, place by place, so that each can be looked at. */
function threatened({ path, threats }: Artifact): readonly FindingEvidence[] {
  return threats.flatMap(({ id, places = [], ids = [] }) =>
    places.map(({ member, at, shown }) => {
      const place = [path, member].filter((part) => part !== undefined).join('!')
      const known = ids.length === 0 ? '' : ` (${ids.join(', ')})`
      return {
        kind: `threat ${id}`,
        place: at === undefined ? place : `${place} byte ${at}`,
        detail: cut(`${shown}${known}`),
      }
    }),
  )
}

function contents({ parts }: Artifact): readonly FindingEvidence[] {
  const told = parts.slice(0, MAX_TOLD_PARTS)
  return told.flatMap(({ path, role, sha256 }) =>
    role === 'weights' && sha256 !== undefined ? [{ kind: 'content', place: path, detail: `SHA-256 ${sha256}` }] : [],
  )
}

function claimsSaid({ claims }: Fingerprint): readonly Said[] {
  return [
    ['claims', claims?.name && `calls itself "${claims.name}"`],
    ['claims', claims?.license && `claims the licence ${claims.license}`],
    ['claims', claims?.placeDigest && `its place names SHA-256 ${claims.placeDigest.sha256}`],
  ]
}

function rungsSaid({ structure, tokenizer, lineage, barcode, training }: Fingerprint): readonly Said[] {
  const digest = structure?.architectureDigest === undefined ? '' : `, ${structure.architectureDigest}`
  return [
    ['structure', structure && `${describeStructure(structure)}${digest}`],
    [
      'tokenizer',
      tokenizer && `${tokenizer.kind}, ${tokenizer.size} tokens, ${tokenizer.baseVocabDigest ?? 'no digest'}`,
    ],
    ['lineage', lineage && `${lineage.normDigest}, norms of ${lineage.blocks} blocks`],
    ['barcode', barcode && `${barcode.digest}, ${barcode.bytesSampled} bytes sampled`],
    ['training', training && describeTraining(training)],
  ]
}

function surroundingsSaid({ store, arrival }: Artifact): readonly Said[] {
  return [
    ['store', store && `${store.id} keeps it as ${store.name}`],
    ...(arrival?.marks ?? []).map(({ mark, value }): Said => ['arrival', `${mark} ${value}`]),
  ]
}

/** `same norms as tiny.gguf and 6 more; edited variant of base.gguf`, or undefined where nothing here is related to it. */
export function describeRelations({ path, relations = [] }: Artifact): string | undefined {
  const byKind = new Map<Relation['kind'], string[]>()
  for (const relation of relations) {
    const paths = byKind.get(relation.kind) ?? []
    byKind.set(relation.kind, paths)
    paths.push(relation.path)
  }
  const said = [...byKind].map(([kind, [first = '', ...more]]) => {
    // Two models of one name are told apart by their folders.
    const name = baseName(first) === baseName(path) ? first : baseName(first)
    return `${RELATION_WORDS[kind]} ${name}${more.length === 0 ? '' : ` and ${more.length} more`}`
  })
  return said.length === 0 ? undefined : said.join('; ')
}

/** The first names, and how many there are beyond them. */
export function someOf(names: readonly string[]): string {
  const more = names.length - MAX_TOLD_NAMES
  return `${names.slice(0, MAX_TOLD_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** The last part of a path of any system; the whole path stands in the evidence. */
export function baseName(path: string): string {
  return fileNameOf(path)
}

function describeTraining({ kind, framework, optimizer, step, maxSteps }: Training): string {
  const steps = step === undefined ? undefined : `step ${step} of ${maxSteps ?? 'an unknown number'}`
  return [kind, framework, optimizer, steps].filter((part) => part !== undefined).join(', ')
}

/** What the header says, for where there is no sentence about it. */
export function describeStructure(structure: Structure): string {
  const parts = [
    structure.tensorCount === 0
      ? 'its tensors are not laid out'
      : `${structure.tensorCount} tensors with ${parametersWord(structure)}`,
    ...listOf(structure.structureKey),
    ...(structure.bitsPerWeight === undefined ? [] : [`${structure.bitsPerWeight.toFixed(2)} bits per weight`]),
  ]
  const noun = structure.kind === 'text' ? 'text model' : kindWord(structure)
  return `it holds ${'aeiou'.includes(noun.charAt(0)) ? 'an' : 'a'} ${noun}: ${parts.join(', ')}`
}

export function listOf<T extends FieldValue>(value: T | null | undefined): readonly T[] {
  return value === null || value === undefined ? [] : [value]
}

export function cut(sentence: string): string {
  return sentence.slice(0, 2_000)
}
