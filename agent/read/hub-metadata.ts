// What huggingface_hub notes beside files that it downloads into a folder (huggingface/huggingface_hub:_local_folder.py):
// `.cache/huggingface/download/<path>.metadata`, three lines: commit, ETag, time. For large files the ETag is their SHA-256.
import type { OpenedFolder } from '../../contract/observation.ts'
import type { Draft } from './assemble-artifact.ts'
import { HEX_64 } from './place-claims.ts'
import { storeOf } from './store-drafts.ts'
import { openBelow, readSmall } from './store-files.ts'
import { type StoreOptions, lastName } from './store-reader.ts'

/** The folder in which a sign of these notes lies. */
export const HUB_NOTES = '.cache'
const NOTES: readonly string[] = [HUB_NOTES, 'huggingface', 'download']
const COMMIT = /^[0-9a-f]{40}$/

interface Note {
  readonly commit: string
  readonly sha256: string | undefined
}

/** The draft with the commit and the digest that the hub gave for it; unchanged where nothing is noted. */
export function tellDownload(draft: Draft, folder: OpenedFolder, { onGap }: Pick<StoreOptions, 'onGap'>): Draft {
  const weights = draft.parts.filter(({ role }) => role === 'weights')
  const [first] = weights
  const note = first === undefined ? undefined : readNote(folder, first.path, onGap)
  if (note === undefined) return draft
  const { commit, sha256 } = note
  const isOne = weights.length === 1 && sha256 !== undefined
  const claims = {
    ...(isOne ? { placeDigest: { sha256, from: 'hub-metadata' as const } } : {}),
    ...draft.fingerprint.claims,
  }
  return {
    ...draft,
    store: draft.store ?? storeOf('hf-local', lastName(folder.path), commit),
    fingerprint: { ...draft.fingerprint, ...(Object.keys(claims).length === 0 ? {} : { claims }) },
  }
}

function readNote(folder: OpenedFolder, path: string, onGap: StoreOptions['onGap']): Note | undefined {
  const root = `${folder.path.replace(/[/\\]$/, '')}/`
  if (!path.startsWith(root)) return undefined
  const steps = path.slice(root.length).split('/')
  const notes = openBelow(folder, [...NOTES, ...steps.slice(0, -1)])
  if (notes === null) return undefined
  try {
    return readSmall(notes, `${steps.at(-1) ?? ''}.metadata`, onGap, parseNote)
  } finally {
    notes.close()
  }
}

function parseNote(bytes: Uint8Array): Note | undefined {
  const [commit = '', etag = ''] = Buffer.from(bytes.subarray(0, 256)).toString('latin1').split('\n')
  if (!COMMIT.test(commit)) return undefined
  return { commit, sha256: HEX_64.test(etag) ? etag : undefined }
}
