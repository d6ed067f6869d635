// config.json of transformers and diffusers, and adapter_config.json of PEFT, where they stand alone: what model they describe.
import type { Cursor } from './cursor.ts'
import { JSON_OBJECT } from './first-bytes.ts'
import type { GapList } from './gap-list.ts'
import {
  isModelConfig,
  readHfAdapter,
  readHfClaims,
  readHfHyperparameters,
  readHfKind,
  readHfQuantization,
} from './hf-config.ts'
import { topKeys } from './json-head.ts'
import { readJsonMap, sidePart, takeFact } from './side-file.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const NAMING_KEYS = ['model_type', 'architectures', '_class_name', 'peft_type']
/** A second word must agree: `model_type` alone is in many programs' settings. */
const OTHER_KEYS = (
  'transformers_version hidden_size num_hidden_layers vocab_size torch_dtype quantization_config auto_map hidden_act d_model n_embd ' +
  'num_attention_heads bos_token_id eos_token_id _diffusers_version base_model_name_or_path lora_alpha _name_or_path text_config'
).split(' ')

/** Words of tokenizer_config.json, which may name a model's type, too. */
const TOKENIZER_KEYS = ['added_tokens_decoder', 'clean_up_tokenization_spaces', 'chat_template']

/** The reader of model configurations. */
export const hfModelConfig: FormatReader = {
  id: 'hf-config',
  endings: ['config.json', '.json'],
  certainty: 'structure',
  firstBytes: JSON_OBJECT,
  recognise: (look) => {
    const keys = topKeys(look)
    if (TOKENIZER_KEYS.some((key) => keys.has(key))) return false
    return NAMING_KEYS.some((key) => keys.has(key)) && OTHER_KEYS.some((key) => keys.has(key))
  },
  read,
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  const config = readJsonMap(cursor, gaps)
  if (config === undefined || !isModelConfig(config)) return sidePart(facts)
  takeFact(facts, 'modelType', config.get('model_type'))
  takeFact(facts, 'className', config.get('_class_name'))
  takeFact(facts, 'transformersVersion', config.get('transformers_version'))
  takeFact(facts, 'torchDtype', config.get('torch_dtype') ?? config.get('dtype'))
  takeFact(facts, 'quantization', readHfQuantization(config))
  // Code that runs when the model is loaded with trust_remote_code.
  facts.set('hasOwnCode', config.has('auto_map'))
  const kind = readHfKind(config)
  const adapter = readHfAdapter(config)
  const hyperparameters = readHfHyperparameters(config)
  // No weights, and so no structure: what the configuration says of one is told as facts.
  for (const [key, value] of Object.entries(hyperparameters)) takeFact(facts, key, value)
  return sidePart(facts, {
    claims: readHfClaims(config),
    hyperparameters,
    ...(kind === undefined ? {} : { kind }),
    ...(adapter === undefined ? {} : { adapter }),
  })
}
