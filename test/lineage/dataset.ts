// The norms of the trained models that train.py left here, as the models they came from.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { fromBfloat16 } from './number-formats.ts'

/** The values of one model's norms by block and role, in GGUF's convention. */
export interface TinyModel {
  readonly blocks: readonly ReadonlyMap<string, Float32Array>[]
  readonly outer: ReadonlyMap<string, Float32Array>
}

/** Where a base began: what two of them share decides how hard they are to tell apart. */
export interface Origin {
  readonly initialisation: number
  readonly language: number
  readonly order: number
}

export interface TrainedModel {
  readonly base: number
  readonly kind: string
  readonly model: TinyModel
}

export interface Dataset {
  readonly shape: string
  readonly bases: readonly Origin[]
  readonly models: readonly TrainedModel[]
}

export const SHAPES = ['llama', 'gemma', 'neox'] as const

const described = z.object({
  shape: z.string(),
  blocks: z.number(),
  tensors: z.array(z.tuple([z.string(), z.number()])),
  bases: z.array(z.object({ initialisation: z.number(), language: z.number(), order: z.number() })),
  models: z.array(z.object({ base: z.number(), kind: z.string() })),
})

/** Reads the models of one shape. */
export function loadDataset(shape: string): Dataset {
  const told = described.parse(JSON.parse(readFileSync(join(import.meta.dirname, `${shape}.json`), 'utf8')))
  const bytes = gunzipSync(readFileSync(join(import.meta.dirname, `${shape}.bf16.gz`)))
  let at = 0
  const take = (count: number) =>
    Float32Array.from({ length: count }, () => {
      at += 2
      return fromBfloat16(bytes.readUInt16LE(at - 2))
    })
  const models = told.models.map(({ base, kind }) => {
    const blocks = Array.from({ length: told.blocks }, () => new Map<string, Float32Array>())
    const outer = new Map<string, Float32Array>()
    for (const [name, width] of told.tensors) {
      const [, block, role = name] = /^(\d+)\.(.*)$/.exec(name) ?? []
      const home = block === undefined ? outer : blocks[Number(block)]
      home?.set(role.replace(/\.weight$/, ''), take(width))
    }
    return { base, kind, model: { blocks, outer } }
  })
  if (at !== bytes.length) throw new Error(`${shape}: ${bytes.length} bytes of norms, ${at} described`)
  return { shape, bases: told.bases, models }
}
