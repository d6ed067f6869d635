// What a schema cannot say about a rule tree: ids are unique, words are in the vocabulary, digests are there once, names have limits.
import type { Condition } from '../../contract/rule-condition.ts'
import type { VOCABULARIES } from '../../contract/rule-pack.ts'
import { NEVER_NAMES, isUntriggered, names } from '../trigger-index.ts'
import { checkProducts } from './check-products.ts'
import type { Problem, RuleTree } from './read-tree.ts'

type VocabularyName = (typeof VOCABULARIES)[number]

/** All problems of a tree: those of reading it, and those of its entries with one another. */
export function checkTree(tree: RuleTree): readonly Problem[] {
  return [
    ...tree.problems,
    ...checkDate(tree),
    ...checkIds(tree),
    ...checkWords(tree),
    ...checkDigests(tree),
    ...checkEvidence(tree),
    ...checkKeys(tree),
    ...checkProducts(tree),
  ]
}

/** A day of the calendar: `2026-02-30` would be another one for whoever counts from it. */
function checkDate({ date }: RuleTree): readonly Problem[] {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(date) ? new Date(`${date}T00:00:00Z`) : null
  const isDay = day !== null && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)
  return isDay ? [] : [{ file: 'pack.yaml', detail: 'date is not a day like 2026-11-23' }]
}

function checkIds(tree: RuleTree): readonly Problem[] {
  const seen = new Map<string, string>()
  const problems: Problem[] = []
  const kinds = {
    runtimes: tree.runtimes,
    models: tree.models,
    policies: tree.policies,
    threats: tree.threats,
    vocabulary: tree.vocabulary,
  }
  const all = Object.entries(kinds).flatMap(([kind, entries]) => entries.map(({ id }) => ({ kind, id })))
  for (const { kind, id } of all) {
    const file = `${kind}/${id}.yaml`
    const other = seen.get(id)
    if (other !== undefined) problems.push({ file, detail: `the id is also that of ${other}` })
    seen.set(id, file)
  }
  return problems
}

function checkWords(tree: RuleTree): readonly Problem[] {
  const words = new Map(tree.vocabulary.map((list) => [list.id, new Set(list.words.map((word) => word.id))]))
  const problems: Problem[] = []
  const need = (file: string, list: VocabularyName, word: string | undefined): void => {
    if (word === undefined || words.get(list)?.has(word) === true) return
    problems.push({ file, detail: `${word} is not in vocabulary/${list}.yaml` })
  }
  for (const entry of tree.runtimes) {
    const file = `runtimes/${entry.id}.yaml`
    need(file, 'vendors', entry.vendor)
    for (const engine of entry.match.flatMap((rule) => valuesOfField(rule.when, 'engine')))
      need(file, 'engines', engine)
  }
  for (const entry of tree.models) {
    const file = `models/${entry.id}.yaml`
    for (const { family, vendor, license } of entry.candidates) {
      need(file, 'families', family)
      need(file, 'vendors', vendor)
      need(file, 'licenses', license)
    }
    for (const architecture of entry.candidates.flatMap(({ architectures }) => architectures))
      need(file, 'architectures', architecture)
  }
  for (const [index, row] of tree.digests.entries()) {
    const file = `models/digests.jsonl:${index + 1}`
    need(file, 'families', row.family)
    need(file, 'quantizations', row.quant)
    need(file, 'formats', row.format)
    need(file, 'licenses', row.license)
    need(file, 'roles', row.role)
  }
  return problems
}

function valuesOfField(condition: Condition, field: string): readonly string[] {
  if ('all' in condition) return condition.all.flatMap((member) => valuesOfField(member, field))
  if ('any' in condition) return condition.any.flatMap((member) => valuesOfField(member, field))
  if ('none' in condition) return condition.none.flatMap((member) => valuesOfField(member, field))
  if (!('field' in condition) || condition.field !== field) return []
  return [condition.equals ?? []].flat().map(String)
}

function checkDigests(tree: RuleTree): readonly Problem[] {
  const seen = new Set<string>()
  const problems: Problem[] = []
  for (const [index, row] of tree.digests.entries()) {
    const file = `models/digests.jsonl:${index + 1}`
    const digests = [row.sha256, row.sha384, row.sha1, row.md5].filter((digest) => digest !== undefined)
    const [digest = ''] = digests
    if (digests.length !== 1) problems.push({ file, detail: `${digests.length} digests, one is needed` })
    if (seen.has(digest)) problems.push({ file, detail: `${digest.slice(0, 16)}… is listed twice` })
    seen.add(digest)
  }
  return problems
}

/** A product must be nameable, and no weak kind may decide alone. */
function checkEvidence(tree: RuleTree): readonly Problem[] {
  const problems: Problem[] = []
  for (const { id, match } of tree.runtimes) {
    const file = `runtimes/${id}.yaml`
    const isNameable = match.some(names)
    if (!isNameable) problems.push({ file, detail: 'no evidence of this entry can name a product' })
    const alone = match.filter((rule) => rule.decisive === true && ALONE_IS_NOTHING.includes(rule.kind))
    for (const rule of match.filter((each) => names(each) && isUntriggered(each.when)))
      problems.push({
        file,
        detail: `${rule.kind} has no literal to look a process up by, so all would be tried on it`,
      })
    for (const rule of alone)
      problems.push({ file, detail: `${rule.kind} alone never suffices, so it cannot be decisive` })
  }
  return problems
}

const ALONE_IS_NOTHING: readonly string[] = [...NEVER_NAMES, 'process-name', 'executable-path']

/** A structure key is what its fields say; an entry asks for something; an unverified field is one that it asks for. */
function checkKeys(tree: RuleTree): readonly Problem[] {
  return tree.models.flatMap((entry) => {
    const file = `models/${entry.id}.yaml`
    const wanted = structureKeyOf(entry.match)
    const problems: Problem[] = []
    if (entry.structureKey !== undefined && entry.structureKey !== wanted)
      problems.push({ file, detail: `structureKey ${entry.structureKey} is not ${wanted}` })
    if (Object.keys(entry.match).length === 0 && entry.landmarks === undefined)
      problems.push({ file, detail: 'it asks for nothing, so it would match everything' })
    return problems
  })
}

function structureKeyOf(match: RuleTree['models'][number]['match']): string {
  const { layers, embeddingWidth, attentionHeads, kvHeads, feedForwardWidth, vocabularyRows, experts, expertsUsed } =
    match
  const said = (value: number | undefined): string => String(value ?? 'None')
  const shape = `L${said(layers)}-d${said(embeddingWidth)}-h${said(attentionHeads)}/${said(kvHeads)}`
  const mixture = experts === undefined ? '' : `-e${experts}x${expertsUsed ?? 0}`
  return `${shape}-ff${said(feedForwardWidth)}-v${said(vocabularyRows)}${mixture}`
}
