// Which program keeps a model, from where it lies: every place that has no layout of its own, on each system.
import { describe, expect, it } from '@jest/globals'
import { placeStore } from '../../../agent/read/place-store.ts'

describe('the program that keeps a file', () => {
  it.each([
    ['/home/a/.local/share/nomic.ai/GPT4All/m.gguf', 'gpt4all', 'm.gguf'],
    ['C:\\Users\\a\\AppData\\Local\\nomic.ai\\GPT4All\\m.gguf', 'gpt4all', 'm.gguf'],
    ['/Users/a/Library/Application Support/nomic.ai/GPT4All/m.gguf', 'gpt4all', 'm.gguf'],
    ['/home/a/.cache/gpt4all/m.gguf', 'gpt4all', 'm.gguf'],
    ['/opt/stable-diffusion-webui/models/Stable-diffusion/m.safetensors', 'a1111', 'Stable-diffusion/m.safetensors'],
    ['D:\\stable-diffusion-webui\\models\\Lora\\l.safetensors', 'a1111', 'Lora/l.safetensors'],
    ['/opt/stable-diffusion-webui-forge/models/VAE/v.pt', 'forge', 'VAE/v.pt'],
    [
      'C:\\Users\\a\\AppData\\Local\\Microsoft\\Edge\\User Data\\EdgeLLMOnDeviceModel\\2025.1.1\\weights.bin',
      'edge-built-in',
      '2025.1.1/weights.bin',
    ],
    ['/home/a/.config/google-chrome/OptGuideOnDeviceModel/2025.8.8/weights.bin', 'chrome-nano', '2025.8.8/weights.bin'],
    ['/home/a/.lmstudio/models/org/name/m.gguf', 'lm-studio', 'org/name/m.gguf'],
    ['/home/a/.cache/lm-studio/models/org/name/m.gguf', 'lm-studio', 'org/name/m.gguf'],
    ['/home/a/.cache/llama.cpp/org_m.gguf', 'llama.cpp', 'org_m.gguf'],
    ['/Users/a/Library/Caches/llama.cpp/org_m.gguf', 'llama.cpp', 'org_m.gguf'],
    ['C:\\Users\\a\\AppData\\Local\\llama.cpp\\org_m.gguf', 'llama.cpp', 'org_m.gguf'],
    ['/home/a/cortexcpp/models/m/model.gguf', 'cortex', 'm/model.gguf'],
    ['/opt/ComfyUI/models/unet/u.safetensors', 'comfyui', 'unet/u.safetensors'],
    ['/opt/invokeai/models/sdxl/main/u.safetensors', 'invokeai', 'sdxl/main/u.safetensors'],
    ['/home/a/.node-llama-cpp/models/m.gguf', 'node-llama-cpp', 'm.gguf'],
    ['/home/a/.cache/whisper/base.pt', 'openai-whisper', 'base.pt'],
  ])('of %s is %s', (path, id, name) => {
    expect(placeStore(path)).toMatchObject({ id, name })
  })

  it.each([
    // wllama writes into the origin-private file system of its page.
    ['/home/a/.config/google-chrome/Default/File System/003/t/00/00000001', 'a page that is not named'],
    [
      'C:\\Users\\a\\AppData\\Local\\Microsoft\\Edge\\User Data\\Default\\WebStorage\\4\\FileSystem\\t\\00\\00000001',
      'a page that is not named',
    ],
    ['/home/a/.mozilla/firefox/x.default/storage/default/https+++chat.example.org/fs/1/2', 'https://chat.example.org'],
    [
      '/home/a/.config/chromium/Default/IndexedDB/https_chat.example.org_8443.indexeddb.blob/1/00/2',
      'https://chat.example.org:8443',
    ],
  ])('of %s is a page', (path, page) => {
    expect(placeStore(path)).toMatchObject({ id: 'web-cache', name: page })
  })

  it.each([
    '/home/a/models/m.gguf',
    '/home/a/gpt4all/m.gguf',
    '/home/a/stable-diffusion-webui/outputs/m.safetensors',
    '/home/a/stable-diffusion-webui-other/models/m.safetensors',
    '/home/a/nomic.ai/other/GPT4All/m.gguf',
    '/home/a/.lmstudio/models',
    `/home/a/.lmstudio/models/${'x/'.repeat(30)}m.gguf`,
    '',
  ])('of %j is nobody that is known', (path) => {
    expect(placeStore(path)).toBeUndefined()
  })
})
