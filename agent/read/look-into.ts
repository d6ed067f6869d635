// A first look at one candidate of a folder: its reader by the first bytes, or the model that lies further on in it.
import type { CandidateFile } from '../../contract/observation.ts'
import type { Draft } from './assemble-artifact.ts'
import { GapList } from './gap-list.ts'
import type { Found } from './group-shards.ts'
import { type HiddenOptions, findHidden } from './hidden-weights.ts'
import { readHidden } from './read-hidden.ts'
import { readOpened } from './read-opened.ts'
import type { ReadOptions } from './read-part.ts'
import { sniff } from './sniff-format.ts'

interface Seen {
  readonly found: readonly Found[]
  /** The model inside a file of another kind: it belongs to nothing beside it. */
  readonly hidden?: Draft | undefined
}

/** The candidate when its first bytes are those of a known format. */
export async function lookInto(candidate: CandidateFile, options: ReadOptions & HiddenOptions): Promise<Seen> {
  const gaps = new GapList(candidate.path)
  const seen = await readOpened(candidate, gaps, async (file): Promise<Seen> => {
    const sniffed = gaps.attempt(() => sniff(file))
    if (sniffed === undefined) return NOTHING_SEEN
    if (sniffed.reader !== null) return { found: [{ candidate, reader: sniffed.reader }] }
    const hidden = await findHidden(file, sniffed.look, options)
    return hidden === null ? NOTHING_SEEN : { found: [], hidden: await readHidden(hidden, candidate.name, options) }
  })
  for (const gap of gaps.list()) options.onGap?.(gap)
  return seen ?? NOTHING_SEEN
}

const NOTHING_SEEN: Seen = { found: [] }
