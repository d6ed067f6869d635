// Canonical JSON: keys sorted by code unit, no white space, so that equal values are equal to the byte. What a pack's signature covers.

/** Serialises a JSON value. Undefined members are left out, as JSON.stringify does. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    const sorted = Object.entries(member).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    return Object.fromEntries(sorted)
  })
}
