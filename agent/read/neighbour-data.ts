// Values that a file says lie in another one (ONNX external data, TensorFlow.js shards): which names are believed, whether the
// neighbour is there, and whether the place lies in it. Nothing outside the folder and no link is ever opened.
import { readTrouble } from './cursor.ts'
import { quoted } from './gap-list.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import type { WeightsPart } from './weights.ts'

/** The largest exports are split into some 200 files (CWE-770). */
const MAX_NEIGHBOURS = 1_024

/** The neighbours that one file names. */
export class NeighbourData {
  readonly #look: Look
  readonly #gaps: GapList
  /** Size of a neighbour by name; null where it is not there. */
  readonly #sizes = new Map<string, number | null>()

  constructor(look: Look, gaps: GapList) {
    this.#look = look
    this.#gaps = gaps
  }

  /** Size of a neighbour; null where it cannot be looked at, which is told once. Throws ReadTrouble for a name that leaves the folder. */
  sizeOf(name: string): number | null {
    const known = this.#sizes.get(name)
    if (known !== undefined) return known
    if (this.#sizes.size >= MAX_NEIGHBOURS) {
      throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_NEIGHBOURS} files are named`)
    }
    this.#sizes.set(name, null)
    const size = this.#measure(name)
    this.#sizes.set(name, size)
    return size
  }

  /** Names in the order in which they were met. */
  get names(): readonly string[] {
    return [...this.#sizes.keys()]
  }

  get companions(): NonNullable<WeightsPart['companions']> {
    return [...this.#sizes].flatMap(([name, sizeBytes]) => (sizeBytes === null ? [] : [{ name, sizeBytes }]))
  }

  #measure(name: string): number | null {
    if (leavesFolder(name)) {
      throw readTrouble('GNO_READ_INVALID', `data is said to lie at ${quoted(name)}, outside the folder`)
    }
    if (name.includes('/')) {
      this.#gaps.note('GNO_READ_SKIPPED', `data in ${quoted(name)}: folders below are not looked into`)
      return null
    }
    const opened = this.#look.openSibling(name)
    if (opened !== null) {
      const { sizeBytes } = opened.identity
      opened.close()
      return sizeBytes
    }
    if (this.#look.siblings().includes(name)) {
      throw readTrouble('GNO_READ_INVALID', `data is said to lie in ${quoted(name)}, which is no plain file`)
    }
    this.#gaps.note('GNO_READ_PART_MISSING', `data in ${quoted(name)}, which is not there`)
    return null
  }
}

/** Absolute, upward, or with what another system takes for a separator (CWE-22, CVE-2024-27318). */
function leavesFolder(name: string): boolean {
  if (name === '' || name.startsWith('/') || /[\\:\0]/.test(name)) return true
  return name.split('/').some((step) => step === '..' || step === '')
}
