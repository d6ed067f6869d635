// One pickle, walked with every name, call and trick observed. What the readers count, this tells; nothing of it is executed.
import type { LoadAction } from '../../../contract/threat.ts'
import type { Cursor } from '../cursor.ts'
import { GapList } from '../gap-list.ts'
import { joblibArrays } from '../numpy-arrays.ts'
import { type OnBuild, PickleMachine } from '../pickle-machine.ts'
import { type PickleCall, type PickleGlobal, type PickleValue, itemsOf, objectOf, pairsOf } from '../pickle-values.ts'
import { type PickleWalk, walkWith } from '../pickle-walk.ts'
import type { PickleWatch } from '../pickle-watch.ts'
import { startsLegacy } from '../torch-magic.ts'
import type { NameTable } from './name-table.ts'
import { grownSize } from './pickle-growth.ts'
import { behindReference, nameOf, reachedBy } from './pickle-reach.ts'
import { type Peek, showCall, showValue } from './show-python.ts'

/** Tuples of so few values are kept when there is no room for lists any more: they are the arguments of calls. */
const MAX_ARGUMENTS = 64
const MAX_ARGUMENT_TUPLES = 131_072
/** Calls, and tuples in the memo, that are kept then (CWE-770). */
const MAX_KEPT_OBJECTS = 65_536
/** A container that is asked for again, and how often that must be to multiply anything (2 to the 16th). */
const MAX_ROOTS = 1_024
const MIN_RECALLS = 16
/** What is built, counted with every reference: beyond this many values, and this many for each opcode, it is a bomb (CWE-776). */
const GROWN_VALUES = 50_000_000
const GROWN_RATIO = 1_000
/** CPython makes its memo as long as the greatest index: 16 bytes a place (CWE-789). */
const MAX_MEMO_INDEX = 16_777_216
const MAX_STREAM_ACTIONS = 64
const MAX_FACT_CHARS = 256
/** Data in which a pickle may hide. */
const MAX_HIDDEN = 64
const MIN_HIDDEN_BYTES = 16
const PROTO = 0x80
const LATEST_PROTOCOL = 5
/** PROTO, `g` of base64, `8` of hexadecimal, `c` and `(` of protocol 0, `P` of an archive. */
const FIRST_BYTES: readonly number[] = [0x80, 0x67, 0x38, 0x63, 0x28, 0x50]
/** A pickle in base64 (protocols 2 to 5), in hexadecimal, or of the protocols without a first mark. */
const ENCODED = /^(?:gA[I-X][A-Za-z0-9+/_=-]{8}|800[2-5][0-9a-fA-F]{16}|\(?c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n)/
/** Names that Python programs are written with. Everything else is drawn like something that it is not. */
const ORDINARY = /^[A-Za-z_][\w.]*$/
const HOOKS: ReadonlySet<PickleValue> = new Set([
  '__setstate__',
  '__reduce__',
  '__reduce_ex__',
  '__class__',
  '__call__',
  '__del__',
  '__getattr__',
  '__getattribute__',
  '__globals__',
  '__code__',
  '__builtins__',
])

/** What the opcodes call on objects by name: in the state of one they are hooks where they are no plain value. */
const METHODS: ReadonlySet<PickleValue> = new Set(['append', 'extend', 'add'])

/** What these begin with: `_`, `a` and `e`. */
const HOOK_LETTERS: readonly number[] = [0x5f, 0x61, 0x65]

/** Bytes or text that look like a pickle of their own. */
export interface HiddenData {
  readonly at: number
  readonly size: number
  /** The text itself, where it is no place in the file. */
  readonly text: string | null
  /** A whole file of another format: an archive, or a checkpoint of torch.save before 1.6. */
  readonly isFile: boolean
}

/** Where a walk puts what it finds. */
export interface Findings {
  readonly names: NameTable
  readonly stream: LoadAction[]
  readonly hidden: HiddenData[]
}

export interface WatchedWalk {
  readonly walk: PickleWalk
  /** Why it broke off: the first gap; null where STOP was reached. */
  readonly trouble: { readonly code: string; readonly detail: string } | null
  /** First place behind a joblib wrapper whose raw bytes were leaped over; only joblib does that. */
  readonly leapedAt: number | null
  /** First place behind a joblib wrapper with a pickle of its own, which counts its memo anew; only for joblib. */
  readonly nestedAt: number | null
  /** False where a part of the work was given up. */
  readonly isWhole: boolean
  /** True where it was given up because there is no room or no step left for it. */
  readonly isSpent: boolean
}

/** Walks the pickle under the cursor into the findings. `isJoblib`: raw arrays lie behind joblib's wrappers. */
export function watchPickle(cursor: Cursor, findings: Findings, isJoblib: boolean): WatchedWalk {
  const gaps = new GapList('')
  const leap: Leap & { isWhole: boolean } = { at: null, nestedAt: null, isWhole: true }
  const follow = isJoblib
    ? joblibArrays(
        gaps,
        ({ isComplete }) => {
          leap.isWhole &&= isComplete
        },
        (inner) => watchPickle(inner, findings, true).walk,
      )
    : undefined
  const onBuild = follow === undefined ? undefined : leapNoting(follow, leap)
  const watcher = new Watcher(cursor, findings)
  const machine = new PickleMachine(cursor, onBuild, 'all', watcher)
  const walk = walkWith(machine, gaps)
  watcher.finish(machine)
  const [trouble] = gaps.list()
  const broken = walk.isComplete ? null : (trouble ?? { code: 'GNO_READ_INVALID', detail: 'no STOP' })
  const isSpent = machine.isLost || broken?.code === 'GNO_READ_BUDGET' || broken?.code === 'GNO_READ_LIMIT'
  return {
    walk,
    trouble: broken,
    leapedAt: leap.at,
    nestedAt: leap.nestedAt,
    isWhole: leap.isWhole && !machine.isLost,
    isSpent,
  }
}

interface Leap {
  at: number | null
  nestedAt: number | null
}

function leapNoting(follow: OnBuild, leap: Leap): OnBuild {
  return (built, cursor) => {
    const at = cursor.position
    const instead = follow(built, cursor)
    if (objectOf(instead)?.kind === 'unknown') leap.nestedAt ??= at
    else if (instead !== undefined && cursor.position > at) leap.at ??= at
    return instead
  }
}

/** Sees what the symbolic unpickler does. */
class Watcher implements PickleWatch {
  readonly #cursor: Cursor
  readonly #findings: Findings
  readonly #peek: Peek
  readonly #roots = new Set<PickleValue>()
  #recalls = 0
  #tuples = 0
  #objects = 0

  constructor(cursor: Cursor, findings: Findings) {
    this.#cursor = cursor
    this.#findings = findings
    this.#peek = (at, size) => {
      const bytes = new Uint8Array(size)
      return bytes.subarray(0, cursor.source.read(at, bytes))
    }
  }

  #tell(name: string, at: number, shown?: string, facts?: LoadAction['facts']): void {
    const { stream } = this.#findings
    if (stream.length >= MAX_STREAM_ACTIONS) return
    const told: LoadAction = { kind: 'pickle-stream', name, at }
    stream.push({ ...told, ...(shown === undefined ? {} : { shown }), ...(facts === undefined ? {} : { facts }) })
  }

  named({ module, name, at }: PickleGlobal): void {
    this.#findings.names.imported(module, name, at)
    if (!ORDINARY.test(`${module}.${name}`)) this.#tell('odd-name', at, `${module}.${name}`)
  }

  computed(module: PickleValue, name: PickleValue, at: number): void {
    this.#tell('computed-name', at, `STACK_GLOBAL ${showValue(module, this.#peek)} ${showValue(name, this.#peek)}`)
  }

  extension(code: number, at: number): void {
    this.#tell('extension-code', at, `copyreg extension ${code}`)
  }

  persistent(id: PickleValue, at: number): void {
    if (!isKnownReference(id)) this.#tell('persistent-id', at, `persistent_load(${showValue(id, this.#peek)})`)
  }

  called(made: PickleCall): void {
    const { callee, args, how, at } = made
    const { names } = this.#findings
    const target = objectOf(behindReference(callee))
    if (target?.kind === 'global') {
      names.used({ name: target.dotted, how, args, at, show: () => showValue(made, this.#peek) })
      if (args.length === 0) return
    }
    for (const { name, args: given } of reachedBy(made)) {
      const show = (): string =>
        target?.kind === 'call' ? showValue(made, this.#peek) : showCall(name, given, this.#peek)
      names.used({ name, how, args: given, at, isComputed: true, show })
    }
    this.#tellComputed(made)
  }

  /** What is called is itself the result of a call, or nobody can say what. */
  #tellComputed(made: PickleCall): void {
    const target = objectOf(behindReference(made.callee))
    if (target?.kind === 'global') return
    const reached = nameOf(made.callee)
    const name = reached !== null ? 'attribute-chain' : target?.kind === 'call' ? 'call-of-result' : 'call-of-unknown'
    const facts = reached === null ? undefined : { reached: reached.slice(0, MAX_FACT_CHARS) }
    this.#tell(name, made.at, showValue(made, this.#peek), facts)
  }

  dropped(value: PickleValue): void {
    const object = objectOf(value)
    // Objects that are made again from the memo are dropped; what a function gave is not.
    if (object?.kind !== 'call' || object.how === 'NEWOBJ' || object.how === 'NEWOBJ_EX') return
    const called = nameOf(object.callee)?.slice(0, MAX_FACT_CHARS)
    const facts = { how: object.how, ...(called === undefined ? {} : { called }) }
    this.#tell('dropped-result', object.at, showValue(object, this.#peek), facts)
  }

  stated(target: PickleValue, state: PickleValue): void {
    const at = this.#cursor.position
    const object = objectOf(target)
    if (object?.kind === 'global') {
      this.#tell('state-on-name', at, `${showValue(object, this.#peek)} = ${showValue(state, this.#peek)}`)
    }
    const parts = objectOf(state)?.kind === 'tuple' ? (itemsOf(state) ?? []) : [state]
    const hasHook = parts.some((part) => setsHook(pairsOf(part) ?? []))
    if (hasHook) this.#tell('state-sets-hook', at, showValue(state, this.#peek))
  }

  filled(target: PickleGlobal, values: readonly PickleValue[]): void {
    const shown = values.slice(0, 4).map((value) => showValue(value, this.#peek))
    this.#tell('state-on-name', this.#cursor.position, `${showValue(target, this.#peek)}[${shown.join(', ')}]`)
  }

  protocolAgain(version: number): void {
    this.#tell('protocol-mix', this.#cursor.position - 2, `PROTO ${version}`)
  }

  oddNumber(text: string): void {
    this.#tell('odd-number', this.#cursor.position, text)
  }

  odd(at: number, what: string): void {
    this.#tell(what.includes('frame') ? 'frame-bounds' : 'stumble', at, what)
  }

  memoised(index: number): void {
    if (index > MAX_MEMO_INDEX) this.#tell('growth', this.#cursor.position, `memo index ${index}`)
  }

  again(value: PickleValue): void {
    const object = objectOf(value)
    if (object === null || object.kind === 'global' || object.kind === 'unknown') return
    this.#recalls += 1
    if (this.#roots.size < MAX_ROOTS) this.#roots.add(object)
  }

  keepsTuple(count: number): boolean {
    this.#tuples += 1
    return count <= MAX_ARGUMENTS && this.#tuples <= MAX_ARGUMENT_TUPLES
  }

  keepsObject(): boolean {
    this.#objects += 1
    return this.#objects <= MAX_KEPT_OBJECTS
  }

  keepsKey(key: PickleValue): boolean {
    // Nearly all end at their first letter.
    if (typeof key !== 'string' || !HOOK_LETTERS.includes(key.charCodeAt(0))) return false
    return HOOKS.has(key) || METHODS.has(key)
  }

  /** A short text: nearly all end at the first character. */
  text(text: string, at: number): void {
    if (text.length < MIN_HIDDEN_BYTES || !'g8c(\u0080'.includes(text.charAt(0))) return
    if (text.charCodeAt(0) === PROTO) this.#hide({ at, size: text.length, text: null, isFile: false })
    else if (ENCODED.test(text)) this.#hide({ at, size: text.length, text, isFile: false })
  }

  /** Bytes, or a long text, where they lie. */
  data(at: number, size: number): void {
    if (size < MIN_HIDDEN_BYTES || size > this.#cursor.size - at) return
    const back = this.#cursor.position
    this.#cursor.seek(at)
    const first = this.#cursor.uint8()
    if (FIRST_BYTES.includes(first)) {
      const start = Buffer.from(this.#cursor.view(MIN_HIDDEN_BYTES - 1))
      const text = String.fromCharCode(first) + start.toString('latin1')
      const isFile = text.startsWith('PK\u0003\u0004') || startsLegacy(Buffer.concat([Buffer.from([first]), start]))
      const isMarked = first === PROTO && (start[0] ?? 0) >= 2 && (start[0] ?? 0) <= LATEST_PROTOCOL
      if (isFile || isMarked || MAY_BE_ENCODED.test(text)) this.#hide({ at, size, text: null, isFile })
    }
    this.#cursor.seek(back)
  }

  #hide(data: HiddenData): void {
    const { hidden } = this.#findings
    if (hidden.length < MAX_HIDDEN) hidden.push(data)
    else this.#tell('hidden-pickle', data.at, `more than ${MAX_HIDDEN} pieces of data look like pickles`)
  }

  /** What is known only at the end: how large it all grows. */
  finish({ stack, opcodeCount }: PickleMachine): void {
    if (this.#recalls < MIN_RECALLS) return
    const values = grownSize([...this.#roots, ...stack.slice(-1)])
    if (values < GROWN_VALUES || values < GROWN_RATIO * opcodeCount) return
    const shown = `${opcodeCount} opcodes build ${values > 1e15 ? 'more than 10^15' : values} values`
    this.#tell('growth', this.#cursor.position, shown)
  }
}

/** Keys and values of a state, in turn. */
function setsHook(pairs: readonly PickleValue[]): boolean {
  return pairs.some((key, index) => {
    if (index % 2 === 1) return false
    const kind = objectOf(pairs[index + 1])?.kind
    return HOOKS.has(key) || (METHODS.has(key) && (kind === 'global' || kind === 'call' || kind === 'unknown'))
  })
}

const MAY_BE_ENCODED = /^(?:gA[I-X]|800[2-5]|\(?c[A-Za-z_][\w.]*\n?)/

/** PyTorch's storages and sources of modules; the numbers of storages in its oldest archives. */
function isKnownReference(id: PickleValue): boolean {
  if (typeof id === 'string') return /^[0-9]{1,20}$/.test(id)
  if (typeof id === 'number') return true
  const object = objectOf(id)
  if (object?.kind !== 'tuple') return false
  const [first, second] = object.items
  return (first === 'storage' || first === 'module') && objectOf(second)?.kind === 'global'
}
