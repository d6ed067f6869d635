// What somebody may observe of a pickle while it is walked, beside what the walk itself keeps. Readers watch nothing.
import type { PickleCall, PickleGlobal, PickleItems, PickleValue } from './pickle-values.ts'

export interface Oddity {
  readonly at: number
  readonly what: string
}

/** Told by the machine. Nothing here changes what it does, but for the values that stand for what it does not know. */
export interface PickleWatch {
  /** A name, at its first place. */
  readonly named: (name: PickleGlobal) => void
  /** STACK_GLOBAL of something that is no text, and a number of copyreg's registry. */
  readonly computed: (module: PickleValue, name: PickleValue, at: number) => void
  readonly extension: (code: number, at: number) => void
  readonly persistent: (id: PickleValue, at: number) => void
  readonly called: (made: PickleCall) => void
  /** POP of a value. */
  readonly dropped: (value: PickleValue) => void
  /** BUILD, whatever it is done to. */
  readonly stated: (target: PickleValue, state: PickleValue) => void
  /** Items or attributes put into a name. */
  readonly filled: (target: PickleGlobal, values: readonly PickleValue[]) => void
  /** PROTO that is not the first opcode. */
  readonly protocolAgain: (version: number) => void
  readonly oddNumber: (text: string) => void
  readonly odd: (at: number, what: string) => void
  readonly memoised: (index: number) => void
  /** A value pushed once more, from the memo or by DUP. */
  readonly again: (value: PickleValue) => void
  /** Text that is held. */
  readonly text: (text: string, at: number) => void
  /** Bytes, or text that is only a place; before they are passed over. */
  readonly data: (at: number, size: number) => void
  /** True where a tuple of so many values is kept although there is no room for containers any more. */
  readonly keepsTuple: (count: number) => boolean
  /** True where a call, or a tuple in the memo, is kept although there is no room any more. */
  readonly keepsObject: (object: PickleCall | PickleItems) => boolean
  /** True for a key of a dictionary that is kept however many there are. */
  readonly keepsKey: (key: PickleValue) => boolean
}
