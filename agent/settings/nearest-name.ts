// The known name that a mistyped one was probably meant to be.

/** Longer than any setting; the cost grows with the product of the lengths. */
const MAX_COMPARED = 64

/** The name with the fewest edits (Levenshtein), without regard to case. */
export function nearestName(typed: string, known: readonly string[]): string {
  const wanted = typed.slice(0, MAX_COMPARED).toLowerCase()
  let nearest = ''
  let fewest = Number.POSITIVE_INFINITY
  for (const name of known) {
    const edits = countEdits(wanted, name.toLowerCase())
    if (edits < fewest) {
      fewest = edits
      nearest = name
    }
  }
  return nearest
}

function countEdits(left: string, right: string): number {
  let above = Array.from({ length: right.length + 1 }, (_unused, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const replaced = (above[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above[right.length] ?? 0
}
