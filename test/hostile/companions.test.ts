// Formats of several files ask for neighbours. A neighbour that is a link out of the folder, or a pipe, is as if it were not there:
// nothing of it is read, whatever it holds (CVE-2024-27318 and its kin).
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import type { DraftArtifact } from '../../agent/read/read-candidates.ts'
import { buildEngine } from '../build-chip-models.ts'
import { buildNcnnBin, buildNcnnParam, buildOpenvinoBin, buildOpenvinoXml } from '../build-edge-graphs.ts'
import { buildMnn } from '../build-edge-models.ts'
import { patternBytes } from '../build-gguf.ts'
import { buildCheckpointIndex, buildOnnx, buildTfjs } from '../build-protobuf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { builtInManifest, tensorCache } from '../build-side-files.ts'
import { hfConfig, hfTensors } from '../agent/read/sample-models.ts'
import { inspectPath } from './inspect-for-test.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-companions-'))
afterAll(() => rmSync(root, { recursive: true }))

const opaque = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 73 + 41) & 0xff))
const external = { location: 'm.onnx.data', offset: '0', length: '48' }
const engineConfig = {
  version: '0.12.0',
  pretrained_config: { architecture: 'LlamaForCausalLM', num_hidden_layers: 32, hidden_size: 4096 },
  build_config: { max_input_len: 1024 },
}
const family = { gguf: 'llama', hf: 'llama' }

interface Pair {
  /** The file that is inspected, and the neighbour that it asks for. */
  readonly file: string
  readonly neighbour: string
  readonly bytes: Uint8Array
  readonly beside: Uint8Array | string
  readonly others?: Readonly<Record<string, string>>
}

const PAIRS: readonly Pair[] = [
  {
    file: 'm.onnx',
    neighbour: 'm.onnx.data',
    bytes: buildOnnx({ tensors: [{ name: 'w', shape: [4, 3], external }] }),
    beside: new Uint8Array(48),
  },
  {
    file: 'm.onnx.data',
    neighbour: 'm.onnx',
    bytes: new Uint8Array(48),
    beside: buildOnnx({ tensors: [{ name: 'w', shape: [4, 3], external }] }),
  },
  { file: 'm.bin', neighbour: 'm.xml', bytes: buildOpenvinoBin(), beside: buildOpenvinoXml() },
  { file: 'net.bin', neighbour: 'net.param', bytes: buildNcnnBin().subarray(4), beside: buildNcnnParam() },
  { file: 'llm.mnn.weight', neighbour: 'llm.mnn', bytes: patternBytes(64, 2), beside: buildMnn().bytes },
  { file: 'rank0.engine', neighbour: 'config.json', bytes: buildEngine(), beside: JSON.stringify(engineConfig) },
  { file: 'params_shard_0.bin', neighbour: 'tensor-cache.json', bytes: Buffer.alloc(72, 7), beside: tensorCache() },
  { file: 'group1-shard1of1.bin', neighbour: 'model.json', bytes: new Uint8Array(48), beside: buildTfjs() },
  { file: 'model.json', neighbour: 'group1-shard1of1.bin', bytes: buildTfjs(), beside: new Uint8Array(48) },
  { file: 'v.data-00000-of-00001', neighbour: 'v.index', bytes: new Uint8Array(48), beside: buildCheckpointIndex() },
  {
    file: 'weights.bin',
    neighbour: 'manifest.json',
    bytes: opaque,
    beside: builtInManifest(),
    others: { 'on_device_model_execution_config.pb': '\n\u0002\b\u0001' },
  },
  {
    file: 'model.safetensors',
    neighbour: 'config.json',
    bytes: buildSafetensors({ tensors: hfTensors(family) }),
    beside: JSON.stringify(hfConfig(family)),
  },
]

type Put = (path: string, bytes: Uint8Array | string) => void

const putPlain: Put = (path, bytes) => writeFileSync(path, bytes)
const putNothing: Put = () => undefined
const putPipe: Put = (path) => {
  execFileSync('/usr/bin/mkfifo', [path])
}
const putLink: Put = (path, bytes) => {
  const outside = mkdtempSync(join(root, 'outside-'))
  writeFileSync(join(outside, 'secret'), bytes)
  symlinkSync(join(outside, 'secret'), path)
}
const putFolder: Put = (path) => {
  mkdirSync(path)
}

/** Inspects the file with its neighbour put there somehow. */
async function inspectBeside({ file, neighbour, bytes, beside, others }: Pair, put: Put): Promise<DraftArtifact> {
  const folder = mkdtempSync(join(root, 'model-'))
  writeFileSync(join(folder, file), bytes)
  for (const [name, text] of Object.entries(others ?? {})) writeFileSync(join(folder, name), text)
  put(join(folder, neighbour), beside)
  return inspectPath(join(folder, file))
}

/** What an answer says of the content; places and times differ from folder to folder. */
function said({ format, fingerprint, parts }: DraftArtifact): unknown {
  return { format, fingerprint, roles: parts.map(({ role, sizeBytes }) => ({ role, sizeBytes })) }
}

describe.each(PAIRS.map((pair) => [`${pair.file} beside ${pair.neighbour}`, pair] as const))('%s', (_, pair) => {
  it('says more than alone where the neighbour is a plain file', async () => {
    const [alone, beside] = [await inspectBeside(pair, putNothing), await inspectBeside(pair, putPlain)]

    expect(said(beside)).not.toEqual(said(alone))
  })

  it.each([
    ['a link out of the folder', putLink],
    ['a pipe', putPipe],
    ['a folder', putFolder],
  ])('says what it says alone where the neighbour is %s', async (_what, put) => {
    const [alone, beside] = [await inspectBeside(pair, putNothing), await inspectBeside(pair, put)]

    // What is named and is no plain file may be blamed; then less is believed, never more.
    if (beside.verdict === 'malformed') expect(beside.parts).toHaveLength(1)
    else expect(said(beside)).toEqual(said(alone))
    expect(beside.fingerprint.structure?.parameterCount ?? 0).toBeLessThanOrEqual(
      alone.fingerprint.structure?.parameterCount ?? 0,
    )
  })
})
