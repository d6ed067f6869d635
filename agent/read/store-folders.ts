// Folders that are one model by their layout: TensorFlow SavedModel, Core ML packages and compiled models, MLC, the built-in models
// of browsers and Apple's systems, TensorRT-LLM and ONNX Runtime GenAI (Foundry Local keeps such folders). Layouts: facts/formats.json.
import type { FilePart } from '../../contract/artifact.ts'
import type { OpenedFolder } from '../../contract/observation.ts'
import { splitPath } from './place-claims.ts'
import { shortName, storeOf } from './store-drafts.ts'
import { type JsonObject, objectOf, readJsonIn, textOf } from './store-files.ts'
import { type FilePath, filesBelow, readFolderModel } from './store-folder-model.ts'
import type { StoreOptions, StorePlace, StoreReader } from './store-reader.ts'

/** How one kind of folder is laid out. */
interface Layout {
  readonly id: string
  readonly signs: readonly string[]
  readonly recognise: (place: StorePlace) => boolean
  /** Folders below it whose files belong to the model. */
  readonly inner: readonly FilePath[]
  /** Names of files that are read as weights, the one that describes the model first. */
  readonly weights: readonly RegExp[]
  /** File that says what the model is called, and how. */
  readonly describe?: (folder: OpenedFolder, options: StoreOptions) => Description
  /** The gap where such a folder has no weights that are read, although it surely holds some. */
  readonly untold?: string
}

type Description = Pick<Parameters<typeof readFolderModel>[1], 'claims' | 'container' | 'store'>

const CORE_ML: readonly FilePath[] = [['weights'], ['analytics'], ['model'], ['neural_network_optionals']]

/** An asset keeps its model as it is or compiled, and adapters beside it. */
const APPLE_DATA: readonly FilePath[] = [
  ['AssetData'],
  ['AssetData', 'weights'],
  ['AssetData', 'model.mlmodelc'],
  ['AssetData', 'model.mlmodelc', 'weights'],
  ['AssetData', 'model.mlmodelc', 'analytics'],
]

/** Folders whose versions are the built-in model of a browser, in lower case. */
const COMPONENTS: ReadonlyMap<string, string> = new Map([
  ['optguideondevicemodel', 'chrome-nano'],
  ['optguideondeviceclassifiermodel', 'chrome-nano'],
  ['edgellmondevicemodel', 'edge-built-in'],
])
const MODEL_STORE = 'optimization_guide_model_store'

const layouts: readonly Layout[] = [
  {
    id: 'tf-savedmodel',
    signs: ['saved_model.pb', 'saved_model.pbtxt'],
    recognise: ({ files }) => files.includes('saved_model.pb') || files.includes('saved_model.pbtxt'),
    inner: [['variables'], ['assets']],
    weights: [/^saved_model\.pb(txt)?$/, /^variables\.data-/],
  },
  {
    id: 'mlpackage',
    signs: ['Manifest.json'],
    recognise: ({ path, files, folders }) =>
      files.includes('Manifest.json') && (path.endsWith('.mlpackage') || folders.includes('Data')),
    inner: [
      ['Data', 'com.apple.CoreML'],
      ['Data', 'com.apple.CoreML', 'weights'],
    ],
    weights: [/\.mlmodel$/, /^weight\.bin$/],
  },
  {
    id: 'mlmodelc',
    signs: ['coremldata.bin'],
    recognise: ({ path, files }) =>
      files.includes('coremldata.bin') && (path.endsWith('.mlmodelc') || files.includes('metadata.json')),
    inner: CORE_ML,
    weights: [/^(model\.mil|model\.espresso\.net|coremldata\.bin)$/, /^(weight\.bin|model\.espresso\.weights)$/],
  },
  {
    id: 'mlc',
    signs: ['ndarray-cache.json', 'tensor-cache.json'],
    recognise: ({ files }) =>
      (files.includes('mlc-chat-config.json') || files.includes('params_shard_0.bin')) &&
      (files.includes('ndarray-cache.json') || files.includes('tensor-cache.json')),
    inner: [],
    weights: [/^(tensor|ndarray)-cache\.json$/, /^mlc-chat-config\.json$/, /^params_shard_\d+\.bin$/],
    describe: (folder, options) => {
      const config = readJsonIn(folder, 'mlc-chat-config.json', options.onGap)
      return { container: texts(config, { modelType: 'model_type', quantization: 'quantization' }) }
    },
  },
  {
    id: 'chrome-component',
    signs: ['weights.bin', 'on_device_model_execution_config.pb'],
    recognise: ({ path, files }) => componentOf(path) !== undefined && files.includes('manifest.json'),
    inner: [],
    weights: [/^weights\.bin$/, /\.(bin|tflite|litertlm|task|onnx)$/],
    describe: describeComponent,
  },
  {
    id: 'chrome-model-store',
    signs: ['model-info.pb'],
    recognise: ({ files }) => files.includes('model-info.pb') && files.some((name) => name.endsWith('.tflite')),
    inner: [],
    weights: [/^model\.tflite$/, /\.tflite$/],
    describe: ({ path }) => {
      const segments = splitPath(path)
      const at = segments.indexOf(MODEL_STORE)
      return {
        store: storeOf('chrome-nano', segments.slice(at === -1 ? -1 : at, at === -1 ? undefined : at + 2).join('/')),
      }
    },
  },
  {
    id: 'apple-asset',
    signs: ['AssetData'],
    recognise: ({ path, files, folders }) =>
      folders.includes('AssetData') && files.includes('Info.plist') && /\.asset$|MobileAsset_UAF/.test(path),
    inner: APPLE_DATA,
    weights: [/^(model\.mil|model\.espresso\.net)$/, /\.(mlmodel|gguf|safetensors|tflite|onnx)$/, /^weights?\.bin$/],
    describe: ({ path }) => ({ store: storeOf('apple-assets', splitPath(path).slice(-2).join('/')) }),
    untold: 'the asset holds no weights in a format that is read',
  },
  {
    id: 'tensorrt-llm',
    signs: ['.engine'],
    recognise: ({ files }) => files.includes('config.json') && files.some((name) => /^rank\d+\.engine$/.test(name)),
    inner: [],
    weights: [/^rank\d+\.engine$/],
    describe: (folder, options) => {
      const config = readJsonIn(folder, 'config.json', options.onGap)
      const built = objectOf(config?.get('pretrained_config'))
      return { container: texts(built, { architecture: 'architecture', dtype: 'dtype' }) }
    },
  },
  {
    id: 'onnx-genai',
    signs: ['genai_config.json'],
    recognise: ({ files }) => files.includes('genai_config.json') && files.some((name) => name.endsWith('.onnx')),
    inner: [],
    weights: [/\.onnx$/],
    describe: describeFoundry,
  },
]

