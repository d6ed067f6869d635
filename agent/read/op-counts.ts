// Counts the operators of a graph, for formats that name them by text.

/** Operator libraries have under 2,000 names; what comes after is counted under no name (CWE-770). */
const MAX_OPS = 4_096
/** As the contract allows for one fact. */
const MAX_TEXT_CHARS = 512
const MAX_NAME_CHARS = 64

/** How often each operator comes. */
export class OpCounts {
  readonly #counts = new Map<string, number>()
  #total = 0

  add(name: string): void {
    this.#total += 1
    const known = this.#counts.get(name)
    if (known !== undefined || this.#counts.size < MAX_OPS) this.#counts.set(name, (known ?? 0) + 1)
  }

  get total(): number {
    return this.#total
  }

  /** `Conv 53, Relu 49`: the most frequent first, those that came first before equals, as many as fit. */
  text(): string {
    let text = ''
    for (const [name, count] of [...this.#counts].sort(([, left], [, right]) => right - left)) {
      const next = `${text === '' ? '' : ', '}${name.slice(0, MAX_NAME_CHARS)} ${count}`
      if (text.length + next.length > MAX_TEXT_CHARS) break
      text += next
    }
    return text
  }
}

/** Distinct words in the order in which they came, as one fact. */
export function listWords(words: Iterable<string>): string {
  return [...words].join(', ').slice(0, MAX_TEXT_CHARS)
}
