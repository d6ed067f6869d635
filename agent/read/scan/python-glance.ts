// A static look at Python source: which names of modules it imports, calls and hands on, under whatever other names, and what is
// called inside the arguments of a call. No parser and no judgement; one pass over the tokens, no recursion.
import { BUILTINS, STANDARD_MODULES } from './python-names.ts'
import { type PythonToken, pythonTokens } from './python-tokens.ts'

export interface CodeUse {
  /** Dotted, from the module on: `os.system`, `exec`. */
  readonly name: string
  readonly how: 'call' | 'use' | 'import'
  /** Character of the source. */
  readonly at: number
  /** The first text among the arguments. */
  readonly argument: string | null
  /** What is called inside the arguments, or was called to make what they name. */
  readonly inner: readonly string[]
  /** Of Python itself; otherwise of a library. */
  readonly isStandard: boolean
}

export interface Glance {
  readonly uses: readonly CodeUse[]
  readonly isWhole: boolean
}

/** Uses of one source: different ones are told, and more are not kept (CWE-770). */
const MAX_USES = 16_384
/** Calls that are remembered of one variable or one argument list. */
const MAX_INNER = 32
const MAX_PATH_PARTS = 16
/** Functions that give the module that a text names, so that the text says what is called. */
const IMPORTING: ReadonlySet<string> = new Set(['__import__', 'importlib.import_module', 'importlib.__import__'])
const BUILTIN_ROOTS: ReadonlySet<string> = new Set(['builtins', '__builtin__', '__builtins__'])

/** `isProse`: texts about something, in which a module need not be imported to be meant; only calls are told of those. */
export function glancePython(source: string, options: { readonly isProse?: boolean } = {}): Glance {
  const { tokens, isWhole } = pythonTokens(source)
  const glance = new Glancing(tokens, options.isProse === true)
  glance.run()
  return { uses: glance.uses, isWhole: isWhole && glance.uses.length < MAX_USES }
}

interface OpenCall {
  /** Null for a bracket that calls nothing known. */
  readonly name: string | null
  readonly at: number
  readonly inner: Set<string>
  argument: string | null
}

class Glancing {
  readonly uses: CodeUse[] = []
  readonly #tokens: readonly PythonToken[]
  readonly #isProse: boolean
  /** What names of the source stand for: modules, and what is in them. */
  readonly #aliases = new Map<string, string>()
  /** Calls that made what a variable holds. */
  readonly #made = new Map<string, ReadonlySet<string>>()
  readonly #open: OpenCall[] = []
  #at = 0
  #target: string | null = null
  #statement = new Set<string>()
  /** What the whole right side of an assignment stands for. */
  #stands: string | null = null
  #parts = 0

  constructor(tokens: readonly PythonToken[], isProse: boolean) {
    this.#tokens = tokens
    this.#isProse = isProse
  }

  run(): void {
    this.#begin()
    while (this.#at < this.#tokens.length && this.uses.length < MAX_USES) this.#step()
    while (this.#open.length > 0) this.#close()
    this.#end()
  }

  #token(ahead = 0): PythonToken | undefined {
    return this.#tokens[this.#at + ahead]
  }

  #is(text: string, ahead = 0): boolean {
    const token = this.#token(ahead)
    return token?.kind === 'mark' && token.text === text
  }

