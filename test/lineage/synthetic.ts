// Made-up norms and made-up changes to them: what trained models are too few to show, such as every size of drift.
import type { TinyModel } from './dataset.ts'
import { stackBlocks } from './derive.ts'
import { fromBfloat16, fromHalf, toBfloat16, toHalf } from './number-formats.ts'
import { type Random, random } from './random.ts'

export interface SyntheticPair {
  readonly a: TinyModel
  readonly b: TinyModel
  readonly kind: string
  readonly isRelated: boolean
}

const BLOCKS = 8
const WIDTH = 256
const MODELS = 120
const ROLES = ['attn_norm', 'ffn_norm']
/** Channels that stand out in every block, as in real models. */
const OUTLIERS = 3

type Change = (model: TinyModel, chance: Random) => TinyModel

const drift =
  (size: number): Change =>
  (model, chance) =>
    each(model, (values) => {
      const deviation = deviationOf(values)
      return values.map((value) => value + chance.normal() * size * deviation)
    })

const RELATED: readonly (readonly [string, Change])[] = [
  ['drift of 5%', drift(0.05)],
  ['drift of 10%', drift(0.1)],
  ['drift of 30%', drift(0.3)],
  ['drift of 60%', drift(0.6)],
  ['drift of 90%', drift(0.9)],
  ['scaled by 1.1', (model) => each(model, (values) => values.map((value) => value * 1.1))],
  ['shifted by 1', (model) => each(model, (values) => values.map((value) => value + 1))],
  ['F16', (model) => each(model, (values) => values.map((value) => fromHalf(toHalf(value))))],
  [
    'two blocks cut',
    (model) =>
      stackBlocks([
        [model, 0, 3],
        [model, 5, BLOCKS],
      ]),
  ],
  [
    'blocks repeated',
    (model) =>
      stackBlocks([
        [model, 0, 6],
        [model, 2, BLOCKS],
      ]),
  ],
]
/** Nine tenths of a channel's value from another model: what shared outliers do to strangers. */
const UNRELATED: readonly (readonly [string, Change])[] = [
  ['channels shuffled', (model, chance) => each(model, shuffle(random(chance.below(1e9))))],
  ['the same outliers', (model, chance) => withOutliersOf(model, makeModel(chance))],
]

/** At least 2,000 pairs from a seed. */
export function makeSynthetic(seed: number): readonly SyntheticPair[] {
  const chance = random(seed)
  const models = Array.from({ length: MODELS }, () => makeModel(chance))
  const changed = (changes: typeof RELATED, isRelated: boolean) =>
    models.flatMap((a) => changes.map(([kind, change]) => ({ a, b: rounded(change(a, chance)), kind, isRelated })))
  const strangers = models.flatMap((a, index) =>
    Array.from({ length: 10 }, (_, step) => models[(index + step * 7 + 1) % MODELS]).flatMap((b) =>
      b === undefined || a === b ? [] : [{ a, b, kind: 'nothing shared', isRelated: false }],
    ),
  )
  return [...changed(RELATED, true), ...changed(UNRELATED, false), ...strangers]
}

/** Grows with depth, log-normal, with outliers in the same channels of every block. */
function makeModel(chance: Random): TinyModel {
  const outliers = Array.from({ length: OUTLIERS }, () => chance.below(WIDTH))
  const shared = Float32Array.from({ length: WIDTH }, () => chance.normal() * 0.15)
  const tensor = (level: number) => {
    const values = shared.map((own) => level * Math.exp(own + chance.normal() * 0.2))
    for (const channel of outliers) values.set([level * (3 + chance.next())], channel)
    return values
  }
  const blocks = Array.from(
    { length: BLOCKS },
    (_, block) => new Map(ROLES.map((role) => [role, tensor(0.3 + block * 0.1)])),
  )
  return rounded({ blocks, outer: new Map([['output_norm', tensor(2)]]) })
}

function withOutliersOf(model: TinyModel, other: TinyModel): TinyModel {
  const outlying = new Map([...model.blocks].map((block, index) => [index, block.get('attn_norm')]))
  const blocks = other.blocks.map(
    (block, index) =>
      new Map(
        [...block].map(([role, values]) => {
          const told = outlying.get(index) ?? values
          const high = [...told].sort((left, right) => right - left)[OUTLIERS - 1] ?? Infinity
          return [role, values.map((value, channel) => ((told[channel] ?? 0) >= high ? (told[channel] ?? 0) : value))]
        }),
      ),
  )
  return { blocks, outer: other.outer }
}

function shuffle(chance: Random): (values: Float32Array) => Float32Array {
  const order = Array.from({ length: WIDTH }, (_, index) => ({ index, at: chance.next() }))
  order.sort((left, right) => left.at - right.at)
  return (values) => values.map((_, place) => values[order[place]?.index ?? 0] ?? 0)
}

function each(model: TinyModel, change: (values: Float32Array) => Float32Array): TinyModel {
  const changeMap = (map: ReadonlyMap<string, Float32Array>) =>
    new Map([...map].map(([role, values]) => [role, change(values)]))
  return { blocks: model.blocks.map(changeMap), outer: changeMap(model.outer) }
}

function rounded(model: TinyModel): TinyModel {
  return each(model, (values) => values.map((value) => fromBfloat16(toBfloat16(value))))
}

function deviationOf(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}
