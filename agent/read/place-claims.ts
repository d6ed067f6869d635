// What the place of a file claims: stores that name files by their digest or keep the repository in the path. Never believed.
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'

export const HEX_64 = /^[0-9a-f]{64}$/
export const OLLAMA_PREFIX = 'sha256-'
export const HUB_PREFIX = 'models--'

/** Splits at both kinds of separator: paths come from any system. */
export function splitPath(path: string): readonly string[] {
  return path.split(/[/\\]/)
}

/** Claims of an Ollama blob or a file in the Hugging Face hub cache. */
export function readPlaceClaims(path: string): Pick<Claims, 'placeDigest' | 'placeName'> {
  const parts = splitPath(path)
  const name = parts.at(-1) ?? ''
  const isBlob = parts.at(-2) === 'blobs'
  const repository = parts.find((part) => part.startsWith(HUB_PREFIX))
  const placeName = repository === undefined ? undefined : hubName(repository)
  const ollamaHex = name.startsWith(OLLAMA_PREFIX) ? name.slice(OLLAMA_PREFIX.length) : ''
  if (isBlob && HEX_64.test(ollamaHex)) return { placeDigest: { sha256: ollamaHex, from: 'ollama-blob' } }
  return {
    ...(placeName === undefined ? {} : { placeName }),
    ...(isBlob && placeName !== undefined && HEX_64.test(name)
      ? { placeDigest: { sha256: name, from: 'hub-blob' } }
      : {}),
  }
}

/** `models--org--name` as `org/name`. */
export function hubName(folder: string): string {
  return folder.slice(HUB_PREFIX.length).replace('--', '/').slice(0, MAX_NAME_CHARS)
}
