// Judges what the daemon knows of one case: whether the running model was told, by which kinds of evidence, and how fast.
import type { Runtime } from '../../../contract/runtime.ts'
import type { Known } from './follow-daemon.ts'
import type { HidingWay } from './matrix.ts'
import type { Started } from './start-program.ts'

export interface Outcome {
  readonly id: string
  readonly isDetected: boolean
  /** Kinds of evidence, and `weights at rest` where the file itself was found. */
  readonly by: readonly string[]
  /** From the moment the model had answered until the finding was there; null: found at rest, so at the next sweep. */
  readonly seconds: number | null
  /** Looks that were over in that time. */
  readonly looks: number | null
  /** What the story says where that is not a detection. */
  readonly remark: string
}

/** One case on the machine: its process (null: only a file), and the files that belong to it. */
export interface Case {
  readonly way: HidingWay
  readonly process: Started | null
  readonly files: readonly string[]
  /** What the story must say besides; without it the case is not detected. */
  readonly mustTell?: (story: Runtime, known: Known) => boolean
}

interface Told {
  readonly story: Runtime
  readonly policies: readonly string[]
}

/** The story of one process and the policies of its findings. */
export function storyOf(pid: number, known: Known): Told | null {
  const story = known.runtimes.find((runtime) => runtime.pid === pid)
  if (story === undefined) return null
  const own = known.findings.filter(({ subject }) => subject.kind === 'runtime' && subject.key === story.runtimeKey)
  return { story, policies: own.map(({ policyId }) => policyId) }
}

/**
 * Remembers the first moment at which each case was told; a process may be gone when all is counted. `look` says whether nothing
 * more can come: all is told but files, which are told by the first sweep or not at all. `swept` is the folder that the daemon walks.
 */
export function createJudge(cases: readonly Case[], swept: string) {
  const told = new Map<string, Outcome>()
  const look = (known: Known): boolean => {
    for (const each of cases) {
      const before = told.get(each.way.id)
      const now = judgeCase(each, known, swept)
      if (before?.isDetected !== true) told.set(each.way.id, now)
      // Evidence changes once it is loaded; the time stays that of the first.
      else if (now.isDetected) told.set(each.way.id, { ...before, by: now.by })
    }
    return cases.every(({ way, process }) => process === null || told.get(way.id)?.isDetected === true)
  }
  return { look, outcomes: (): readonly Outcome[] => [...told.values()] }
}

function judgeCase(each: Case, known: Known, swept: string): Outcome {
  const { way, process } = each
  // What lies elsewhere is known only through the process that uses it.
  const files = new Set(each.files.filter((file) => file.startsWith(`${swept}/`)))
  const isAtRest = known.artifacts.some(({ path, parts }) =>
    [path, ...parts.map((part) => part.path)].some((at) => files.has(at)),
  )
  const rest = isAtRest ? ['weights at rest'] : []
  if (process === null) {
    const isFound = known.findings.some(({ subject }) => subject.kind === 'artifact' && files.has(subject.key))
    const remark = isAtRest ? '' : 'not recognised as weights'
    return { id: way.id, isDetected: isAtRest && isFound, by: rest, seconds: null, looks: null, remark }
  }
  const told = storyOf(process.pid, known)
  if (told === null) return { id: way.id, isDetected: false, by: rest, seconds: null, looks: null, remark: 'no story' }
  const { story, policies } = told
  const by = [...new Set(story.identification?.evidence.map(({ kind }) => kind) ?? []), ...rest]
  const isRun = policies.includes('unapproved-inference')
  const isWhole = each.mustTell?.(story, known) !== false
  const remark = isRun ? (isWhole ? '' : 'the story is not whole') : `told as ${story.activity}`
  const isDetected = isRun && isWhole
  const seconds = isDetected ? Math.max(0, Math.round((known.atMs - process.readyMs) / 100) / 10) : null
  const looks = isDetected ? known.lookedMs.filter((ms) => ms > process.readyMs && ms <= known.atMs).length : null
  return { id: way.id, isDetected, by, seconds, looks, remark }
}
