// How well norms tell descent: pairs of trained models and pairs of made-up ones, compared by the product's own functions.
import { type LineageOutcome, describeLineage } from '../../agent/read/lineage.ts'
import type { NormValues } from '../../agent/read/norm-values.ts'
import type { Lineage } from '../../contract/fingerprint.ts'
import { DERIVED_SIMILARITY, compareLineage } from '../../rules/compare-lineage.ts'
import { type Dataset, type Origin, SHAPES, type TinyModel, loadDataset } from './dataset.ts'
import { drawRoc } from './draw-roc.ts'
import { mixModels, stackBlocks } from './derive.ts'
import { type Random, random } from './random.ts'
import { type Scored, measureRoc, round, summariseKinds } from './score.ts'
import { makeSynthetic } from './synthetic.ts'

/** One model with what the product and what the simple method see of it. */
interface Member {
  readonly family: string
  readonly kind: string
  readonly origins: readonly Origin[]
  readonly lineage: Lineage
  /** All norms in a row: what the baseline compares. */
  readonly raw: Float32Array
}

interface Pair {
  readonly isRelated: boolean
  readonly kind: string
  readonly similarity: number
  readonly relation: string
  readonly baseline: number
}

/** Pairs of each two families that are compared, of 225; more where the families are hard to tell apart. */
const STRANGER_SAMPLE = 8
const HARD_SAMPLE = 72
/** Pairs within a family that are compared beside those with the base, of 91. */
const SIBLING_SAMPLE = 42
const SEED = 20_261_123
const NOTHING_SHARED = 'nothing shared'

/** Everything that docs/lineage-roc.json holds. */
export function measureLineage() {
  const byShape = SHAPES.map((shape) => ({ shape, pairs: pairUp(expand(loadDataset(shape))) }))
  const trained = byShape.flatMap(({ pairs }) => pairs)
  const synthetic = makeSynthetic(SEED).map(({ a, b, kind, isRelated }) =>
    comparePair(memberOf(a, kind), memberOf(b, kind), kind, isRelated),
  )
  return {
    note: 'No real checkpoint was at hand: the trained models are tiny (64 to 96 channels, 4 to 6 blocks), see test/lineage/README.md.',
    threshold: DERIVED_SIMILARITY,
    trained: report(trained),
    heldOut: byShape.map(({ shape, pairs }) => {
      const others = byShape.filter((other) => other.shape !== shape).flatMap((other) => other.pairs)
      return { shape, ...tryHeldOut(others, pairs) }
    }),
    synthetic: report(synthetic),
    bytesRead: bytesRead(),
  }
}

export type MeasuredLineage = ReturnType<typeof measureLineage>

/** The figures as they are published. */
export function writeMeasured(measured: MeasuredLineage): string {
  return `${JSON.stringify(measured, null, 1)}\n`
}

/** The picture of the figures. */
export function drawMeasured({ trained, synthetic }: MeasuredLineage): string {
  const pairs = trained.roc.related + trained.roc.unrelated
  return drawRoc(
    'Lineage by norms',
    `${pairs} pairs of tiny trained models, ${synthetic.roc.related + synthetic.roc.unrelated} of made-up norms`,
    [
      { label: 'trained, this rung', colour: '#0969da', dashes: '', roc: trained.roc },
      { label: 'the same, no shared start', colour: '#1a7f37', dashes: '', roc: trained.rocOfOtherStarts },
      { label: 'trained, cosine of raw norms', colour: '#cf222e', dashes: '', roc: trained.baseline },
      { label: 'made up, this rung', colour: '#0969da', dashes: '5 4', roc: synthetic.roc },
      { label: 'made up, cosine of raw norms', colour: '#cf222e', dashes: '5 4', roc: synthetic.baseline },
    ],
  )
}

