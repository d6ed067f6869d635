// What differs between two models, told in words from the samples of their tensors (rung 5): a hint where to look, no proof of equality.

/** A tensor with the first bytes of the digest over its samples. */
export interface TensorMark {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[]
  readonly mark: string
}

export interface EditMap {
  /** Tensors whose samples are equal, of those that both have in the same type and shape. */
  readonly equal: number
  readonly compared: number
  readonly differing: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Tensors of both in another type or shape: quantized anew, or with another vocabulary. */
  readonly retyped: readonly string[]
  /** Runs of blocks that lie elsewhere in the other model: [first here, first there, length]. */
  readonly moved: readonly (readonly [here: number, there: number, length: number])[]
  /** The same in sentences. */
  readonly words: readonly string[]
}

/** Names told one by one; more are told as a number and a rule. */
const MAX_TOLD = 6
/** Real names are under 100 characters. */
const MAX_NAME_CHARS = 160
/** Runs of a re-stacked model that are told. */
const MAX_RUNS = 16
/** Matrices that write into the residual stream: abliteration edits these and no others. */
const RESIDUAL_WRITERS: readonly string[] = [
  'attn_output',
  'ffn_down',
  'o_proj',
  'down_proj',
  'token_embd',
  'embed_tokens',
]
/** Abliteration takes one direction out of every block; a few edited matrices are something else. */
const MIN_ABLITERATED_BLOCKS = 4
const ABLITERATED_SHARE = 0.5
const NUMBER = /^\d+$/

/** Compares a model with another one, e.g. an approved file. */
export function mapEdits(from: readonly TensorMark[], to: readonly TensorMark[]): EditMap {
  const before = new Map(from.map((tensor) => [tensor.name, tensor]))
  const after = new Map(to.map((tensor) => [tensor.name, tensor]))
  const added = to.filter(({ name }) => !before.has(name)).map(({ name }) => name)
  const removed = from.filter(({ name }) => !after.has(name)).map(({ name }) => name)
  const differing: string[] = []
  const retyped: string[] = []
  let equal = 0
  for (const tensor of to) {
    const known = before.get(tensor.name)
    if (known === undefined) continue
    if (known.type !== tensor.type || known.shape.join() !== tensor.shape.join()) retyped.push(tensor.name)
    else if (known.mark === tensor.mark) equal += 1
    else differing.push(tensor.name)
  }
  const moved = findMoved(from, to)
  const map = { equal, compared: equal + differing.length, differing, added, removed, retyped, moved }
  // Hugging Face and GGUF names: a list of all tensors as removed and added would say that everything was replaced.
  if (added.length === to.length && hasBlocks(from) && hasBlocks(to))
    return { ...map, added: [], removed: [], words: [NAMED_DIFFERENTLY, ...moved.slice(0, MAX_RUNS).map(tellRun)] }
  return { ...map, words: tellEdits(map, countBlocks(to)) }
}

const NAMED_DIFFERENTLY = 'the tensors are named differently (two containers); compared by norms only'

function hasBlocks(tensors: readonly TensorMark[]): boolean {
  return tensors.some(({ name }) => splitName(name) !== null)
}

function countBlocks(tensors: readonly TensorMark[]): number {
  return new Set(tensors.flatMap(({ name }) => splitName(name)?.block ?? [])).size
}

/** Nothing but matrices that write into the residual stream differ, and that in most of the blocks. */
function isAbliterated(differing: readonly string[], blocks: number): boolean {
  if (!differing.every(writesResidual)) return false
  const edited = new Set(differing.flatMap((name) => splitName(name)?.block ?? [])).size
  return edited >= Math.max(MIN_ABLITERATED_BLOCKS, blocks * ABLITERATED_SHARE)
}

function tellEdits(map: Omit<EditMap, 'words'>, blocks: number): readonly string[] {
  const { equal, compared, differing, added, removed, retyped, moved } = map
  const words: string[] = []
  if (compared > 0 && differing.length === 0)
    words.push(`all ${compared} tensors of the same type and shape equal in their samples`)
  else if (compared > 0)
    words.push(`${equal} of ${compared} tensors equal in their samples, except ${nameAll(differing)}`)
  if (equal > 0 && isAbliterated(differing, blocks))
    words.push('only matrices that write into the residual stream differ, as abliteration leaves it')
  if (added.length > 0) words.push(`added: ${nameAll(added)}`)
  if (removed.length > 0) words.push(`removed: ${nameAll(removed)}`)
  if (retyped.length > 0) words.push(`in another type or shape: ${nameAll(retyped)}`)
  words.push(...moved.slice(0, MAX_RUNS).map(tellRun))
  return words
}

