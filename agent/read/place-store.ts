// Stores that keep models as plain named files: which program keeps them is told from the path, and believed as a claim (rung 1) only.
// Places: facts/runtimes.json, fields `models` and `layout`.
import type { Store } from '../../contract/artifact.ts'
import { splitPath } from './place-claims.ts'
import { storeOf } from './store-drafts.ts'
import { webPlace } from './web-place.ts'

/** Folders that follow one another in a path, in lower case, and the program that keeps its models below them. */
const PLACES: readonly (readonly [folders: readonly string[], id: string])[] = [
  [['.lmstudio', 'models'], 'lm-studio'],
  [['lm-studio', 'models'], 'lm-studio'],
  [['nomic.ai', 'gpt4all'], 'gpt4all'],
  [['.cache', 'gpt4all'], 'gpt4all'],
  [['jan', 'data', 'llamacpp', 'models'], 'jan'],
  [['jan', 'models'], 'jan'],
  [['cortexcpp', 'models'], 'cortex'],
  [['.cache', 'llama.cpp'], 'llama.cpp'],
  [['caches', 'llama.cpp'], 'llama.cpp'],
  [['local', 'llama.cpp'], 'llama.cpp'],
  [['comfyui', 'models'], 'comfyui'],
  [['stable-diffusion-webui', 'models'], 'a1111'],
  [['stable-diffusion-webui-forge', 'models'], 'forge'],
  [['invokeai', 'models'], 'invokeai'],
  [['.node-llama-cpp', 'models'], 'node-llama-cpp'],
  [['.cache', 'whisper'], 'openai-whisper'],
  [['optguideondevicemodel'], 'chrome-nano'],
  [['optguideondeviceclassifiermodel'], 'chrome-nano'],
  [['optimization_guide_model_store'], 'chrome-nano'],
  [['edgellmondevicemodel'], 'edge-built-in'],
  [['com_apple_mobileasset_uaf_fm_generativemodels'], 'apple-assets'],
  [['com_apple_mobileasset_uaf_fm_overrides'], 'apple-assets'],
  [['appleintelligenceplatform', 'appmodelassets'], 'apple-assets'],
]
/** Components looked at from the end: stores are not deeper. */
const MAX_SEGMENTS = 24

/** The program whose store a path lies in, with the rest of the path as the name there; nothing for a path of no known store. */
export function placeStore(path: string): Store | undefined {
  const segments = splitPath(path).slice(-MAX_SEGMENTS)
  const lower = segments.map((segment) => segment.toLowerCase())
  for (const [folders, id] of PLACES) {
    const at = lower.findIndex((_, index) => folders.every((folder, step) => lower[index + step] === folder))
    const rest = at === -1 ? [] : segments.slice(at + folders.length)
    if (rest.length > 0) return storeOf(id, rest.join('/'))
  }
  const page = webPlace(path)?.page
  return page === undefined ? undefined : storeOf('web-cache', page)
}
