// tokenizer_config.json of transformers: the class of the tokenizer, and the chat template, of which only the digest is kept.
import { createHash } from 'node:crypto'
import { type Cursor, readTrouble } from './cursor.ts'
import { JSON_OBJECT } from './first-bytes.ts'
import type { GapList } from './gap-list.ts'
import { readTokenizerSide } from './hf-tokenizer-side.ts'
import { topKeys } from './json-head.ts'
import { sidePart, takeFact } from './side-file.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

/** Gemma 3's 6,400 added tokens take 1.2 MB (CWE-770). */
const MAX_CONFIG_BYTES = 4_194_304
/** Any of these alone is a word that only this file has. */
const OWN_KEYS = ['added_tokens_decoder', 'clean_up_tokenization_spaces', 'chat_template']

/** The reader of tokenizer configurations. */
export const hfTokenizerConfig: FormatReader = {
  id: 'hf-tokenizer-config',
  endings: ['tokenizer_config.json', '.json'],
  certainty: 'structure',
  firstBytes: JSON_OBJECT,
  recognise: (look) => {
    const keys = topKeys(look)
    // config.json names a tokenizer class, too, beside the model's type.
    const isConfig = keys.has('model_type') || keys.has('architectures')
    return OWN_KEYS.some((key) => keys.has(key)) || (keys.has('tokenizer_class') && !isConfig)
  },
  read,
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  const side = gaps.attempt(() => {
    const { size } = cursor
    if (size > MAX_CONFIG_BYTES) throw readTrouble('GNO_READ_LIMIT', `${size} bytes of JSON, limit ${MAX_CONFIG_BYTES}`)
    cursor.step(size)
    return cursor.lend(size, readTokenizerSide)
  })
  if (side === undefined) return sidePart(facts)
  takeFact(facts, 'tokenizerClass', side.tokenizerClass)
  takeFact(facts, 'modelMaxLength', side.modelMaxLength)
  if (side.added.size > 0) facts.set('addedTokens', side.added.size)
  const [first] = side.templates
  if (first === undefined) return sidePart(facts)
  const sha256 = createHash('sha256').update(first).digest('hex')
  facts.set('chatTemplateSha256', sha256)
  facts.set('chatTemplates', side.templates.length)
  return sidePart(facts, { claims: { chatTemplateDigest: `tpl1:${sha256}` } })
}
