// Class names in the configuration that Keras writes as JSON (model_config of HDF5 files, config.json of archives). Walked, not built:
// nothing is imported or made from it.
import { JsonWalk } from './json-walk.ts'

/** Distinct classes: the largest networks use some 30; hostile ones could name any number (CWE-770). */
const MAX_CLASSES = 256
const MAX_CLASS_CHARS = 96
const MAX_CLASS_BYTES = 4_096

export interface KerasClasses {
  /** Class -> times it is named. */
  readonly classes: ReadonlyMap<string, number>
  /** Entries of the first list called `layers`: what the model itself is made of. */
  readonly layers: number
}

/** Counts every `class_name`. Throws ReadTrouble for what is no JSON. */
export function readKerasClasses(json: Uint8Array): KerasClasses {
  const walk = new JsonWalk(json)
  const classes = new Map<string, number>()
  let layers = 0
  let layersDepth = -1
  let hasLayers = false
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    if (token === 'object' && walk.depth === layersDepth + 1) layers += 1
    if (token === 'end-array' && walk.depth === layersDepth - 1) layersDepth = -1
    if (token !== 'key') continue
    if (walk.is('class_name')) countClass(walk, classes)
    else if (!hasLayers && walk.is('layers') && walk.next() === 'array') {
      hasLayers = true
      layersDepth = walk.depth
    }
  }
  return { classes, layers }
}

function countClass(walk: JsonWalk, classes: Map<string, number>): void {
  const value = walk.next()
  if (value !== 'string') {
    walk.skip(value)
    return
  }
  const name = walk.text(MAX_CLASS_BYTES).slice(0, MAX_CLASS_CHARS)
  if (classes.size < MAX_CLASSES || classes.has(name)) classes.set(name, (classes.get(name) ?? 0) + 1)
}

/** The classes as JSON text, `{"Sequential":1,"Dense":2}`, as many of them as fit into a fact. */
export function writeClasses(classes: ReadonlyMap<string, number>): string {
  const MAX_FACT_CHARS = 512
  let text = '{'
  for (const [name, count] of classes) {
    const next = `${text === '{' ? '' : ','}${JSON.stringify(name)}:${count}`
    if (text.length + next.length >= MAX_FACT_CHARS) break
    text += next
  }
  return `${text}}`
}
