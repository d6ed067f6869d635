// Collects what loading one file would do, while scanners walk it: equal actions are counted, and all of it is bounded.
import { printable, shorten } from '../../../contract/printable.ts'
import type { LoadAction, LoadScan } from '../../../contract/threat.ts'

/**
 * Different actions of one file: more than are told of an artifact, so that rules choose which (rules/gravest-actions.ts). A pickle names
 * at most as many things (CWE-770).
 */
const MAX_SCANNED_ACTIONS = 4_096
/** Longest name and text of an action (contract/wire.ts); what is shown of a file is one line of a screen. */
const MAX_NAME_CHARS = 256
const MAX_SHOWN_CHARS = 240
const MAX_MEMBER_CHARS = 512
/** Actions with the lines around them: a checkpoint has some ten different ones, and each takes about a kilobyte (CWE-770). */
const MAX_LISTINGS = 32
const MAX_LINE_CHARS = 120

/** A name or text of a file as it may be shown: escaped, and cut. */
export function showText(text: string, maximum = MAX_SHOWN_CHARS): string {
  return shorten(printable(text), maximum)
}

/** The actions of one file. */
export class LoadReport {
  readonly #actions = new Map<string, LoadAction>()
  #isWhole = true

  /** Tells one action. The same action at another place is counted with the first. */
  tell(action: LoadAction): void {
    const told = cut(action)
    const key = JSON.stringify([told.kind, told.name, told.shown, told.facts, told.member])
    const known = this.#actions.get(key)
    if (known !== undefined) {
      this.#actions.set(key, { ...known, count: (known.count ?? 1) + (told.count ?? 1) })
    } else if (this.#actions.size < MAX_SCANNED_ACTIONS) this.#actions.set(key, told)
    else this.#isWhole = false
  }

  /** Something that could act was not looked at to its end: the file is never clean. Whoever says so leaves a gap as well. */
  break(): void {
    this.#isWhole = false
  }

  /** What another report told, as of a member of this file. */
  adopt(other: LoadScan, member?: string): void {
    for (const action of other.actions) {
      const within = [member, action.member].filter((name) => name !== undefined).join('/')
      this.tell(within === '' ? action : { ...action, member: within })
    }
    if (!other.isWhole) this.#isWhole = false
  }

  /** Lists what stands around the first places of actions: for the evidence of whatever they are judged to be. */
  illustrate(list: (offsets: readonly number[]) => ReadonlyMap<number, readonly string[]>): void {
    const own = [...this.#actions].filter(
      ([, { member, at, listing }]) => member === undefined && listing === undefined && at !== undefined,
    )
    const chosen = own.slice(0, MAX_LISTINGS)
    const listed = list(chosen.map(([, { at = 0 }]) => at))
    for (const [key, action] of chosen) {
      const lines = listed.get(action.at ?? 0)
      if (lines !== undefined && lines.length > 0)
        this.#actions.set(key, { ...action, listing: lines.map((line) => showText(line, MAX_LINE_CHARS)) })
    }
  }

  get result(): LoadScan {
    return { isWhole: this.#isWhole, actions: [...this.#actions.values()] }
  }
}

function cut(action: LoadAction): LoadAction {
  const { name, shown, member, facts } = action
  return {
    ...action,
    name: showText(name, MAX_NAME_CHARS),
    ...(shown === undefined ? {} : { shown: showText(shown) }),
    ...(member === undefined ? {} : { member: showText(member, MAX_MEMBER_CHARS) }),
    ...(facts === undefined ? {} : { facts: cutFacts(facts) }),
  }
}

/** Numbers and texts of facts come from the file as well. */
function cutFacts(facts: NonNullable<LoadAction['facts']>): NonNullable<LoadAction['facts']> {
  const entries = Object.entries(facts).map(([key, value]) => [
    key,
    typeof value === 'string' ? showText(value, MAX_NAME_CHARS) : value,
  ])
  return Object.fromEntries(entries) as NonNullable<LoadAction['facts']>
}