  #step(): void {
    const token = this.#token()
    if (token === undefined) return
    const { kind, text } = token
    if (kind === 'line' || (kind === 'mark' && (text === ';' || (text === ':' && this.#open.length === 0)))) {
      this.#at += 1
      if (this.#open.length === 0 || text === ';') this.#turn()
      return
    }
    if (kind === 'name') this.#name(token)
    else if (kind === 'text') this.#text(token)
    else this.#mark(text)
  }

  /** A new statement. */
  #turn(): void {
    this.#end()
    this.#begin()
  }

  #begin(): void {
    this.#target = null
    this.#statement = new Set()
    this.#stands = null
    this.#parts = 0
    const first = this.#token()
    if (first?.kind !== 'name') return
    if (first.text === 'import') this.#importModules()
    else if (first.text === 'from') this.#importFrom()
    else if (this.#is('=', 1) && !this.#is('=', 2)) {
      this.#target = first.text
      this.#at += 2
    }
  }

  #end(): void {
    if (this.#target === null) return
    if (this.#parts === 1 && this.#stands !== null) this.#aliases.set(this.#target, this.#stands)
    else this.#aliases.delete(this.#target)
    if (this.#statement.size > 0) this.#made.set(this.#target, this.#statement)
  }

  #mark(text: string): void {
    this.#at += 1
    if (text === '(' || text === '[' || text === '{') {
      this.#open.push({ name: null, at: this.#token(-1)?.at ?? 0, inner: new Set(), argument: null })
    } else if ((text === ')' || text === ']' || text === '}') && this.#open.length > 0) this.#close()
    else if (this.#open.length === 0) this.#parts += 1
  }

  #text({ text }: PythonToken): void {
    const call = this.#open.at(-1)
    if (call !== undefined) call.argument ??= text
    else this.#parts += 1
    this.#at += 1
  }

  /** A name with all that follows it by dots, and the call of it. */
  #name(token: PythonToken): void {
    const path = this.#path()
    const name = this.#resolve(path)
    const [root = ''] = path
    for (const made of this.#made.get(root) ?? []) this.#note(made)
    if (this.#open.length === 0) this.#parts += 1
    this.#take(name, token.at)
  }

  #take(name: string | null, at: number): void {
    if (this.#is('(')) {
      // In prose a bracket after a blank is an aside.
      const isAside =
        this.#isProse && (this.#token(-1)?.at ?? 0) + (this.#token(-1)?.text.length ?? 0) < (this.#token()?.at ?? 0)
      this.#at += 1
      this.#open.push({ name: isAside ? null : name, at, inner: new Set(), argument: null })
      return
    }
    if (this.#open.length === 0) this.#stands = name
    if (name !== null && !this.#isProse && name.includes('.'))
      this.#tell({ name, how: 'use', at, argument: null, inner: [] })
  }

  #path(): string[] {
    const path = [this.#token()?.text ?? '']
    this.#at += 1
    this.#follow(path)
    return path
  }

  /** `.attribute` and `['attribute']`. */
  #follow(path: string[]): void {
    for (; path.length < MAX_PATH_PARTS; ) {
      const [next, inner, closing] = [this.#token(), this.#token(1), this.#token(2)]
      if (next?.kind !== 'mark') return
      if (next.text === '.' && inner?.kind === 'name') {
        path.push(inner.text)
        this.#at += 2
      } else if (next.text === '[' && inner?.kind === 'text' && closing?.text === ']') {
        path.push(inner.text)
        this.#at += 3
      } else return
    }
  }

  #resolve(path: readonly string[]): string | null {
    const [root = '', ...rest] = path
    if (BUILTIN_ROOTS.has(root) && rest.length > 0) return rest.join('.')
    const known = this.#aliases.get(root)
    if (known !== undefined) return [known, ...rest].join('.')
    if (BUILTINS.has(root)) return path.join('.')
    return this.#isProse && rest.length > 0 && STANDARD_MODULES.has(root) ? path.join('.') : null
  }

  /** The end of a bracket: what is called is known now with its arguments, and may be called on. */
  #close(): void {
    const call = this.#open.pop()
    if (call === undefined || call.name === null) {
      for (const inner of call?.inner ?? []) this.#note(inner)
      this.#takeText(call?.argument ?? null)
      return
    }
    const { name, at, argument, inner } = call
    this.#tell({ name, how: 'call', at, argument, inner: [...inner] })
    this.#note(name)
    for (const each of inner) this.#note(each)
    const path = [resultOf(name, argument)]
    this.#follow(path)
    const made = path.join('.')
    // `__import__('os').system(…)`: what was called gave a module, and something of it is called.
    if (path.length > 1 || !made.endsWith('()')) this.#take(path[0]?.endsWith('()') === true ? null : made, at)
    else if (this.#is('(')) this.#take(null, at)
  }

  #takeText(text: string | null): void {
    const call = this.#open.at(-1)
    if (call !== undefined && text !== null) call.argument ??= text
  }

  #note(name: string): void {
    const into = this.#open.at(-1)?.inner ?? this.#statement
    if (into.size < MAX_INNER) into.add(name)
    if (this.#statement.size < MAX_INNER) this.#statement.add(name)
  }

  #tell(use: Omit<CodeUse, 'isStandard'>): void {
    const [root = ''] = use.name.split('.')
    this.uses.push({ ...use, isStandard: BUILTINS.has(root) || STANDARD_MODULES.has(root) })
  }

  #importModules(): void {
    this.#at += 1
    for (;;) {
      const at = this.#token()?.at ?? 0
      if (this.#token()?.kind !== 'name') return
      const module = this.#path().join('.')
      const alias = this.#alias()
      const [root = ''] = module.split('.')
      this.#aliases.set(alias ?? root, alias === null ? root : module)
      if (!this.#isProse) this.#tell({ name: module, how: 'import', at, argument: null, inner: [] })
      if (!this.#is(',')) return
      this.#at += 1
    }
  }

  #alias(): string | null {
    if (this.#token()?.text !== 'as' || this.#token(1)?.kind !== 'name') return null
    const alias = this.#token(1)?.text ?? null
    this.#at += 2
    return alias
  }

  #importFrom(): void {
    const at = this.#token()?.at ?? 0
    this.#at += 1
    // `from .modeling import X` is of the same folder, and looked at there.
    if (this.#token()?.kind !== 'name') return
    const module = this.#path().join('.')
    if (this.#token()?.text !== 'import') return
    this.#at += 1
    if (!this.#isProse) this.#tell({ name: module, how: 'import', at, argument: null, inner: [] })
    const isGrouped = this.#is('(')
    if (isGrouped) this.#at += 1
    for (let token = this.#token(); token !== undefined; token = this.#token()) {
      if (token.kind === 'name') {
        this.#at += 1
        this.#aliases.set(this.#alias() ?? token.text, `${module}.${token.text}`)
      } else if (isGrouped && (token.kind === 'line' || this.#is(','))) this.#at += 1
      else if (this.#is(',')) this.#at += 1
      else break
    }
    if (isGrouped && this.#is(')')) this.#at += 1
  }
}

/** What a call gives: a module, where a function that imports was called with its name. */
function resultOf(name: string, argument: string | null): string {
  return IMPORTING.has(name) && argument !== null ? argument : `${name}()`
}
