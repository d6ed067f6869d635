// Collects what a template reaches for, calls or hides. The same again is counted with the first; a flood is cut and said to be cut.

/** One thing that rendering would do; `needle` is the word by which it is found again in the source. */
export interface TemplateAction {
  readonly name: string
  readonly shown?: string
  readonly facts?: Readonly<Record<string, string | number | boolean>>
  readonly needle?: string
  readonly at?: number
}

export interface CountedAction extends TemplateAction {
  readonly count: number
}

/** More than a large template has, fewer than the answer may carry (contract/threat.ts). */
const MAX_ACTIONS = 160

export class TemplateActions {
  readonly #actions = new Map<string, CountedAction>()
  #isCut = false

  tell(action: TemplateAction): void {
    const key = JSON.stringify([action.name, action.facts])
    const known = this.#actions.get(key)
    if (known !== undefined) this.#actions.set(key, { ...known, count: known.count + 1 })
    else if (this.#actions.size < MAX_ACTIONS) this.#actions.set(key, { ...action, count: 1 })
    else this.#isCut = true
  }

  get isCut(): boolean {
    return this.#isCut
  }

  get list(): readonly CountedAction[] {
    return [...this.#actions.values()]
  }
}
