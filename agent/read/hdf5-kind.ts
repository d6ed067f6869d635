// Tells HDF5 files that Keras wrote from all others: by the attributes and groups at the top of the tree.
import { Cursor } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { type Hdf5Tree, readHdf5 } from './hdf5.ts'
import { findHdf5 } from './hdf5-file.ts'
import type { Look } from './look.ts'

/** What the top of a tree takes; a recognition runs over any file of a disk (CWE-400). */
const GLANCE_BUDGET = { bytes: 4_194_304, steps: 262_144 }
/** The root, its groups, and theirs. */
const GLANCE_DEPTH = 1
const KERAS_ATTRIBUTES = ['keras_version', 'model_config', 'layer_names', 'layer_names0', 'weight_names']
/** Keras before 3 keeps everything in `model_weights`; since 3 it names what checkpoints depend on. */
const KERAS_GROUPS = ['model_weights', '_layer_checkpoint_dependencies']
/** Words in the first bytes of a file that is too damaged to be walked. */
const KERAS_WORDS = ['keras_version', 'model_config', 'model_weights', '_layer_checkpoint_dependencies']
const WORDS_WITHIN_BYTES = 65_536

/** Recognitions ask twice about the same file. */
const known = new WeakMap<Look, 'keras' | 'data' | null>()

/** `keras`, `data` for any other HDF5 file, or null. */
export function judgeHdf5(look: Look): 'keras' | 'data' | null {
  const told = known.get(look)
  if (told !== undefined) return told
  const at = findHdf5(look)
  // Nearly every file ends here, and is not worth remembering.
  if (at === null) return null
  const kind = glance(look, at)
  known.set(look, kind)
  return kind
}

function glance(look: Look, at: number): 'keras' | 'data' {
  const gaps = new GapList('')
  const tree = gaps.attempt(() => readHdf5(new Cursor(look.source, GLANCE_BUDGET), at, gaps, GLANCE_DEPTH))
  if (tree !== undefined && isKeras(tree)) return 'keras'
  if (gaps.list().length === 0) return 'data'
  const text = look.text(0, WORDS_WITHIN_BYTES)
  return KERAS_WORDS.some((word) => text.includes(word)) ? 'keras' : 'data'
}

/** True where only Keras would have written this. */
function isKeras({ attributes, groups, top }: Hdf5Tree): boolean {
  if (KERAS_ATTRIBUTES.some((name) => attributes.has(name))) return true
  if (KERAS_GROUPS.some((name) => top.includes(name))) return true
  // Weights of Keras 3: every layer keeps its variables in a group `vars`.
  const hasVariables = [...groups].some((path) => path.endsWith('/vars') || path === 'vars')
  return hasVariables && (top.includes('layers') || top.includes('vars') || top.includes('optimizer'))
}
