// Starts the reader with as few rights as this system lets us give it, and says which.
//
//   unshare --net --ipc -- setpriv --reuid 65534 … -- node --permission … reader-program
//
// Each way is tried in turn until one is not refused: a container may forbid new namespaces, and another user may not be able to read the
// program where it lies below somebody's home. One that is slow is no refusal: a busy machine must not cost the isolation.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'

/** Part of util-linux. */
const SETPRIV = '/usr/bin/setpriv'
const UNSHARE = '/usr/bin/unshare'
/** `nobody`, and its group: whose files nothing of value is. */
const NOBODY = '65534'
/** Of V8's heap; what a file needs beyond it ends the reader and sets the file aside (CWE-770). */
const HEAP_MIB = 256
/** What refused a way may have passed: a limit of processes, a profile that was loaded since. */
const ALL_AGAIN_MS = 3_600_000

/** Rights that a reader has, from the fewest to the most. */
export const ISOLATIONS = ['own-user', 'no-capabilities', 'no-new-rights', 'permission-model'] as const
export type Isolation = (typeof ISOLATIONS)[number]

export interface Way {
  readonly isolation: Isolation
  readonly command: readonly [string, ...string[]]
}

export interface Surroundings {
  readonly isLinux: boolean
  readonly isRoot: boolean
  readonly has: (program: string) => boolean
}

const WITHOUT = ['--no-new-privs', '--inh-caps', '-all', '--ambient-caps', '-all', '--pdeathsig', 'KILL']
const WITHOUT_ANY = [...WITHOUT, '--bounding-set', '-all']
const AS_NOBODY = ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', ...WITHOUT_ANY]

/** The ways to start this program here, those with the fewest rights first. */
export function waysToStart(
  node: readonly [string, ...string[]],
  { isLinux, isRoot, has }: Surroundings,
): readonly Way[] {
  const plain: Way = { isolation: 'permission-model', command: node }
  if (!isLinux || !has(SETPRIV)) return [plain]
  if (!isRoot) return [{ isolation: 'no-new-rights', command: [SETPRIV, ...WITHOUT, '--', ...node] }, plain]
  const apart = has(UNSHARE) ? [UNSHARE, '--net', '--ipc', '--'] : null
  const within = (isolation: Isolation, rights: readonly string[]): readonly Way[] => {
    const command: Way['command'] = [SETPRIV, ...rights, '--', ...node]
    const separate: Way['command'] | null = apart === null ? null : [UNSHARE, ...apart.slice(1), ...command]
    return [...(separate === null ? [] : [{ isolation, command: separate }]), { isolation, command }]
  }
  // Never as we are: then a file that takes the reader over has every right.
  return [...within('own-user', AS_NOBODY), ...within('no-capabilities', WITHOUT_ANY)]
}

/** Which way comes next: the one that worked last, and after a while the first one again. */
export class WaysInTurn {
  readonly #ways: readonly Way[]
  readonly #nowMs: () => number
  #first = 0
  #sinceMs = 0

  constructor(ways: readonly Way[], nowMs: () => number) {
    this.#ways = ways
    this.#nowMs = nowMs
  }

  /** Those that are not known to be refused here. */
  toTry(): readonly Way[] {
    if (this.#nowMs() - this.#sinceMs >= ALL_AGAIN_MS) this.#first = 0
    return this.#ways.slice(this.#first)
  }

  /** With more rights than the first way leaves. */
  isFallback({ isolation }: Way): boolean {
    return isolation !== this.#ways[0]?.isolation
  }

  worked(way: Way): void {
    const at = this.#ways.indexOf(way)
    if (at === this.#first) return
    this.#first = at
    this.#sinceMs = this.#nowMs()
  }
}

export function surroundings(): Surroundings {
  return { isLinux: process.platform === 'linux', isRoot: process.getuid?.() === 0, has: existsSync }
}

/** The reader's program on our runtime, which may read its own code and nothing else, write nothing and start nothing. */
export function readerProgram(): readonly [string, ...string[]] {
  const folder = dirname(import.meta.filename)
  const tree = dirname(dirname(folder))
  const readable = [join(tree, 'agent'), join(tree, 'contract'), join(tree, 'rules'), join(tree, 'package.json')]
  for (let above = tree; above !== dirname(above); above = dirname(above))
    readable.push(join(above, 'package.json'), join(above, 'node_modules/zod'))
  return [
    process.execPath,
    '--permission',
    ...withRealPlaces(readable).map((place) => `--allow-fs-read=${place}`),
    `--max-old-space-size=${HEAP_MIB}`,
    // One thread helps the garbage collector: each has memory of its own.
    '--v8-pool-size=1',
    '--disallow-code-generation-from-strings',
    '--no-experimental-websocket',
    '--no-experimental-global-navigator',
    join(folder, `reader-program${extname(import.meta.filename)}`),
  ]
}

/** The permission model looks at the place behind a link: packages may be linked into a tree. */
function withRealPlaces(places: readonly string[]): readonly string[] {
  return [...new Set(places.flatMap((place) => (existsSync(place) ? [place, realpathSync(place)] : [place])))]
}

/** No variable of ours reaches it; Windows needs one to find its own libraries. */
export function startReader({ command: [file, ...args] }: Way): ChildProcess {
  return spawn(file, args, {
    env: process.platform === 'win32' ? { SystemRoot: process.env['SystemRoot'] ?? 'C:\\Windows' } : {},
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: process.platform === 'win32' ? dirname(import.meta.filename) : '/',
    windowsHide: true,
  })
}