function report(pairs: readonly Pair[]) {
  const scored = pairs.map(({ isRelated, kind, similarity }) => ({ isRelated, kind, score: similarity }))
  const baseline = pairs.map(({ isRelated, kind, baseline: score }) => ({ isRelated, kind, score }))
  const isOf = (related: boolean) => (pair: Scored) => pair.isRelated === related
  return {
    roc: measureRoc(scored),
    /** The same without the strangers that began alike and read alike. */
    rocOfOtherStarts: measureRoc(scored.filter(({ kind }) => kind !== 'same initialisation and language')),
    baseline: measureRoc(baseline),
    related: summariseKinds(scored.filter(isOf(true)), DERIVED_SIMILARITY),
    unrelated: summariseKinds(scored.filter(isOf(false)), DERIVED_SIMILARITY),
    relations: { related: countRelations(pairs, true), unrelated: countRelations(pairs, false) },
    /** Strangers that the simple method calls one family at the cut that the public kit uses. */
    baselineStrangersAbove85: round(
      baseline.filter(({ isRelated, score }) => !isRelated && score >= 0.85).length /
        baseline.filter(({ isRelated }) => !isRelated).length,
    ),
  }
}

/** What a cut above every stranger of two shapes does on the third, which had no say in it. */
function tryHeldOut(seen: readonly Pair[], unseen: readonly Pair[]) {
  const threshold = Math.max(...seen.filter(({ isRelated }) => !isRelated).map(({ similarity }) => similarity))
  const shareFound = (related: boolean): number => {
    const own = unseen.filter(({ isRelated }) => isRelated === related)
    return round(own.filter(({ similarity }) => similarity > threshold).length / own.length)
  }
  return {
    pairs: unseen.length,
    threshold: round(threshold),
    truePositiveRate: shareFound(true),
    falsePositiveRate: shareFound(false),
  }
}

function countRelations(pairs: readonly Pair[], isRelated: boolean): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const pair of pairs) {
    if (pair.isRelated === isRelated) counts.set(pair.relation, (counts.get(pair.relation) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([left], [right]) => (left < right ? -1 : 1)))
}

/** The trained models of a shape and what is derived from them without training. */
function expand(dataset: Dataset): readonly Member[] {
  const find = (base: number, kind: string) => {
    const found = dataset.models.find((model) => model.base === base && model.kind === kind)
    if (found === undefined) throw new Error(`no ${kind} of base ${base}`)
    return found.model
  }
  return dataset.bases.flatMap((origin, base) => {
    const own = (kind: string) => find(base, kind)
    const neighbour = (base + 1) % 8
    const depth = own('base').blocks.length
    const half = Math.floor(depth / 2)
    const member = (kind: string, model: TinyModel, origins = [origin]) => ({
      ...memberOf(model, kind),
      family: `${dataset.shape} ${base}`,
      origins,
    })
    const trained = dataset.models.filter((model) => model.base === base)
    return [
      ...trained.map(({ kind, model }) => member(kind, model)),
      member('slerp', mixModels('slerp', [own('sft'), own('cpt')], own('base'))),
      member('linear', mixModels('linear', [own('loranorm'), own('long')], own('base'))),
      member('ties', mixModels('ties', [own('sft'), own('cpt'), own('dpo')], own('base'))),
      member(
        'pruned',
        stackBlocks([
          [own('sft'), 0, half],
          [own('sft'), half + 1, depth],
        ]),
      ),
      member(
        'extended',
        stackBlocks([
          [own('base'), 0, depth - 1],
          [own('base'), 1, depth],
        ]),
      ),
      member(
        'frankenmerge',
        stackBlocks([
          [own('sft'), 0, half + 1],
          [own('cpt'), half - 1, depth],
        ]),
      ),
      member(
        'stranger merge',
        stackBlocks([
          [own('base'), 0, half],
          [find(neighbour, 'base'), half, depth],
        ]),
        [origin, ...dataset.bases.slice(neighbour, neighbour + 1)],
      ),
    ]
  })
}

function memberOf(model: TinyModel, kind: string): Member {
  const norms: NormValues[] = []
  const add = (block: number | null, role: string, values: Float32Array) =>
    norms.push({ block, role, values, isConverted: true, isHalf: false })
  for (const [block, roles] of model.blocks.entries()) for (const [role, values] of roles) add(block, role, values)
  for (const [role, values] of model.outer) add(null, role, values)
  const total = norms.reduce((sum, { values }) => sum + values.length, 0)
  const parts = [{ norms, stride: 1, bytesRead: total * 4 }]
  const lineage = lineageOf(describeLineage({ parts, architecture: undefined, layers: undefined }))
  const raw = new Float32Array(total)
  let at = 0
  for (const { values } of norms) {
    raw.set(values, at)
    at += values.length
  }
  return { family: '', kind, origins: [], lineage, raw }
}

