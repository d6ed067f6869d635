// tokenizer_config.json of transformers: the class of the tokenizer, and the chat template, of which only the digest is kept.
import { createHash } from 'node:crypto'
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { topKeys } from './json-head.ts'
import type { JsonValue } from './json-tree.ts'
import { readJsonMap, sidePart, takeFact } from './side-file.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

/** Any of these alone is a word that only this file has. */
const OWN_KEYS = ['added_tokens_decoder', 'clean_up_tokenization_spaces', 'chat_template']

/** The reader of tokenizer configurations. */
export const hfTokenizerConfig: FormatReader = {
  id: 'hf-tokenizer-config',
  endings: ['tokenizer_config.json', '.json'],
  certainty: 'structure',
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
  const config = readJsonMap(cursor, gaps)
  if (config === undefined) return sidePart(facts)
  takeFact(facts, 'tokenizerClass', config.get('tokenizer_class'))
  takeFact(facts, 'modelMaxLength', config.get('model_max_length'))
  const added = config.get('added_tokens_decoder')
  if (added instanceof Map) facts.set('addedTokens', added.size)
  const templates = listTemplates(config.get('chat_template'))
  const [first] = templates
  if (first === undefined) return sidePart(facts)
  const sha256 = createHash('sha256').update(first).digest('hex')
  facts.set('chatTemplateSha256', sha256)
  facts.set('chatTemplates', templates.length)
  return sidePart(facts, { claims: { chatTemplateDigest: `tpl1:${sha256}` } })
}

/** One text, or a list of `{name, template}`. */
function listTemplates(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  const entries: readonly JsonValue[] = Array.isArray(value) ? value : []
  return entries
    .map((entry): unknown => (entry instanceof Map ? entry.get('template') : undefined))
    .filter((template): template is string => typeof template === 'string')
}
