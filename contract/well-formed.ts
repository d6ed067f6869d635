// Texts from an endpoint may be cut inside a character; what leaves it must be Unicode all the same.

/** A deep copy in which every lone surrogate is replaced by U+FFFD. */
export function wellFormed<T>(value: T): T
export function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map((item: unknown) => wellFormed(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]: [string, unknown]) => [key, wellFormed(item)]))
}
