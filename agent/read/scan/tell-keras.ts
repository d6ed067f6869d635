// Tells what loading a configuration of Keras would import, make and run. Modules and classes go by their names: what they can do is
// the business of rules/threats/keras.
import type { LoadAction } from '../../../contract/threat.ts'
import { type Cursor, readTrouble } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { type KerasObject, codeOf, findKerasObjects } from './keras-objects.ts'
import { type LoadReport, showText } from './load-report.ts'
import { walkMarshal } from './marshal-walk.ts'
import type { ScanContext } from './scanner.ts'

export interface KerasPlace {
  readonly report: LoadReport
  readonly gaps: GapList
  readonly cursor: Cursor
  readonly scanNested: ScanContext['scanNested']
  /** What the configuration lies in: loaders of the one import what those of the other do not. */
  readonly container: 'hdf5' | 'archive' | 'saved-model' | 'tfjs'
  /** The member or attribute that holds it. */
  readonly member: string
}

/** The largest networks have some 40 classes (CWE-400). */
const MAX_CLASSES = 2_048
/** What is shown of a name and of code. */
const MAX_FACT_CHARS = 96
const MAX_SHOWN_TEXTS = 6
const MAX_SHOWN_TEXT_CHARS = 48
/** A module of torch in base64 begins like a zip or a pickle. */
const LEAST_WEIGHTS_CHARS = 32

/** keras-team/keras@v2.15:keras/layers/core/tf_op_layer.py. */
const CALLS_TENSORFLOW: ReadonlySet<string> = new Set(['TFOpLambda', 'SlicingOpLambda'])
const OPERATOR = /"?\bop"?\s{0,4}:\s{0,4}"(\w{1,64})"/

/** Walks one configuration. Throws ReadTrouble for broken grammar, after what stood before it was told. */
export async function tellKeras(json: Uint8Array, place: KerasPlace): Promise<void> {
  const names = new Set<string>()
  for (const object of findKerasObjects(json)) {
    names.add(object.words.get('class_name') ?? '')
    if (names.size > MAX_CLASSES) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_CLASSES} classes`)
    place.cursor.step()
    tellObject(object, place)
    for (const code of codeOf(object)) tellCode(code, object, place)
    tellVocabulary(object, place)
    tellOperator(object, place)
    await tellModule(object, place)
  }
}

function tell(action: Omit<LoadAction, 'member'>, { report, member }: KerasPlace): void {
  report.tell({ ...action, member })
}

function tellObject(object: KerasObject, place: KerasPlace): void {
  const { words, config, at } = object
  const className = words.get('class_name') ?? ''
  const module = words.get('module') ?? ''
  const isFunction = className === 'function' && words.has('config')
  const own = isFunction ? words.get('config') : className === '__typespec__' ? words.get('spec_name') : className
  const registered = words.get('registered_name') ?? ''
  // Without a module nothing is imported: the class has to be known to the program, under the name it was registered with.
  const isRegistered = module === '' && (registered.includes('>') || className.includes('>'))
  const facts = {
    className: showText(className, MAX_FACT_CHARS),
    ownName: showText(own ?? className, MAX_FACT_CHARS),
    container: place.container,
    isNamedAsClass: /^[A-Z]/.test(own ?? className),
    ...(isFunction ? { isFunction } : {}),
    ...(isRegistered ? { isRegistered } : {}),
  }
  tell({ kind: 'keras-object', name: joinName(module, own ?? className), facts, at }, place)
  // Keras 2 looks a Lambda's function up by name, in a module that the configuration names.
  const [called, from] = [config.get('function'), config.get('module')]
  if (called !== undefined && config.get('function_type') === 'function') {
    const ownName = showText(called, MAX_FACT_CHARS)
    const named = { className: 'function', ownName, container: place.container, isFunction: true }
    tell({ kind: 'keras-object', name: joinName(from ?? '', called), facts: named, at }, place)
  }
}

function joinName(module: string, name: string): string {
  return module === '' ? name : `${module}.${name}`
}

function tellCode(code: string, { at }: KerasObject, place: KerasPlace): void {
  const { names, texts, isWhole } = walkMarshal(Buffer.from(code, 'base64'))
  const shownTexts = texts.slice(0, MAX_SHOWN_TEXTS).map((text) => quoted(text.slice(0, MAX_SHOWN_TEXT_CHARS)))
  const used = [...[...names].slice(0, 16), ...shownTexts].join(', ')
  const shown = isWhole
    ? `code that uses ${used === '' ? 'no name' : used}`
    : `code that could not be read: ${code.slice(0, 64)}`
  const facts = { container: place.container, isRead: isWhole, nameCount: names.size }
  tell({ kind: 'code', name: 'keras-lambda', shown, facts, at }, place)
  for (const name of names) {
    tell({ kind: 'code', name: `keras-lambda.${name}`, facts: { container: place.container }, at }, place)
  }
}

/** A vocabulary may be given as the name of a file, which loading opens; saved models keep theirs inside. */
function tellVocabulary({ config, at }: KerasObject, place: KerasPlace): void {
  const path = config.get('vocabulary')
  if (path === undefined || path === '') return
  const facts = { container: place.container, isAddress: path.includes('://') }
  tell({ kind: 'external-file', name: 'keras-vocabulary', shown: path, facts, at }, place)
}

/** Layers that call a function of TensorFlow by its public name, or that are one operator of a graph. */
function tellOperator({ words, config, at }: KerasObject, place: KerasPlace): void {
  const className = words.get('class_name') ?? ''
  const called = config.get('function')
  if (called !== undefined && CALLS_TENSORFLOW.has(className)) {
    const facts = { container: place.container, className }
    tell({ kind: 'keras-object', name: `tensorflow-function.${showText(called, MAX_FACT_CHARS)}`, facts, at }, place)
  }
  const operator = OPERATOR.exec(config.get('node_def') ?? '')?.[1]
  if (operator !== undefined) tell({ kind: 'graph-operator', name: operator, shown: `layer of ${operator}`, at }, place)
}

/** The wrapper of torch modules keeps a pickle of torch in its configuration, under `module`. */
async function tellModule({ words, config, at }: KerasObject, place: KerasPlace): Promise<void> {
  const packed = config.get('module') ?? (words.get('class_name') === '__bytes__' ? config.get('value') : undefined)
  if (packed === undefined || packed.length < LEAST_WEIGHTS_CHARS) return
  const { report, gaps, cursor, scanNested, member } = place
  const bytes = Buffer.from(packed, /^[A-Za-z0-9+/=\s]+$/.test(packed) ? 'base64' : 'latin1')
  const scan = await scanNested(cursor.over(bytes), 'module.pt', gaps)
  if (scan !== null) report.adopt(scan, `${member}@${at}`)
}
