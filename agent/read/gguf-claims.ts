// Rung 1 of a GGUF file: what its `general.*` keys say about it. Proves nothing.
import { createHash } from 'node:crypto'
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import type { GgufMetadata } from './gguf-metadata.ts'
import { nameFileType } from './gguf-types.ts'

const MAX_BASE_MODELS = 16
const MAX_TAGS = 64
const MAX_FILE_TYPE = 65_535

/** The claims of the metadata that was kept. */
export function readGgufClaims(metadata: GgufMetadata): Claims {
  const name = (key: string) => clip(metadata.text(`general.${key}`), MAX_NAME_CHARS)
  const fileType = metadata.whole('general.file_type', MAX_FILE_TYPE)
  const tags = metadata
    .strings('general.tags')
    .slice(0, MAX_TAGS)
    .map((tag) => tag.slice(0, MAX_NAME_CHARS))
  const source =
    metadata.text('general.source.huggingface.repository') ??
    metadata.text('general.source.url') ??
    metadata.text('general.source.repo_url') ??
    metadata.text('general.repo_url') ??
    metadata.text('general.url')
  const baseModels = readBaseModels(metadata)
  return {
    ...present('name', name('name')),
    ...present('basename', name('basename')),
    ...present('organization', name('organization')),
    ...present('author', name('author')),
    ...present('version', name('version')),
    ...present('finetune', name('finetune')),
    ...present('sizeLabel', name('size_label')),
    ...present('quantizedBy', name('quantized_by')),
    ...present('license', clip(metadata.text('general.license'), MAX_SENTENCE_CHARS)),
    ...present('fileType', fileType === undefined ? undefined : nameFileType(fileType)),
    ...present('sourceUrl', clip(source, MAX_SENTENCE_CHARS)),
    ...(baseModels.length === 0 ? {} : { baseModels }),
    ...(tags.length === 0 ? {} : { tags }),
    ...present('chatTemplateDigest', metadata.template && digestTemplate(metadata.template)),
  }
}

function readBaseModels(metadata: GgufMetadata): NonNullable<Claims['baseModels']> {
  const count = metadata.whole('general.base_model.count', MAX_BASE_MODELS) ?? 0
  const models: NonNullable<Claims['baseModels']>[number][] = []
  for (let index = 0; index < count; index += 1) {
    const field = (key: string) => metadata.text(`general.base_model.${index}.${key}`)
    models.push({
      ...present('name', clip(field('name'), MAX_NAME_CHARS)),
      ...present('organization', clip(field('organization'), MAX_NAME_CHARS)),
      ...present('repoUrl', clip(field('repo_url') ?? field('url'), MAX_SENTENCE_CHARS)),
    })
  }
  return models
}

function digestTemplate(template: Uint8Array): string {
  return `tpl1:${createHash('sha256').update(template).digest('hex')}`
}

function clip(value: string | undefined, limit: number): string | undefined {
  return value === undefined || value === '' ? undefined : value.slice(0, limit)
}

function present<Key extends string>(key: Key, value: string | undefined): { [K in Key]?: string } {
  const entry: { [K in Key]?: string } = {}
  if (value !== undefined) entry[key] = value
  return entry
}
