// What the names in an archive would do to whoever unpacks it: they climb out of the folder, name another drive, or deceive readers.
import type { LoadReport } from './load-report.ts'

/** Names that are told of one archive; the rest is counted with the last (CWE-770). */
const MAX_TOLD = 32

const CLIMBS = /(?:^|[/\\])\.\.(?:[/\\]|$)/
const ABSOLUTE = /^[/\\]/
const DRIVE = /^[A-Za-z]:/
/** Characters that hide what a name is: zero-width, and those that turn the direction of text. */
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/

/** What is odd about a name; null for an ordinary one. */
function oddName(name: string): string | null {
  if (name.includes('\0')) return 'nul-in-name'
  if (CLIMBS.test(name)) return 'climbs-out'
  if (ABSOLUTE.test(name)) return 'absolute-name'
  if (DRIVE.test(name)) return 'drive-name'
  return INVISIBLE.test(name) ? 'invisible-name' : null
}

/** Tells odd names, those that are there twice, and where links lead. */
export class NameWatch {
  readonly #report: LoadReport
  readonly #seen = new Set<string>()
  #told = 0

  constructor(report: LoadReport) {
    this.#report = report
  }

  see(name: string, at: number): void {
    const odd = oddName(name)
    if (odd !== null) this.#tell(odd, name, at)
    const place = name.replace(/^(?:\.?\/)+/, '')
    if (this.#seen.has(place)) this.#tell('name-twice', name, at)
    this.#seen.add(place)
  }

  /** A symbolic or hard link: what it leads to, where that is known. */
  seeLink(name: string, target: string | null, at: number): void {
    const odd = target === null ? null : oddName(target)
    const leadsOut = odd !== null && odd !== 'invisible-name'
    this.#tell(leadsOut ? 'link-climbs-out' : 'link', target === null ? name : `${name} -> ${target}`, at)
  }

  #tell(name: string, shown: string, at: number): void {
    this.#told += 1
    if (this.#told <= MAX_TOLD) this.#report.tell({ kind: 'archive', name, shown, at })
  }
}
