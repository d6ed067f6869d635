// The signs that the walk asks for first must let through every folder that a store reader would recognise.
import { describe, expect, it } from '@jest/globals'
import { mayHoldStore } from '../../../agent/read/read-stores.ts'
import type { StorePlace } from '../../../agent/read/store-reader.ts'
import { stores } from '../../../agent/read/stores.ts'

const at = (path: string, files: readonly string[], folders: readonly string[] = []): StorePlace => ({
  path,
  files,
  folders,
})

const PLACES: Readonly<Record<string, StorePlace>> = {
  'hf-cache': at('/h/models--o--n', [], ['blobs', 'refs', 'snapshots']),
  ollama: at('/h/.ollama/models', [], ['blobs', 'manifests']),
  oci: at('/h/store', ['oci-layout', 'index.json'], ['blobs']),
  ramalama: at('/h/store/ollama/library/tiny', [], ['blobs', 'refs', 'snapshots']),
  'web-cache': at('/h/Service Worker/CacheStorage/0123', ['index.txt'], ['uuid']),
  'firefox-cache': at('/h/storage/default/https+++a/cache/morgue/1', ['{u}.final']),
  'chrome-component': at('/h/OptGuideOnDeviceModel/2025.1', ['manifest.json', 'weights.bin']),
  'chrome-model-store': at('/h/optimization_guide_model_store/24/a/b', ['model-info.pb', 'model.tflite']),
  'apple-asset': at('/h/x.asset', ['Info.plist'], ['AssetData']),
  'jan-model': at('/h/jan/models/tiny', ['model.yml', 'tiny.gguf']),
  diffusers: at('/h/sd', ['model_index.json'], ['unet']),
  'pytorch-distributed': at('/h/step_100', ['.metadata', '__0_0.distcp']),
  'tf-savedmodel': at('/h/m', ['saved_model.pb'], ['variables']),
  mlpackage: at('/h/m.mlpackage', ['Manifest.json'], ['Data']),
  mlmodelc: at('/h/m.mlmodelc', ['coremldata.bin']),
  mlc: at('/h/m', ['mlc-chat-config.json', 'ndarray-cache.json']),
  'tensorrt-llm': at('/h/m', ['config.json', 'rank0.engine']),
  'onnx-genai': at('/h/m', ['genai_config.json', 'model.onnx']),
  'projector-beside': at('/h/m', ['a.gguf', 'mmproj-a.gguf']),
  'training-run': at('/h/global_step4', ['bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt']),
  'training-configuration': at('/h/c', ['lora.yml']),
}

describe('the signs of stores', () => {
  it.each(stores.map((reader) => [reader.id, reader] as const))('%s is recognised behind its signs', (id, reader) => {
    const place = PLACES[id]

    expect(place !== undefined && reader.recognise(place)).toBe(true)
    expect(place !== undefined && mayHoldStore(place)).toBe(true)
  })

  it.each([
    at('/usr/lib', ['libc.so.6', 'x.json'], ['python3']),
    at('/h', [], []),
    at('/h', ['README', 'gguf', 'a.final.txt'], ['.git']),
  ])('nothing is asked about $path', (place) => {
    expect(mayHoldStore(place)).toBe(false)
  })
})
