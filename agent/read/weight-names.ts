// What arrays are called when they are somebody's weights: the only sign where a container keeps arrays of any kind (NumPy's archives,
// pickled dictionaries of arrays).

/**
 * The last word of a weight's name in Flax, PyTorch, MLX and T5X. Arrays are a model when at least two are called so below the name
 * of a layer; a lone array, and masks, features and tables, are data.
 */
const WEIGHT_WORDS = /[./](?:weights?|kernel|bias|scale|gamma|beta|embedding|lora_[ab]|wte|wpe|[wbg])$/i
const LEAST_WEIGHTS = 2

/** True when enough of these names are those of weights. */
export function nameWeights(names: Iterable<string>): boolean {
  let count = 0
  for (const name of names) {
    if (WEIGHT_WORDS.test(name)) count += 1
    if (count >= LEAST_WEIGHTS) return true
  }
  return false
}