function tellRun([here, there, length]: EditMap['moved'][number]): string {
  const run = (first: number): string => (length === 1 ? String(first) : `${first}-${first + length - 1}`)
  return `blocks ${run(here)} are blocks ${run(there)} of the other`
}

function writesResidual(name: string): boolean {
  return name.split('.').some((part) => RESIDUAL_WRITERS.includes(part))
}

/** `blk.17.ffn_down.weight`, or `attn_q, attn_v of blocks 0-31`. */
function nameAll(names: readonly string[]): string {
  if (names.length <= MAX_TOLD) return joinNames(names)
  const blocks = new Set<number>()
  const stems = new Set<string>()
  const outside: string[] = []
  for (const name of names) {
    const parts = splitName(name)
    if (parts === null) outside.push(name)
    else {
      blocks.add(parts.block)
      stems.add(parts.stem)
    }
  }
  const told = joinNames([...stems].slice(0, MAX_TOLD))
  const more = stems.size > MAX_TOLD ? ` and ${stems.size - MAX_TOLD} more kinds` : ''
  const inside = stems.size === 0 ? [] : [`${told}${more} of ${tellBlocks([...blocks])}`]
  const rest = outside.length > MAX_TOLD ? [`${outside.length} others`] : outside
  return [...inside, ...(rest.length === 0 ? [] : [joinNames(rest)])].join(', ')
}

/** Names come from a file: a sentence of them stays a sentence (CWE-770). */
function joinNames(names: readonly string[]): string {
  return names
    .map((name) => (name.length > MAX_NAME_CHARS ? `${name.slice(0, MAX_NAME_CHARS)}…`.toWellFormed() : name))
    .join(', ')
}

function tellBlocks(blocks: readonly number[]): string {
  const sorted = [...blocks].sort((left, right) => left - right)
  const first = sorted[0] ?? 0
  const last = sorted.at(-1) ?? 0
  if (sorted.length === 1) return `block ${first}`
  return last - first + 1 === sorted.length
    ? `blocks ${first}-${last}`
    : `${sorted.length} blocks between ${first} and ${last}`
}

/** The number of the block, and the name without it and without its ending. */
function splitName(name: string): { readonly block: number; readonly stem: string } | null {
  const parts = name.split('.')
  const at = parts.findIndex((part, index) => index > 0 && NUMBER.test(part) && part.length < 6)
  if (at < 0) return null
  const rest = parts.slice(at + 1)
  const stem = (
    rest.length > 1 && (rest.at(-1) === 'weight' || rest.at(-1) === 'bias') ? rest.slice(0, -1) : rest
  ).join('.')
  return { block: Number(parts[at]), stem }
}

/** Blocks whose tensors all equal those of a block with another number: re-stacked models (frankenmerges) consist of such runs. */
function findMoved(from: readonly TensorMark[], to: readonly TensorMark[]): EditMap['moved'] {
  const places = new Map<string, number>()
  for (const [block, signature] of signatures(from)) if (!places.has(signature)) places.set(signature, block)
  const runs: [number, number, number][] = []
  for (const [here, signature] of signatures(to)) {
    const there = places.get(signature)
    if (there === undefined) continue
    const last = runs.at(-1)
    if (last !== undefined && last[0] + last[2] === here && last[1] + last[2] === there) last[2] += 1
    else runs.push([here, there, 1])
  }
  return runs.every(([here, there]) => here === there) ? [] : runs
}

/** Block number -> its tensors and their marks, in order of the blocks. */
function signatures(tensors: readonly TensorMark[]): readonly (readonly [number, string])[] {
  const blocks = new Map<number, string[]>()
  for (const { name, type, mark } of tensors) {
    const parts = splitName(name)
    if (parts === null) continue
    const known = blocks.get(parts.block)
    const told = `${parts.stem} ${type} ${mark}`
    if (known === undefined) blocks.set(parts.block, [told])
    else known.push(told)
  }
  const ordered = [...blocks].sort(([left], [right]) => left - right)
  return ordered.map(([block, told]) => [block, told.sort().join('\n')])
}
