// Which models of a machine an adapter was made for: by the place that its configuration names, else by the name and what fits its tensors.
import type { Artifact } from '../contract/artifact.ts'
import type { TensorMark } from './edit-map.ts'
import { certainOf } from './identify-artifact.ts'
import { claimedNames } from './name-words.ts'

interface Marked {
  readonly artifact: Artifact
  readonly marks: readonly TensorMark[]
}

/** A base that an adapter may belong to, and why. */
export interface AdapterBase {
  readonly artifact: Artifact
  readonly because: string
}

/** A name alone fits every copy and every edit of a model; more than a few say nothing. */
const MAX_BASES = 4
const MAX_TOLD_CHARS = 512
/** Matrices that read the residual stream: their low-rank half is as wide as the model. */
const READS_RESIDUAL = /\b(?:[qkv]_proj|gate_proj|up_proj|attn_[qkv]|ffn_gate|ffn_up)\b/
const FIRST_HALF = /\.lora_[aA](?:\.|$)/
const BLOCK = /\.(?:layers|blk|h)\.(\d{1,5})\.|^blk\.(\d{1,5})\./
const ROOTED = /^(?:[/\\]|[A-Za-z]:[/\\])/

/** The models that an adapter names as its base; where nothing here fits, its claim stands alone. */
export function findBases({ artifact, marks }: Marked, found: readonly Marked[]): readonly AdapterBase[] {
  if (artifact.fingerprint.structure?.kind !== 'adapter') return []
  const others = found
    .map((each) => each.artifact)
    .filter((other) => other !== artifact && other.fingerprint.structure?.kind !== 'adapter')
  const placed = others.flatMap((other) => atNamedPlace(artifact, other) ?? [])
  if (placed.length > 0) return placed.slice(0, MAX_BASES)
  const needs = measure(marks)
  const named = others.flatMap((other) => namedSo(artifact, other) ?? [])
  const fitting = named.filter((base) => fits(needs, base.artifact))
  const known = fitting.filter((base) => certainOf(base.artifact) !== undefined)
  return (known.length > 0 ? known : fitting).slice(0, MAX_BASES)
}

/** Does the file name a model of this name as its base? */
export function isNamedAs(artifact: Artifact, name: string): boolean {
  const plain = plainName(name)
  return plain !== '' && basesOf(artifact).some(({ names }) => names.some((wanted) => plainName(wanted) === plain))
}

interface Base {
  /** As the file says it: an address may have been completed from the name. */
  readonly told: string
  readonly names: readonly string[]
}

function basesOf({ fingerprint }: Artifact): readonly Base[] {
  return (fingerprint.claims?.baseModels ?? []).flatMap(({ name, repoUrl }) => {
    const names = [name, repoUrl].filter((each): each is string => each !== undefined && each !== '')
    return names[0] === undefined ? [] : [{ told: names[0].slice(0, MAX_TOLD_CHARS).toWellFormed(), names }]
  })
}

function namedSo(artifact: Artifact, other: Artifact): AdapterBase | undefined {
  const { claims } = other.fingerprint
  const own = [...(claims === undefined ? [] : claimedNames(claims)), other.store?.name ?? '']
  for (const { told, names } of basesOf(artifact)) {
    const wanted = new Set(names.map(plainName))
    const name = own.find((each) => each !== '' && wanted.has(plainName(each)))
    if (name === undefined) continue
    return {
      artifact: other,
      because: `it names "${told}" as its base, and the other one is called "${name.slice(0, MAX_TOLD_CHARS).toWellFormed()}"`,
    }
  }
  return undefined
}

function atNamedPlace(artifact: Artifact, other: Artifact): AdapterBase | undefined {
  const places = new Set([joinPath(other.path, ''), joinPath(folderOf(other), '')])
  const base = basesOf(artifact).find(({ told }) => places.has(joinPath(folderOf(artifact), told)))
  return base === undefined
    ? undefined
    : { artifact: other, because: `it names the place "${base.told}" as its base, which is where the other one lies` }
}

/** The folder that an artifact is, or that it lies in. */
function folderOf({ kind, path, parts }: Artifact): string {
  if (kind === 'folder' && !parts.some((part) => part.path === path)) return path
  return path.slice(0, Math.max(0, path.lastIndexOf('/'), path.lastIndexOf('\\')))
}

/** Resolves by text alone: no link is followed and no file is asked. */
function joinPath(folder: string, told: string): string {
  const parts: string[] = []
  for (const part of `${ROOTED.test(told) ? '' : `${folder}/`}${told}`.split(/[/\\]/)) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

interface Needs {
  readonly blocks: number
  readonly width: number | undefined
}

/** The least depth and the width of a model that the tensors of an adapter fit. */
function measure(marks: readonly TensorMark[]): Needs {
  let blocks = 0
  for (const { name } of marks) {
    const block = BLOCK.exec(name)
    if (block !== null) blocks = Math.max(blocks, Number(block[1] ?? block[2]) + 1)
  }
  const half = marks.find(({ name, shape }) => shape.length === 2 && FIRST_HALF.test(name) && READS_RESIDUAL.test(name))
  return { blocks, width: half?.shape[1] }
}

/** What is not known of either refuses nothing. */
function fits({ blocks, width }: Needs, { fingerprint }: Artifact): boolean {
  const { layers, embeddingWidth } = fingerprint.structure ?? {}
  const isDeepEnough = layers === undefined || layers >= blocks
  return isDeepEnough && (width === undefined || embeddingWidth === undefined || width === embeddingWidth)
}

/** `meta-llama/Llama-3.1-8B`, its address and `llama 3.1 8b` are one name. */
function plainName(name: string): string {
  const last = name.toLowerCase().split('/').at(-1) ?? ''
  let plain = ''
  for (const character of last) {
    const isKept = (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') || character === '.'
    if (isKept) plain += character
  }
  return plain
}
