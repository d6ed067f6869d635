// What a file of a picture generator is for, told by the folder that ComfyUI, A1111 and their relatives want it in
// (comfyanonymous/ComfyUI:folder_paths.py; A1111's modules/paths). Believed as a claim (rung 1) only.
import { splitPath } from './place-claims.ts'

/** Folder below the program's `models`, in lower case -> the role in one word. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ['checkpoints', 'checkpoint'],
  ['stable-diffusion', 'checkpoint'],
  ['diffusion_models', 'diffusion-model'],
  ['unet', 'diffusion-model'],
  ['loras', 'lora'],
  ['lora', 'lora'],
  ['lycoris', 'lora'],
  ['vae', 'vae'],
  ['vae_approx', 'vae'],
  ['controlnet', 'controlnet'],
  ['t2i_adapter', 'controlnet'],
  ['clip', 'text-encoder'],
  ['text_encoders', 'text-encoder'],
  ['clip_vision', 'vision-encoder'],
  ['embeddings', 'embedding'],
  ['hypernetworks', 'hypernetwork'],
  ['upscale_models', 'upscaler'],
  ['esrgan', 'upscaler'],
  ['style_models', 'style-model'],
])
const PROGRAMS: readonly string[] = ['comfyui', 'a1111', 'forge', 'invokeai']

/** The role of a file in the tree of one of these programs; nothing elsewhere. */
export function placeRole(storeId: string, name: string): string | undefined {
  return PROGRAMS.includes(storeId) ? ROLES.get((splitPath(name)[0] ?? '').toLowerCase()) : undefined
}
