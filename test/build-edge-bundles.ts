// Small bundles around the models of build-edge-models.ts, and the containers of makers of chips.
import { buildFlatbuffer, number, table, tables, text } from './build-flatbuffer.ts'
import { buildTflite } from './build-edge-models.ts'
import { type ZipPart, buildZip } from './build-zip.ts'

/** A LiteRT-LM bundle: a tokenizer and a model; real sections lie at 16 KiB, these closer so that every byte can be cut. */
export function buildLitertlm(
  options: { readonly headerEnd?: number; readonly begin?: number; readonly end?: number } = {},
): Buffer {
  const model = buildTflite().bytes
  const tokenizerAt = 640
  const modelAt = 672
  const pair = (key: string, value: string) => [text(key), number('uint8', 9), table([text(value)])]
  const section = (begin: number, end: number, type: number, name: string) => [
    tables([pair('model_type', name)]),
    number('uint64', begin),
    number('uint64', end),
    number('uint8', type),
  ]
  const spec = [
    table([tables([pair('Authors', 'Example Labs')])]),
    table([
      tables([
        section(tokenizerAt, tokenizerAt + 16, 4, 'tokenizer'),
        section(options.begin ?? modelAt, options.end ?? modelAt + model.length, 3, 'tf_lite_prefill_decode'),
      ]),
    ]),
  ]
  const header = buildFlatbuffer(spec).bytes
  const start = Buffer.alloc(32)
  start.write('LITERTLM', 'latin1')
  start.writeUInt32LE(1, 8)
  start.writeUInt32LE(3, 12)
  start.writeBigUInt64LE(BigInt(options.headerEnd ?? 32 + header.length), 24)
  const padding = tokenizerAt - 32 - header.length
  return Buffer.concat([start, header, Buffer.alloc(padding), Buffer.alloc(modelAt - tokenizerAt), model])
}

/** A MediaPipe bundle for a language model. */
export function buildTask(extra: readonly ZipPart[] = []): Buffer {
  return buildZip([
    { name: 'TF_LITE_PREFILL_DECODE', data: buildTflite().bytes },
    { name: 'TOKENIZER_MODEL', data: Buffer.from('tokenizer') },
    { name: 'METADATA', data: Buffer.from([0x0a, 0x00]) },
    ...extra,
  ])
}
