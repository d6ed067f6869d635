// Builds llamafiles: the first bytes of a program with a zip behind them, in which the GGUF and every field can lie.
import { buildGguf, text } from './build-gguf.ts'
import { type ZipOptions, type ZipPart, buildZip } from './build-zip.ts'

const GGUF = buildGguf({
  kv: [
    ['general.architecture', text('llama')],
    ['general.name', text('Tiny')],
  ],
  tensors: [{ name: 'output_norm.weight', dims: [8] }],
})
/** What an actually portable executable begins with, read as a shell script and as a program of Windows alike. */
const PROGRAM = Buffer.from("MZqFpD='\n\n\u0000#'\"\n")

export interface LlamafileSpec extends ZipOptions {
  readonly program?: Uint8Array
  readonly model?: Partial<ZipPart>
  readonly more?: readonly ZipPart[]
  readonly arguments?: string
}

/** Writes a llamafile with one tiny model, and a command line. */
export function buildLlamafile(spec: LlamafileSpec = {}): Buffer {
  const commandLine = spec.arguments ?? '-m\ntiny.gguf\n--temp\n0\nhttp://private.example/secret\n'
  const parts: readonly ZipPart[] = [
    { name: 'tiny.gguf', data: GGUF, ...spec.model },
    { name: '.args', data: Buffer.from(commandLine) },
    ...(spec.more ?? []),
  ]
  return buildZip(parts, { ...spec, prefix: spec.program ?? PROGRAM })
}

/** The committed samples by folder and name. */
export const LLAMAFILE_SAMPLES: Readonly<Record<string, Buffer>> = {
  'llamafile/tiny.llamafile': buildLlamafile({ align: 32 }),
}