/** `<component>/<version>`: which browser's. */
function componentOf(path: string): string | undefined {
  return COMPONENTS.get((splitPath(path).at(-2) ?? '').toLowerCase())
}

function describeComponent(folder: OpenedFolder, options: StoreOptions): Description {
  const manifest = readJsonIn(folder, 'manifest.json', options.onGap)
  const spec = objectOf(manifest?.get('BaseModelSpec'))
  const [component = '', version = ''] = splitPath(folder.path).slice(-2)
  const name = textOf(spec?.get('name')) ?? component
  return {
    store: storeOf(componentOf(folder.path) ?? 'chrome-nano', name, textOf(manifest?.get('version')) ?? version),
  }
}

/** inference_model.json stands only in the folders of Foundry Local, and names the model. */
function describeFoundry(folder: OpenedFolder, options: StoreOptions): Description {
  const generation = objectOf(readJsonIn(folder, 'genai_config.json', options.onGap)?.get('model'))
  const container = texts(generation, { modelType: 'type' })
  const name = textOf(readJsonIn(folder, 'inference_model.json', options.onGap)?.get('Name'))
  return name === undefined ? { container } : { container, store: storeOf('foundry-local', name) }
}

function texts(
  object: JsonObject | undefined,
  keys: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const told = Object.entries(keys).map(([ours, theirs]) => [ours, textOf(object?.get(theirs))] as const)
  return Object.fromEntries(told.flatMap(([key, value]) => (value === undefined ? [] : [[key, shortName(value)]])))
}

/** One reader for each layout. */
export const folderModels: readonly StoreReader[] = layouts.map((layout) => ({
  id: layout.id,
  signs: layout.signs,
  covers: 'model',
  recognise: layout.recognise,
  async *read(folder, options) {
    const files = [filesBelow(folder, []), ...layout.inner.map((inner) => filesBelow(folder, inner))].flat()
    const weights = layout.weights.flatMap((wanted) => files.filter((path) => wanted.test(path.at(-1) ?? '')))
    const beside = files.flatMap((path) => (weights.includes(path) ? [] : [[path, roleOf(path)] as const]))
    const shards = weights.map((path) => [path, 'weights'] as const)
    const model = { weights, beside: [...shards, ...beside], ...layout.describe?.(folder, options) }
    let isTold = false
    for await (const find of readFolderModel(folder, model, options)) {
      isTold = true
      yield find
    }
    const { untold } = layout
    if (!isTold && untold !== undefined)
      options.onGap?.({ code: 'GNO_READ_SKIPPED', place: folder.path, count: 1, detail: untold })
  },
}))

function roleOf(path: FilePath): FilePart['role'] {
  const name = path.at(-1) ?? ''
  if (/tokenizer|vocab|merges/.test(name)) return 'tokenizer'
  if (/license/i.test(name)) return 'license'
  if (/\.index$|cache/.test(name)) return 'index'
  return /\.(json|pb|plist)$/.test(name) ? 'config' : 'other'
}
