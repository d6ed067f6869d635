// Which files of a folder belong together. safetensors shards say so by name only; GGUF shards say so inside.
import type { CandidateFile } from '../../contract/observation.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

export interface Found {
  readonly candidate: CandidateFile
  readonly reader: FormatReader
}

export interface ShardGroup {
  readonly members: readonly [Found, ...Found[]]
  /** Shards that the names promise; 1 for a file that stands alone. */
  readonly count: number
  /** True when files beside it (config.json) may describe it: the main weights of their folder. */
  readonly mayBeFolder: boolean
}

/** `model-00001-of-00163.safetensors`: stem, index from 1, count, ending. */
const SHARD_NAME = /^(.{1,200})-(\d{5})-of-(\d{5})(\.[a-z]{1,16})$/
/** Names that transformers, diffusers and PEFT give to the main weights. */
const MAIN_STEMS: readonly string[] = ['model', 'diffusion_pytorch_model', 'pytorch_model', 'adapter_model', 'weights']
const MAX_SHARDS = 4_096

/** Groups safetensors shards by name, in order of the names; everything else stands alone. */
export function groupShards(found: readonly Found[]): readonly ShardGroup[] {
  const groups = new Map<string, [Found, ...Found[]]>()
  const ordered = [...found].sort((left, right) => (left.candidate.name < right.candidate.name ? -1 : 1))
  for (const item of ordered) {
    const match = item.reader.id === 'safetensors' ? SHARD_NAME.exec(item.candidate.name) : null
    const key = match === null ? item.candidate.path : `${match[1] ?? ''} ${match[3] ?? ''}`
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [item])
    else known.push(item)
  }
  const lists = [...groups.values()]
  const main = findMain(lists)
  return lists.map((members) => ({ members, count: countOf(members[0]), mayBeFolder: members === main }))
}

function findMain(lists: readonly [Found, ...Found[]][]): [Found, ...Found[]] | undefined {
  const candidates = lists.filter(([first]) => first.reader.id === 'safetensors')
  if (candidates.length <= 1) return candidates[0]
  for (const stem of MAIN_STEMS) {
    const named = candidates.find(([first]) => stemOf(first.candidate.name) === stem)
    if (named !== undefined) return named
  }
  return undefined
}

function stemOf(name: string): string {
  const match = SHARD_NAME.exec(name)
  return match?.[1] ?? name.replace(/\.[^.]*$/, '')
}

function countOf(first: Found): number {
  const match = first.reader.id === 'safetensors' ? SHARD_NAME.exec(first.candidate.name) : null
  return Math.min(Number(match?.[3] ?? 1), MAX_SHARDS)
}

/** Names of shards that the names or the index promise and that are not among the members. */
export function missingShards(group: ShardGroup, indexed: readonly string[]): readonly string[] {
  const present = new Set(group.members.map((member) => member.candidate.name))
  const promised = new Set(indexed)
  const match = SHARD_NAME.exec(group.members[0].candidate.name)
  for (let index = 1; match !== null && group.count > 1 && index <= group.count; index += 1) {
    promised.add(`${match[1] ?? ''}-${String(index).padStart(5, '0')}-of-${match[3] ?? ''}${match[4] ?? ''}`)
  }
  return [...promised].filter((name) => !present.has(name))
}

/** Shards of one GGUF model share this key: count, tensors in total, and the stem of the name where it is the usual one. */
export function splitKey(name: string, split: NonNullable<WeightsPart['split']>): string {
  const match = SHARD_NAME.exec(name)
  return `${split.count} ${split.tensorCount} ${match?.[1] ?? ''}`
}
