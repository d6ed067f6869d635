// Writes archives around PyTorch's checkpoints, and Torch 7's objects, for tests. Every field can lie.
import { patternBytes } from './build-gguf.ts'
import { LINEAR_STORAGES, buildTorchZip, linearState, orderedDict, tarMember } from './build-pickle.ts'
import { type ZipPart, buildZip } from './build-zip.ts'

/** A state dictionary of 15 numbers. */
export function linearCheckpoint(): Buffer {
  return buildTorchZip({ value: orderedDict(linearState()), storages: LINEAR_STORAGES })
}

const MANIFEST = {
  createdOn: '01/02/2026 03:04:05',
  runtime: 'python',
  model: { modelName: 'linear', serializedFile: 'linear.pt', handler: 'image_classifier', modelVersion: '1.0' },
  archiverVersion: '0.9.0',
}

/** An archive as torch-model-archiver writes it. */
export function buildMar(manifest: unknown = MANIFEST, more: readonly ZipPart[] = []): Buffer {
  return buildZip([
    { name: 'linear.pt', data: linearCheckpoint() },
    { name: 'MAR-INF/MANIFEST.json', data: Buffer.from(JSON.stringify(manifest)), method: 8 },
    ...more,
  ])
}

export const NEMO_CONFIG = `target: nemo.collections.asr.models.ctc_bpe_models.EncDecCTCModelBPE
nemo_version: 1.23.0
name: small-asr
encoder:
  _target_: nemo.collections.asr.modules.ConformerEncoder
  d_model: 176
`

/** A tar archive of a configuration and a checkpoint; the size of the checkpoint can lie. */
export function buildNemo(checkpointBytes?: number): Buffer {
  return Buffer.concat([
    tarMember('./model_config.yaml', Buffer.from(NEMO_CONFIG)),
    tarMember('./model_weights.ckpt', linearCheckpoint(), checkpointBytes),
    Buffer.alloc(1_024),
  ])
}

function int32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => bytes.writeInt32LE(value, index * 4))
  return bytes
}

function int64(...values: readonly (number | bigint)[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, index) => bytes.writeBigInt64LE(BigInt(value), index * 8))
  return bytes
}

function text(value: string): Buffer {
  return Buffer.concat([int32(value.length), Buffer.from(value)])
}

function torchClass(index: number, name: string): Buffer {
  return Buffer.concat([int32(4, index), text('V 1'), text(name)])
}

/** nn.Linear with a weight of [2, 3] and a bias of [2], both views of one storage of `elements`. */
export function buildTorch7(elements: number | bigint = 8): Buffer {
  const key = (name: string): Buffer => Buffer.concat([int32(2), text(name)])
  return Buffer.concat([
    torchClass(1, 'nn.Linear'),
    int32(3, 2, 4),
    Buffer.concat([key('weight'), torchClass(3, 'torch.FloatTensor'), int32(2), int64(2, 3, 3, 1, 1)]),
    Buffer.concat([torchClass(4, 'torch.FloatStorage'), int64(elements), patternBytes(32, 1)]),
    Buffer.concat([key('bias'), torchClass(5, 'torch.FloatTensor'), int32(1), int64(2, 1, 7), int32(4, 4)]),
    Buffer.concat([key('train'), int32(5, 1)]),
    Buffer.concat([key('_type'), key('torch.FloatTensor')]),
  ])
}
