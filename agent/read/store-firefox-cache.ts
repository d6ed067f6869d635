// Models in Firefox's Cache API: `storage/default/https+++host/cache/morgue/<n>/*.final`, one packed body a file. Which container it
// is shows in the first bytes; the rest stays packed, and the addresses stand in a database that is not read.
import type { OpenedFolder } from '../../contract/observation.ts'
import { Cursor, memoryBytes } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { readLeftover } from './leftover-draft.ts'
import { Look } from './look.ts'
import { findReader } from './sniff-format.ts'
import { storeOf } from './store-drafts.ts'
import type { StoreFind, StoreOptions, StoreReader } from './store-reader.ts'
import { unpackSnappy } from './unpack-snappy.ts'
import { webPlace } from './web-place.ts'

const BODY = '.final'
/** A body that could be weights; smaller ones are pages and pictures. */
const MIN_WEIGHTS_BYTES = 1_048_576
/** Headers of safetensors are under 4 MiB but for the largest models, which no browser keeps (CWE-409). */
const HEAD_BYTES = 4_194_304
/** Bodies unpacked of one folder: morgue spreads them over 256 folders (CWE-400). */
const MAX_BODIES = 512

export const firefoxCache: StoreReader = {
  id: 'firefox-cache',
  signs: [BODY],
  covers: 'leftover',
  recognise: ({ path, files }) => path.includes('morgue') && files.some((name) => name.endsWith(BODY)),
  async *read(folder, options) {
    const place = webPlace(folder.path)
    const names = folder.list().flatMap(({ name, kind }) => (kind === 'file' && name.endsWith(BODY) ? [name] : []))
    let unknown = 0
    for (const name of names.slice(0, MAX_BODIES)) {
      if (options.signal.aborted) return
      const format = formatInside(folder, name)
      if (format === null) unknown += 1
      else if (format !== undefined) yield* tell(folder, name, { format, page: place?.page ?? 'a page' }, options)
    }
    if (unknown === 0) return
    const detail = 'packed bodies that a web page keeps could not be told by their first bytes'
    options.onGap?.({ code: 'GNO_READ_SKIPPED', place: place?.allPages ?? folder.path, count: unknown, detail })
  },
}

/** The container's id; null where no reader knows it, undefined for what is too small to be weights. */
function formatInside(folder: OpenedFolder, name: string): string | null | undefined {
  const file = folder.openFile(name)
  if (file === null) return undefined
  try {
    const { sizeBytes } = file.identity
    if (sizeBytes < MIN_WEIGHTS_BYTES) return undefined
    return new GapList('').attempt(() => {
      const head = new Cursor(file).lend(Math.min(sizeBytes, HEAD_BYTES), (bytes) => unpackSnappy(bytes, HEAD_BYTES))
      return head === null ? null : (findReader(new Look(memoryBytes(head), ''))?.id ?? null)
    })
  } finally {
    file.close()
  }
}

async function* tell(
  folder: OpenedFolder,
  name: string,
  { format, page }: { readonly format: string; readonly page: string },
  options: StoreOptions,
): AsyncGenerator<StoreFind> {
  const draft = await readLeftover(folder, name, options)
  if (draft === undefined) return
  const detail = 'rungs 1 to 5: the browser keeps it packed (Snappy), only its first bytes were unpacked'
  const gap = { code: 'GNO_READ_SKIPPED' as const, place: draft.path, count: 1, detail }
  const gaps = [...draft.gaps.filter(({ code }) => code !== 'GNO_READ_SKIPPED'), gap]
  const store = storeOf('web-cache', page)
  const claims = { ...draft.fingerprint.claims, placeName: store.name }
  const told = { ...draft, kind: 'store' as const, format, store, gaps, verdict: 'unchecked' as const }
  yield { draft: { ...told, fingerprint: { ...draft.fingerprint, claims } }, claimed: draft.identities }
}
