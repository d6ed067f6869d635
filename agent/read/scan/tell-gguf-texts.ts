// Tells what stands in the texts of a GGUF header: secrets, and what is no description of a model. Templates have a scanner of their own;
// vocabularies hold every word there is, commands and tags of pages among them.
import type { Cursor } from '../cursor.ts'
import { quoted } from '../gap-list.ts'
import { tryPickle } from './find-pickles.ts'
import type { Place } from './gguf-walk.ts'
import { pickleText } from './pickle-texts.ts'
import { type MetadataTelling, type MetadataText, tellMetadata, tellPassedOver } from './tell-metadata.ts'
import { tellSecrets } from './tell-secrets.ts'
import { tellPickle } from './tell-stray.ts'

const TEMPLATE_KEY = 'tokenizer.chat_template'
/** Whole tokenizers and lists of their words. */
const VOCABULARY_KEY = /^tokenizer\.(?:huggingface\.json|rwkv\.world|ggml\.)/
/** Texts that are searched for secrets: a template is the longest, and under a hundred in a file (CWE-400). */
const MAX_TEXT_BYTES = 1_048_576
const MAX_TEXTS_BYTES = 4_194_304
/** Tags, languages and data sets of a model: public files list under a hundred (CWE-400). */
const MAX_LISTED = 4_096
const MAX_LISTED_BYTES = 65_536

/** Strings behind one another. */
export interface GgufList {
  readonly key: string
  readonly start: number
  readonly count: number
}

export interface GgufTexts {
  readonly texts: readonly (readonly [key: string, place: Place])[]
  readonly lists: readonly GgufList[]
}

/** Looks at every text of the header, and at the strings of short lists. */
export async function tellGgufTexts(
  cursor: Cursor,
  { texts, lists }: GgufTexts,
  telling: MetadataTelling,
): Promise<void> {
  let room = MAX_TEXTS_BYTES
  const passed: string[] = []
  const described: MetadataText[] = []
  for (const [key, { start, sizeBytes }] of texts) {
    if (sizeBytes > Math.min(MAX_TEXT_BYTES, room)) {
      passed.push(key)
      continue
    }
    room -= sizeBytes
    cursor.seek(start)
    const value = Buffer.from(cursor.copy(sizeBytes)).toString('latin1')
    tellSecrets({ text: value, at: start, name: key }, telling.report)
    if (VOCABULARY_KEY.test(key)) await tellWhole(value, key, start, telling)
    else if (!key.startsWith(TEMPLATE_KEY)) described.push({ key, value, at: start })
  }
  await tellMetadata([...described, ...listed(cursor, lists)], telling)
  // Long templates are told by the scanner of templates.
  const [first] = passed.filter((name) => !name.startsWith(TEMPLATE_KEY))
  if (first !== undefined) tellPassedOver(`${passed.length} long texts of metadata, first ${quoted(first)}`, telling)
}

/** A text that is a pickle as a whole, where words of any kind are in place. */
async function tellWhole(value: string, key: string, at: number, telling: MetadataTelling): Promise<void> {
  const decoded = pickleText(value)
  if (decoded === null) return
  const pickle = telling.cursor.over(decoded.bytes)
  if (tryPickle(pickle, 0) !== null) await tellPickle(pickle, at, `the text of ${quoted(key)}`, telling)
}

function listed(cursor: Cursor, lists: readonly GgufList[]): readonly MetadataText[] {
  const found: MetadataText[] = []
  for (const { key, start, count } of lists) {
    if (count > MAX_LISTED - found.length || VOCABULARY_KEY.test(key) || key.startsWith(TEMPLATE_KEY)) continue
    cursor.seek(start)
    cursor.visitStrings(count, MAX_LISTED_BYTES, (bytes, from, to) => {
      found.push({ key, value: Buffer.from(bytes.subarray(from, to)).toString('latin1'), at: start })
    })
  }
  return found
}
