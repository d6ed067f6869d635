// Configurations that runtimes write in place of config.json, under the keys of config.json: MLC's mlc-chat-config.json
// (mlc-ai/mlc-llm:python/mlc_llm/interface/gen_config.py) and genai_config.json (microsoft/onnxruntime-genai:src/config.h).
//
//   {"model_type": "llama", "context_window_size": n, "model_config": {"hidden_size": n, "position_embedding_base": x, …}}
//   {"model": {"type": "phi3", "vocab_size": n, "context_length": n, "decoder": {"hidden_size": n, "head_size": n, …}}}
import type { JsonValue } from './json-tree.ts'

type Config = ReadonlyMap<string, JsonValue>

/** What MLC calls by another name. */
const MLC_KEYS = [['position_embedding_base', 'rope_theta']] as const
const GENAI_KEYS = [['head_size', 'head_dim']] as const

/** The model that mlc-chat-config.json describes; undefined for any other object. */
export function readMlcConfig(tree: JsonValue): Config | undefined {
  const [type, model] = [valueOf(tree, 'model_type'), valueOf(tree, 'model_config')]
  if (typeof type !== 'string' || !(model instanceof Map)) return undefined
  return rename(new Map<string, JsonValue>([...model, ['model_type', type]]), MLC_KEYS)
}

/** The model that genai_config.json describes. It does not state the width of the feed-forward part. */
export function readGenAiConfig(tree: JsonValue): Config | undefined {
  const model = valueOf(tree, 'model')
  const [type, decoder] = [valueOf(model, 'type'), valueOf(model, 'decoder')]
  if (typeof type !== 'string' || !(decoder instanceof Map)) return undefined
  const known = new Map<string, JsonValue>([...decoder, ['model_type', type]])
  for (const [theirs, ours] of [
    ['vocab_size', 'vocab_size'],
    ['context_length', 'max_position_embeddings'],
  ] as const) {
    const value = valueOf(model, theirs)
    if (value !== undefined) known.set(ours, value)
  }
  return rename(known, GENAI_KEYS)
}

function valueOf(tree: JsonValue | undefined, key: string): JsonValue | undefined {
  const map: Config = tree instanceof Map ? tree : new Map<string, JsonValue>()
  return map.get(key)
}

function rename(config: Config, keys: readonly (readonly [string, string])[]): Config {
  const added = keys.flatMap(([theirs, ours]): [string, JsonValue][] => {
    const value = config.get(theirs)
    return value === undefined || config.has(ours) ? [] : [[ours, value]]
  })
  return new Map([...config, ...added])
}
