// Models and weights of Keras in HDF5: `.h5` files of Keras 1 and 2, `.weights.h5` since 3. Optimizer state is told apart from weights.
import { type Hdf5Tree, readHdf5 } from './hdf5.ts'
import { findHdf5 } from './hdf5-file.ts'
import { judgeHdf5 } from './hdf5-kind.ts'
import { readKerasClasses, writeClasses } from './keras-config.ts'
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { ContainerFacts, FormatReader, ReadContext, WeightsPart } from './weights.ts'

const MAX_FACT_CHARS = 512
/** Keras 2 and Keras 3. */
const OPTIMIZER_GROUPS = ['optimizer_weights/', 'optimizer/']

/** The reader of Keras HDF5 files. */
export const kerasH5: FormatReader = {
  id: 'keras-h5',
  endings: ['.h5', '.hdf5', '.keras', '.weights.h5'],
  certainty: 'magic',
  recognise: (look) => judgeHdf5(look) === 'keras',
  read,
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const tree = readHdf5(cursor, findHdf5(look) ?? 0, gaps)
  const isState = ({ name }: { readonly name: string }): boolean =>
    OPTIMIZER_GROUPS.some((group) => name.startsWith(group))
  const tensors = tree.datasets.filter((dataset) => !isState(dataset) && dataset.type !== 'TEXT')
  const first = tensors.reduce(
    (least, { offset, bytes }) => (bytes === null ? least : Math.min(least, offset)),
    cursor.size,
  )
  const name = readModelName(tree)
  return {
    isModel: true,
    formatVersion: tree.attributes.get('keras_version')?.text?.slice(0, MAX_FACT_CHARS) ?? null,
    facts: describe(tree, gaps),
    claims: name === undefined ? {} : { name },
    hyperparameters: {},
    tensors,
    headerBytes: first,
  }
}

function readModelName(tree: Hdf5Tree): string | undefined {
  const config = tree.attributes.get('model_config')?.text?.slice(0, 256) ?? ''
  return /^\{"class_name": ?"[^"]{1,96}", ?"config": ?\{"name": ?"([^"\\]{1,128})"/.exec(config)?.[1]
}

function describe(tree: Hdf5Tree, gaps: GapList): ContainerFacts {
  const facts = new Map<string, string | number | boolean>()
  const text = (key: string, attribute: string): void => {
    const value = tree.attributes.get(attribute)?.text
    if (value !== undefined) facts.set(key, value.slice(0, MAX_FACT_CHARS))
  }
  text('kerasVersion', 'keras_version')
  text('backend', 'backend')
  facts.set('datasets', tree.datasets.length)
  facts.set(
    'elements',
    tree.datasets.reduce((sum, { elements }) => sum + elements, 0),
  )
  facts.set('top', tree.top.join(', ').slice(0, MAX_FACT_CHARS))
  const layers = tree.attributes.get('layer_names')?.elements
  if (layers !== undefined) facts.set('weightLayers', layers)
  const config = tree.attributes.get('model_config')?.text
  if (config === undefined) return facts
  const found = gaps.attempt(() => readKerasClasses(Buffer.from(config)))
  if (found === undefined) return facts
  facts.set('classNames', writeClasses(found.classes))
  facts.set('layers', found.layers)
  facts.set('hasOptimizer', tree.attributes.has('training_config') || tree.top.includes('optimizer_weights'))
  return facts
}
