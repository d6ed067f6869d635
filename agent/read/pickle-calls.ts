// The calls of a pickle that are kept to be looked at: the first ones of each name tell what is called how.
import { type PickleCall, globalName } from './pickle-values.ts'

/** Calls kept for each name called, and for all names together (CWE-770). */
const MAX_CALLS_EACH = 16
const MAX_CALLS = 4_096

export class FirstCalls {
  readonly list: PickleCall[] = []
  readonly #counts = new Map<string, number>()

  keep(made: PickleCall): void {
    const name = globalName(made.callee) ?? ''
    const known = this.#counts.get(name) ?? 0
    if (known >= MAX_CALLS_EACH || this.list.length >= MAX_CALLS) return
    this.#counts.set(name, known + 1)
    this.list.push(made)
  }
}
