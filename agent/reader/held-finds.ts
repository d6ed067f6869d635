// What a reader tells of models inside other files, held back until its task is over: of a reader that told nonsense nothing is remembered.
import type { FoundHidden } from '../read/hidden-weights.ts'
import type { Task } from './tasks.ts'

/** Remembered of one task and in all, about 200 bytes each, as in agent/read/hidden-weights.ts (CWE-770). */
const MAX_REMEMBERED = 50_000

type Found = Parameters<FoundHidden['set']>[1]

export class HeldFinds implements FoundHidden {
  readonly #known: FoundHidden
  readonly #held = new Map<string, Found>()

  constructor(known: FoundHidden) {
    this.#known = known
  }

  get size(): number {
    return this.#held.size
  }

  get(key: string): Found | undefined {
    return this.#held.has(key) ? this.#held.get(key) : this.#known.get(key)
  }

  set(key: string, found: Found): void {
    if (this.#held.size < MAX_REMEMBERED) this.#held.set(key, found)
  }

  clear(): void {
    this.#held.clear()
  }

  keep(): void {
    if (this.#known.size + this.#held.size > MAX_REMEMBERED) this.#known.clear()
    for (const [key, found] of this.#held) this.#known.set(key, found)
    this.#held.clear()
  }
}

/** The task with what is held of it; nothing is where nothing is remembered. */
export function holdFinds(task: Task): { readonly task: Task; readonly held: HeldFinds | null } {
  if (task.what === 'sniff' || task.options.hidden === undefined) return { task, held: null }
  const held = new HeldFinds(task.options.hidden.found)
  const hidden = { room: task.options.hidden.room, found: held }
  if (task.what === 'store') return { task: { ...task, options: { ...task.options, hidden } }, held }
  return { task: { ...task, options: { ...task.options, hidden } }, held }
}
