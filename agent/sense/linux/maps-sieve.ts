// The mappings of a process that has very many, or very long paths: read piece by piece, each file kept once. Whoever maps one file some
// thousand times, or files with paths of thousands of characters, must not push weights and libraries out of sight (CWE-400).
import { type RegionList, createRegions, HEAD_OF_FILE } from './maps-text.ts'

/** Longest line that is kept: paths in reports end at 4,096 characters; those of deeply nested folders have no end. */
const MAX_LINE_BYTES = 8 * 1024
/** What stands before the path: two addresses, flags, offset, device and inode are at most 94 characters. */
const HEAD_BYTES = 128
/** Text kept of one process: 40,000 usual files. */
const MAX_KEPT_CHARS = 4 * 1024 * 1024
/** Kept beyond that for what may be weights or a library, so that thousands of small files with long paths do not hide them. */
const MAX_LARGE_CHARS = 4 * 1024 * 1024
const MIN_LARGE_BYTES = 1024 * 1024
const NEWLINE = 10

/** The first mapping of a file as the kernel wrote it, and what the others add. */
interface KeptFile {
  readonly line: string
  readonly identity: string
  moreBytes: number
  isMoreExecutable: boolean
}

/** Takes the text of /proc/PID/maps in pieces of any size. */
export interface MapsSieve {
  take(piece: Buffer): void
  /** Lines as parseMaps and sumLargeMemory read them, one or two for each file. */
  end(): { readonly text: string; readonly isCut: boolean }
}

export function createMapsSieve(): MapsSieve {
  const files = new Map<string, KeptFile>()
  const large: string[] = []
  const carry = Buffer.allocUnsafe(MAX_LINE_BYTES)
  let carried = 0
  let kept = 0
  let isCut = false
  const regions: RegionList = createRegions((line) => keep(line, true) && large.push(line))

  function keep(line: string, isLarge: boolean): boolean {
    const fits = kept + line.length <= MAX_KEPT_CHARS + (isLarge ? MAX_LARGE_CHARS : 0)
    if (fits) kept += line.length
    else isCut = true
    return fits
  }

  function takeLine(line: Buffer): void {
    const head = line.toString('latin1', 0, HEAD_BYTES)
    const match = HEAD_OF_FILE.exec(head)
    if (match === null) {
      regions.add(head)
      return
    }
    const [, from = '', to = '', flag, identity = ''] = match
    // Page addresses end with 12 zero bits, so even 57-bit addresses are exact in a double.
    const bytes = Math.max(0, Number.parseInt(to, 16) - Number.parseInt(from, 16))
    const isExecutable = flag === 'x'
    const known = files.get(identity)
    if (known !== undefined) {
      known.moreBytes += bytes
      known.isMoreExecutable ||= isExecutable
      return
    }
    const text = line.toString('latin1')
    if (!keep(text, isExecutable || bytes >= MIN_LARGE_BYTES)) return
    files.set(identity, { line: text, identity, moreBytes: 0, isMoreExecutable: false })
  }

  function carryOver(piece: Buffer): void {
    carried += piece.copy(carry, carried, 0, Math.min(piece.length, MAX_LINE_BYTES - carried))
  }

  return {
    take(piece) {
      let start = 0
      for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, start)) {
        if (carried === 0) takeLine(piece.subarray(start, Math.min(at, start + MAX_LINE_BYTES)))
        else {
          carryOver(piece.subarray(start, at))
          takeLine(carry.subarray(0, carried))
          carried = 0
        }
        start = at + 1
      }
      carryOver(piece.subarray(start))
    },
    end() {
      regions.end()
      const lines = [...files.values()].flatMap((file) =>
        file.moreBytes === 0 ? [file.line] : [file.line, rest(file)],
      )
      return { text: [...lines, ...large].join('\n'), isCut }
    },
  }
}

/** All further mappings of a file as one: no address that the process has, only how much it is. */
function rest({ identity, moreBytes, isMoreExecutable }: KeptFile): string {
  return `0-${moreBytes.toString(16)} r-${isMoreExecutable ? 'x' : '-'}p 00000000 ${identity} /`
}
