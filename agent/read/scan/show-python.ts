// Writes what a pickle would do as a developer would write it in Python: nested calls shown, arguments cut.
import { shorten } from '../../../contract/printable.ts'
import {
  type PickleBytes,
  type PickleCall,
  type PickleDict,
  type PickleItems,
  type PickleObject,
  type PickleValue,
  globalName,
} from '../pickle-values.ts'

/** Deeper calls are drawn as dots. */
const MAX_DEPTH = 6
/** Arguments and members of one list that are shown. */
const MAX_SHOWN = 6
const MAX_QUOTED_CHARS = 80
/** One line; what is longer is cut at its end, where the arguments stand. */
const MAX_LINE_CHARS = 240
/** Beginning of a long text that is shown. */
const PEEK_BYTES = 60

/** Keys and tokens by the marks that their makers give them: the mark is shown, and nothing of the secret. */
const SECRET =
  /\b(sk-|sk_live_|rk_live_|gh[pousr]_|github_pat_|hf_|glpat-|xox[abposr]-|AKIA|ASIA|AIza|eyJ)[A-Za-z0-9_.-]{12,}/g

/** The bytes at a place of the file; for long texts, of which a pickle keeps the place alone. */
export type Peek = (at: number, size: number) => Uint8Array

/** A value as Python would write it, in one line. */
export function showValue(value: PickleValue | undefined, peek: Peek): string {
  const line = write(value, peek, 0)
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS - 1)}…` : line
}

/** A call with another name for what it calls than the pickle has. */
export function showCall(name: string, args: readonly PickleValue[], peek: Peek): string {
  const line = `${name}(${writeList(args, peek, 1)})`
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS - 1)}…` : line
}

function write(value: PickleValue | undefined, peek: Peek, depth: number): string {
  if (value === undefined) return ''
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return quote(value)
  return depth >= MAX_DEPTH ? '…' : writeObject(value, peek, depth)
}

function writeObject(value: PickleObject, peek: Peek, depth: number): string {
  switch (value.kind) {
    case 'global':
      return globalName(value) ?? '?'
    case 'bytes':
      return writeBytes(value, peek)
    case 'call':
      return writeCall(value, peek, depth)
    case 'persistent':
      return `persistent(${write(value.id, peek, depth + 1)})`
    case 'array':
      return `array(${value.type}, [${value.shape.slice(0, MAX_SHOWN).join(', ')}])`
    case 'unknown':
      return '?'
    case 'dict':
      return writeDict(value, peek, depth)
    case 'list':
    case 'tuple':
    case 'set':
      return writeItems(value, peek, depth)
  }
}

function writeCall({ callee, args }: PickleCall, peek: Peek, depth: number): string {
  return `${write(callee, peek, depth)}(${writeList(args, peek, depth + 1)})`
}

function writeItems({ kind, items }: PickleItems, peek: Peek, depth: number): string {
  const inside = writeList(items, peek, depth + 1)
  if (kind === 'list') return `[${inside}]`
  if (kind === 'set') return `{${inside}}`
  return items.length === 1 ? `(${inside},)` : `(${inside})`
}

function writeDict({ pairs }: PickleDict, peek: Peek, depth: number): string {
  const shown: string[] = []
  for (let at = 0; at + 1 < pairs.length && shown.length < MAX_SHOWN; at += 2) {
    shown.push(`${write(pairs[at], peek, depth + 1)}: ${write(pairs[at + 1], peek, depth + 1)}`)
  }
  return `{${shown.join(', ')}${pairs.length / 2 > MAX_SHOWN ? ', …' : ''}}`
}

function writeList(items: readonly PickleValue[], peek: Peek, depth: number): string {
  const shown = items.slice(0, MAX_SHOWN).map((item) => write(item, peek, depth))
  return `${shown.join(', ')}${items.length > MAX_SHOWN ? ', …' : ''}`
}

function writeBytes({ at, size, isText }: PickleBytes, peek: Peek): string {
  const start = Buffer.from(peek(at, Math.min(size, PEEK_BYTES))).toString(isText ? 'utf8' : 'latin1')
  return `${isText ? '' : 'b'}${quote(start, size > PEEK_BYTES)}`
}

function quote(text: string, isCut = false): string {
  const escaped = text
    .replace(SECRET, (_whole, kind: string) => `${kind}…`)
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('\n', '\\n')
  return `'${shorten(escaped, MAX_QUOTED_CHARS)}${isCut ? '…' : ''}'`
}
