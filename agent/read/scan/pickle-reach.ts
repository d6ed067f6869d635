// What Python's own functions for reaching things give, where their arguments are constants: `getattr(os, 'system')` is `os.system`.
// This is what the functions mean, and no judgement about them.
import { type PickleCall, type PickleValue, globalName, itemsOf, objectOf, valueOf } from '../pickle-values.ts'

/** Calls of calls of calls that are followed (CWE-674). */
const MAX_STEPS = 16

const GET_ATTRIBUTE: ReadonlySet<string> = new Set([
  'builtins.getattr',
  '__builtin__.getattr',
  'builtins.object.__getattribute__',
  'operator.attrgetter.__call__',
  'inspect.getattr_static',
  'dill._dill._getattribute',
])
const IMPORT: ReadonlySet<string> = new Set([
  'builtins.__import__',
  '__builtin__.__import__',
  'importlib.__import__',
  'importlib._bootstrap.__import__',
  '_frozen_importlib.__import__',
])
/** These give the module itself, not the package that it lies in; or what a path of names leads to. */
const LOCATE: ReadonlySet<string> = new Set([
  'importlib.import_module',
  'importlib._bootstrap._gcd_import',
  '_frozen_importlib._gcd_import',
  'pkgutil.resolve_name',
  'pydoc.locate',
  'pydoc.safeimport',
  'dill._dill._import_module',
  'logging.config._resolve',
  'torch.utils._import_utils.import_dill',
  'twisted.python.reflect.namedAny',
])
const GET_ITEM: ReadonlySet<string> = new Set(['operator.getitem', '_operator.getitem', 'builtins.dict.get'])
const ATTRIBUTE_GETTER: ReadonlySet<string> = new Set(['operator.attrgetter', '_operator.attrgetter'])
const ITEM_GETTER: ReadonlySet<string> = new Set(['operator.itemgetter', '_operator.itemgetter'])
const METHOD_CALLER: ReadonlySet<string> = new Set(['operator.methodcaller', '_operator.methodcaller'])
const PARTIAL: ReadonlySet<string> = new Set(['functools.partial', '_functools.partial', 'functools.partialmethod'])
const CALL_FIRST: ReadonlySet<string> = new Set([
  '_functools.reduce',
  'functools.reduce',
  'builtins.map',
  'builtins.filter',
  '__builtin__.map',
  '__builtin__.filter',
  '__builtin__.apply',
  '__builtin__.reduce',
  'operator.call',
  '_operator.call',
  'itertools.starmap',
  'copyreg.__newobj__',
  'copy_reg.__newobj__',
  'copyreg.__newobj_ex__',
])
/** Rebuilders that call one of their arguments with the values of another one, or with all that stand before it. */
const CALL_ARGUMENT: ReadonlyMap<
  string,
  { readonly callee: number; readonly args: number; readonly isTuple: boolean }
> = new Map([
  ['torch._tensor._rebuild_from_type', { callee: 0, args: 2, isTuple: true }],
  ['torch._tensor._rebuild_from_type_v2', { callee: 0, args: 2, isTuple: true }],
  ['torch.tensor._rebuild_from_type', { callee: 0, args: 2, isTuple: true }],
  ['torch.tensor._rebuild_from_type_v2', { callee: 0, args: 2, isTuple: true }],
  ['jax._src.array._reconstruct_array', { callee: 0, args: 1, isTuple: true }],
  ['numpy.random._pickle.__randomstate_ctor', { callee: 1, args: 0, isTuple: false }],
  ['numpy.random._pickle.__generator_ctor', { callee: 1, args: 0, isTuple: false }],
  ['numpy.random.__RandomState_ctor', { callee: 1, args: 0, isTuple: false }],
  ['numpy.random.mtrand.__randomstate_ctor', { callee: 1, args: 0, isTuple: false }],
])
const MODULES = 'sys.modules'
const MODULES_METHODS: ReadonlySet<string> = new Set([
  'sys.modules.get',
  'sys.modules.__getitem__',
  'sys.modules.pop',
  'sys.modules.setdefault',
])

/** What is really called, and with what. */
export interface Reached {
  readonly name: string
  readonly args: readonly PickleValue[]
}

/** The dotted name of what a value is, where that can be told: a name, or the result of reaching for one. */
export function nameOf(value: PickleValue | undefined, steps = 0): string | null {
  const object = objectOf(value)
  if (object?.kind === 'global') return globalName(object)
  if (object?.kind !== 'call' || steps >= MAX_STEPS) return null
  return resultName(object, steps + 1)
}

