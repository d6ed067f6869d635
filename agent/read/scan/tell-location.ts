// Where a file says that its values lie in another file: how the path goes, and what is there. No path is ever followed further than
// to a plain neighbour.
import type { Look } from '../look.ts'
import { type LoadReport, showText } from './load-report.ts'

const DRIVE = /^[A-Za-z]:/
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]{1,31}:\/\//
const ENCODED = /%(?:2e|2f|5c|00|25)/i
const MAX_FACT_CHARS = 256

/** The ways in which a path can go, the worst first. */
type Way =
  | 'url'
  | 'absolute'
  | 'drive'
  | 'upward'
  | 'home'
  | 'backslash'
  | 'encoded'
  | 'control'
  | 'empty'
  | 'link'
  | 'hard-link'
  | 'below'
  | 'missing'
  | 'beside'

/** Tells one path, once for all that lies at it. */
export function tellLocation(report: LoadReport, look: Look, path: string, at: number, count: number): void {
  const way = wayOf(path) ?? whatIsThere(look, path)
  report.tell({
    kind: 'external-file',
    name: way,
    shown: `values of ${count} parts lie in ${showText(path, 160)}`,
    facts: { path: showText(path, MAX_FACT_CHARS) },
    at,
    count,
  })
}

interface NamedPlace {
  /** What is said to lie there, with its verb. */
  readonly shown: string
  readonly at: number
  readonly member: string | undefined
}

/** Tells a path that leaves the folder, without looking whether anything is there. */
export function tellPath(report: LoadReport, path: string, { shown, at, member }: NamedPlace): void {
  const way = wayOf(path)
  if (way === null) return
  report.tell({
    kind: 'external-file',
    name: way,
    shown: `${shown} ${showText(path, 160)}`,
    facts: { path: showText(path, MAX_FACT_CHARS) },
    at,
    ...(member === undefined ? {} : { member }),
  })
}

/** Whether a text that may be a path names another place than the folder and what is below it. */
export function leavesFolder(path: string): boolean {
  return path !== '' && !hasControl(path) && wayOf(path) !== null
}

/** How the text itself leaves the folder; null where it does not. */
function wayOf(path: string): Way | null {
  if (path === '') return 'empty'
  if (SCHEME.test(path)) return 'url'
  if (path.startsWith('/') || path.startsWith('\\')) return 'absolute'
  if (DRIVE.test(path)) return 'drive'
  if (path.split(/[/\\]/).includes('..')) return 'upward'
  if (path.startsWith('~') || path.startsWith('$') || path.startsWith('%')) return 'home'
  if (path.includes('\\')) return 'backslash'
  if (ENCODED.test(path)) return 'encoded'
  return hasControl(path) ? 'control' : null
}

function hasControl(path: string): boolean {
  return Buffer.from(path).some((byte) => byte < 0x20 || byte === 0x7f)
}

/** A file that is listed and cannot be opened as a plain one is a link, a device or a folder. */
function whatIsThere(look: Look, path: string): Way {
  const name = path.startsWith('./') ? path.slice(2) : path
  if (name.includes('/')) return 'below'
  const opened = look.openSibling(name)
  if (opened === null) return look.siblings().includes(name) ? 'link' : 'missing'
  const { linkCount = 1 } = opened.identity
  opened.close()
  return linkCount > 1 ? 'hard-link' : 'beside'
}
