// Builds the stores in which programs keep models, file by file, as they lie on a disk. A test overrides exactly the file that it
// wants to be wrong. Layouts: facts/formats.json (`ollama`, `hf-cache`), facts/runtimes.json.
import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Path in the store -> content, or where a link points. */
export type StoreFiles = Readonly<Record<string, Uint8Array | string | { readonly link: string }>>

/** Writes the files below a folder. */
export function writeStore(root: string, files: StoreFiles): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, path)
    else writeFileSync(path, content)
  }
  return root
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export interface LayerSpec {
  readonly mediaType: string
  readonly content: Uint8Array | string
  readonly name?: string
  /** Lies about the digest. */
  readonly digest?: string
  /** False leaves the blob out. */
  readonly hasBlob?: boolean
}

export interface ManifestSpec {
  readonly layers: readonly LayerSpec[]
  readonly config?: Readonly<Record<string, unknown>>
}

/** Blobs and manifest of one model, in the distribution's schema 2. */
function manifestOf({ layers, config = { model_format: 'gguf' } }: ManifestSpec): {
  readonly text: string
  readonly blobs: ReadonlyMap<string, Uint8Array | string>
} {
  const blobs = new Map<string, Uint8Array | string>()
  const describe = ({ mediaType, content, name, digest, hasBlob }: LayerSpec): Readonly<Record<string, unknown>> => {
    const hex = sha256Of(content)
    if (hasBlob !== false) blobs.set(hex, content)
    const size = Buffer.byteLength(content)
    return { mediaType, digest: digest ?? `sha256:${hex}`, size, ...(name === undefined ? {} : { name }) }
  }
  const configuration = { mediaType: 'application/vnd.docker.container.image.v1+json', content: JSON.stringify(config) }
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: describe(configuration),
    layers: layers.map(describe),
  })
  return { text, blobs }
}

/** `registry.ollama.ai/library/tiny/8b` -> its manifest. */
export function ollamaStore(tags: Readonly<Record<string, ManifestSpec>>): Record<string, Uint8Array | string> {
  const files: Record<string, Uint8Array | string> = {}
  for (const [tag, spec] of Object.entries(tags)) {
    const { text, blobs } = manifestOf(spec)
    files[`manifests/${tag}`] = text
    for (const [hex, content] of blobs) files[`blobs/sha256-${hex}`] = content
  }
  return files
}

/** One snapshot of a hub repository: small files are named by a git digest of 40 digits, the others by their SHA-256. */
export function hubRepository(
  repository: string,
  commit: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Record<string, Uint8Array | string | { readonly link: string }> {
  const store: Record<string, Uint8Array | string | { readonly link: string }> = {
    [`${repository}/refs/main`]: commit,
  }
  for (const [name, content] of Object.entries(files)) {
    const isLarge = /\.(safetensors|gguf|bin|pt)$/.test(name)
    const blob = isLarge ? sha256Of(content) : sha256Of(content).slice(0, 40)
    const up = '../'.repeat(name.split('/').length + 1)
    store[`${repository}/blobs/${blob}`] = content
    store[`${repository}/snapshots/${commit}/${name}`] = { link: `${up}blobs/${blob}` }
  }
  return store
}
