// Values that a file says lie in another one (ONNX external data, TensorFlow.js shards): which names are believed, whether the
// neighbour is there, and whether the place lies in it. Nothing outside the folder and no link is ever opened.
import { readTrouble } from './cursor.ts'
import { quoted } from './gap-list.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import type { Companion } from './weights.ts'

/** The largest exports are split into some 200 files (CWE-770). */
const MAX_NEIGHBOURS = 1_024

/** The neighbours that one file names. */
export class NeighbourData {
  readonly #look: Look
  readonly #gaps: GapList
  /** By name; null where it is not there. */
  readonly #found = new Map<string, Companion | null>()

  constructor(look: Look, gaps: GapList) {
    this.#look = look
    this.#gaps = gaps
  }

  /** Size of a neighbour; null where it cannot be looked at, which is told once. Throws ReadTrouble for a name that leaves the folder. */
  sizeOf(name: string): number | null {
    const known = this.#found.get(name)
    if (known !== undefined) return known?.sizeBytes ?? null
    if (this.#found.size >= MAX_NEIGHBOURS) {
      throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_NEIGHBOURS} files are named`)
    }
    this.#found.set(name, null)
    const found = this.#find(name)
    this.#found.set(name, found)
    return found?.sizeBytes ?? null
  }

  /** Names in the order in which they were met. */
  get names(): readonly string[] {
    return [...this.#found.keys()]
  }

  get companions(): readonly Companion[] {
    return [...this.#found.values()].filter((found) => found !== null)
  }

  #find(name: string): Companion | null {
    if (leavesFolder(name)) {
      throw readTrouble('GNO_READ_INVALID', `data is said to lie at ${quoted(name)}, outside the folder`)
    }
    if (name.includes('/')) {
      this.#gaps.note('GNO_READ_SKIPPED', `data in ${quoted(name)}: folders below are not looked into`)
      return null
    }
    const opened = this.#look.openSibling(name)
    if (opened !== null) {
      const { path, identity } = opened
      opened.close()
      return { name, path, sizeBytes: identity.sizeBytes }
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