function resultName(call: PickleCall, steps: number): string | null {
  const [first, second] = call.args
  const callee = nameOf(call.callee, steps)
  if (callee !== null) return resultOf(callee, call, steps)
  const maker = objectOf(call.callee)
  if (maker?.kind !== 'call') return null
  const made = nameOf(maker.callee, steps)
  const key = maker.args[0]
  if (made === null || typeof key !== 'string') return null
  if (ATTRIBUTE_GETTER.has(made)) return member(nameOf(first, steps), key)
  if (ITEM_GETTER.has(made)) return nameOf(first, steps) === MODULES ? key : null
  return METHOD_CALLER.has(made) ? calledMember(nameOf(first, steps), key, maker.args[1] ?? second) : null
}

function resultOf(callee: string, { args }: PickleCall, steps: number): string | null {
  const [first, second] = args
  if (GET_ATTRIBUTE.has(callee)) return typeof second === 'string' ? member(nameOf(first, steps), second) : null
  if (GET_ITEM.has(callee)) return nameOf(first, steps) === MODULES && typeof second === 'string' ? second : null
  if (typeof first !== 'string') return null
  if (IMPORT.has(callee)) return itemsOf(args[3])?.length ? first : (first.split('.', 1)[0] ?? first)
  if (LOCATE.has(callee)) return first.replace(':', '.')
  return MODULES_METHODS.has(callee) ? first : null
}

/** A method that reaches for something itself: `modules.get('os')`. */
function calledMember(owner: string | null, method: string, argument: PickleValue | undefined): string | null {
  const name = member(owner, method)
  return name !== null && MODULES_METHODS.has(name) && typeof argument === 'string' ? argument : null
}

function member(owner: string | null, attribute: string): string | null {
  return owner === null ? null : `${owner}.${attribute}`
}

/** The class that PyTorch before 1.6 kept behind a reference, with its source: `persistent(('module', Linear, …))` is Linear. */
export function behindReference(value: PickleValue): PickleValue {
  const object = objectOf(value)
  const [kind, named] = (object?.kind === 'persistent' ? itemsOf(object.id) : null) ?? []
  return kind === 'module' && named !== undefined && objectOf(named)?.kind === 'global' ? named : value
}

/** What a call really calls where its callee is no plain name, and what the callers of functions call; each once. */
export function reachedBy(call: PickleCall): readonly Reached[] {
  const reached: Reached[] = []
  const callee = objectOf(call.callee)
  const name = nameOf(call.callee)
  if (name !== null && callee?.kind === 'call') reached.push({ name, args: call.args })
  if (name !== null && CALL_FIRST.has(name)) addNamed(reached, call.args[0], call.args.slice(1))
  const called = CALL_ARGUMENT.get(name ?? '')
  if (called !== undefined) {
    const given = call.args[called.args]
    const args = called.isTuple ? (itemsOf(given) ?? []) : given === undefined ? [] : [given]
    addNamed(reached, call.args[called.callee], args)
  }
  if (callee?.kind === 'call') addMade(reached, callee, call)
  return reached
}

/** partial(f, a)(b) is f(a, b), and methodcaller('m', a)(o) is o.m(a). */
function addMade(reached: Reached[], maker: PickleCall, call: PickleCall): void {
  const made = nameOf(maker.callee)
  if (made === null) return
  if (PARTIAL.has(made)) {
    const [named, given] = partialOf(maker)
    addNamed(reached, named, [...given, ...call.args])
  }
  const [method, ...args] = maker.args
  if (!METHOD_CALLER.has(made) || typeof method !== 'string') return
  const owner = nameOf(call.args[0])
  if (owner !== null) reached.push({ name: `${owner}.${method}`, args })
}

/** partial keeps its function in the state when it is unpickled: partial(f) BUILD (f, args, keywords, dict). */
function partialOf({ args, state }: PickleCall): readonly [PickleValue | undefined, readonly PickleValue[]] {
  const stated = itemsOf(state)
  if (stated !== null) return [stated[0], itemsOf(stated[1]) ?? []]
  return [args[0] ?? valueOf(state, 'func'), args.slice(1)]
}

function addNamed(reached: Reached[], value: PickleValue | undefined, args: readonly PickleValue[]): void {
  const name = nameOf(value)
  if (name !== null) reached.push({ name, args })
}