function lineageOf(outcome: LineageOutcome): Lineage {
  if ('reason' in outcome) throw new Error(outcome.reason)
  return outcome.lineage
}

/** Each base with what descends from it, some of the siblings, and some of each two families. */
function pairUp(members: readonly Member[]): readonly Pair[] {
  const chance = random(SEED)
  const names = [...new Set(members.map(({ family }) => family))]
  const families = names.map((name) => members.filter(({ family }) => family === name))
  return families.flatMap((own, index) => [
    ...pairRelated(own, chance),
    ...families.slice(index + 1).flatMap((others) => pairStrangers(own, others, chance)),
  ])
}

function pairRelated([base, ...derived]: readonly Member[], chance: Random): readonly Pair[] {
  if (base === undefined) return []
  const siblings = sample(derived, derived, SIBLING_SAMPLE, chance).filter(([a, b]) => a !== b)
  return [...derived.map((b) => [base, b] as const), ...siblings].map(([a, b]) =>
    comparePair(a, b, nameKind(a, b), true),
  )
}

function pairStrangers(own: readonly Member[], others: readonly Member[], chance: Random): readonly Pair[] {
  const [one, other] = [own[0], others[0]]
  const isHard = one !== undefined && other !== undefined && nameShared(one, other) !== NOTHING_SHARED
  return sample(own, others, isHard ? HARD_SAMPLE : STRANGER_SAMPLE, chance)
    .filter(([a, b]) => !sharesModel(a, b))
    .map(([a, b]) => comparePair(a, b, nameShared(a, b), false))
}

function sample(
  left: readonly Member[],
  right: readonly Member[],
  count: number,
  chance: Random,
): readonly (readonly [Member, Member])[] {
  return Array.from({ length: count }, () => [
    left[chance.below(left.length)],
    right[chance.below(right.length)],
  ]).flatMap(([a, b]) => (a === undefined || b === undefined ? [] : [[a, b] as const]))
}

/** A merge with a stranger descends from both; such a pair is neither of strangers nor of a family. */
function sharesModel(a: Member, b: Member): boolean {
  return a.origins.some((one) => b.origins.some((other) => one === other))
}

function nameKind(a: Member, b: Member): string {
  const [first, second] = [a.kind, b.kind]
  if (first === 'base') return `base and ${second}`
  return first.includes('stranger') || second.includes('stranger') ? 'siblings, one merged with a stranger' : 'siblings'
}

function nameShared(a: Member, b: Member): string {
  const shares = (key: keyof Origin) => a.origins.some((one) => b.origins.some((other) => one[key] === other[key]))
  const shared = [
    shares('initialisation') ? 'initialisation' : '',
    shares('language') ? 'language' : '',
    shares('order') ? 'batches' : '',
  ].filter((word) => word !== '')
  return shared.length === 0 ? NOTHING_SHARED : `same ${shared.join(' and ')}`
}

function comparePair(a: Member, b: Member, kind: string, isRelated: boolean): Pair {
  const { similarity, relation } = compareLineage(a.lineage, b.lineage)
  return { isRelated, kind, similarity, relation, baseline: cosine(a.raw, b.raw) }
}

/** Cosine of all norms in a row, cut to the shorter: the norm signal of cisco-ai-defense/model-provenance-kit (NLF), in essence. */
function cosine(left: Float32Array, right: Float32Array): number {
  let [dot, first, second] = [0, 0, 0]
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [one, other] = [left[index] ?? 0, right[index] ?? 0]
    dot += one * other
    first += one * one
    second += other * other
  }
  return dot / (Math.sqrt(first * second) || 1)
}

/** What one comparison costs in reads, for the sizes that people have: F32 in GGUF, two norms a block and one at the end. */
function bytesRead() {
  const sizes = [
    ['tiny llama of the test', 6, 64],
    ['8B (32 blocks of 4,096)', 32, 4096],
    ['70B (80 blocks of 8,192)', 80, 8192],
    ['405B (126 blocks of 16,384, every fourth)', 32, 16_384],
  ] as const
  return sizes.map(([model, blocks, width]) => ({ model, bytes: (blocks * 2 + 1) * width * 4 }))
}
