// Which files too small to be judged anyway deserve a look, by name and place. Asked for every file of a disk: the cheap questions
// come first, and a folder is judged once for all its files.
import { HEX_64, OLLAMA_PREFIX, splitPath } from './place-claims.ts'

/** Extensions of weights and of the containers around them. */
const WEIGHT_ENDINGS: ReadonlySet<string> = new Set(['.gguf', '.safetensors', '.sft', '.ggml'])
const UNFINISHED = '.gguf.part'
/** Names that say themselves what they are: adapters are often under 1 MiB, wherever they lie. */
const WEIGHT_NAMES: ReadonlySet<string> = new Set([
  'adapter_model.bin',
  'ggml-adapter-model.bin',
  'pytorch_lora_weights.bin',
  'pytorch_model.bin',
  'diffusion_pytorch_model.bin',
  'params_shard_0.bin',
  'model.bin',
  'optimizer.bin',
  'scheduler.bin',
  'training_args.bin',
])
/** Extensions of what runs code when it is loaded: an attack needs 100 bytes and no store. */
const ACTING_ENDINGS: ReadonlySet<string> = new Set(
  '.pt .pth .ckpt .pkl .pickle .joblib .dill .keras .skops .nemo .npy .npz'.split(' '),
)
/** Extensions that mean weights only in a folder that looks like a store of models. */
const LIKELY_ENDINGS: ReadonlySet<string> = new Set(
  (
    '.bin .onnx .ort .tflite .llamafile .mlmodel .litertlm .task .h5 .hdf5 .msgpack ' +
    '.distcp .engine .plan .pte .ptd .mnn .rknn .dlc .dduf .pdparams .pdiparams .cbm .ubj .jit .mar'
  ).split(' '),
)
const STORE_WORDS: readonly string[] = [
  'models',
  'huggingface',
  'ollama',
  'lmstudio',
  'lm-studio',
  'checkpoint',
  'loras',
]

interface FolderTraits {
  readonly isBlobs: boolean
  readonly isLikely: boolean
}

/** Only the last folder is kept: a walk asks for all files of one folder in a row. */
let last: { readonly path: string; readonly traits: FolderTraits } | undefined

/** Says whether a file too small to be judged anyway deserves a look, because its extension or its place suggests weights. */
export function isCandidateName(name: string, folderPath: string): boolean {
  const { isBlobs, isLikely } = traitsOf(folderPath)
  const lower = name.toLowerCase()
  const dot = lower.lastIndexOf('.')
  if (isBlobs && (HEX_64.test(lower) || HEX_64.test(lower.slice(OLLAMA_PREFIX.length)))) return true
  if (dot === -1) return false
  const ending = lower.slice(dot)
  if (WEIGHT_ENDINGS.has(ending) || ACTING_ENDINGS.has(ending) || WEIGHT_NAMES.has(lower) || lower.endsWith(UNFINISHED))
    return true
  return isLikely && LIKELY_ENDINGS.has(ending)
}

function traitsOf(path: string): FolderTraits {
  if (last?.path === path) return last.traits
  const folders = splitPath(path.toLowerCase())
  const traits = {
    isBlobs: folders.at(-1) === 'blobs',
    isLikely: folders.some((folder) => STORE_WORDS.some((word) => folder.includes(word))),
  }
  last = { path, traits }
  return traits
}
