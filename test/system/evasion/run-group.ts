// One group of the matrix as tests: plants the files, starts the daemon and then all programs, looks for two intervals, ends
// everything, and holds each case to what the table says of it.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startDaemon } from './follow-daemon.ts'
import { type Case, createJudge, type Outcome } from './judge-case.ts'
import { type Group, HIDING_WAYS, type HidingWay, NOT_DETECTED } from './matrix.ts'
import type { Started } from './start-program.ts'

export const PYTHON = '/usr/bin/python3'
const SETUP_MS = 400_000
/** One interval and the look itself. */
const SETTLED_MS = 13_000
/** Two intervals: the look that was under way when the model answered, and two that began afterwards. Told in seconds by the document. */
const MAX_LOOKS = 3
/** A busy machine takes long over three looks. */
const LOOKS_MS = 150_000
/** Programs that start at the same time: more only wait for one another on two cores. */
const AT_ONCE = 2

/** Where a group works. Everything in it is removed at the end. */
export interface Place {
  /** Everything of the group. */
  readonly folder: string
  /** What the daemon sweeps. */
  readonly home: string
  /** Ends what a case left on the machine (a mount). */
  readonly atEnd: (undo: () => void) => void
}

export interface Preparation extends Pick<Case, 'files' | 'mustTell'> {
  readonly id: string
  /** Null: only its file counts. */
  readonly start: (() => Promise<Started>) | null
}

/** Registers the tests of one group. */
export function describeGroup(group: Group, title: string, prepare: (place: Place) => readonly Preparation[]): void {
  const ways = HIDING_WAYS.filter((way) => way.group === group)
  const absent = ways.flatMap((way) => {
    const why = whyNotHere(way)
    return why === null ? [] : [`${way.title}: ${why}`]
  })
  if (absent.length > 0) console.warn(`skipped, as the case cannot be made here:\n${absent.join('\n')}`)
  let outcomes: readonly Outcome[] = []
  let end: () => Promise<void> = () => Promise.resolve()

  describe(title, () => {
    beforeAll(async () => {
      const place = openPlace(group)
      end = place.end
      outcomes = await runGroup(place, prepare)
      record(group, outcomes)
    }, SETUP_MS)
    afterAll(async () => end(), SETUP_MS)

    for (const way of ways) {
      const why = NOT_DETECTED[way.id]
      const test = whyNotHere(way) === null ? it : it.skip
      if (why === undefined) {
        test(`is detected within two intervals: ${way.title}`, () => {
          const outcome = outcomes.find(({ id }) => id === way.id)
          expect(outcome).toMatchObject({ isDetected: true, remark: '' })
          expect(outcome?.looks ?? 0).toBeLessThanOrEqual(MAX_LOOKS)
        })
      } else {
        test(`is not detected today, since ${why}: ${way.title}`, () => {
          expect(outcomes.find(({ id }) => id === way.id)).toMatchObject({ isDetected: false })
        })
      }
    }
  })
}

function whyNotHere({ needs }: HidingWay): string | null {
  if (process.platform !== 'linux') return 'the sensors for processes exist for Linux only'
  if (needs === 'root' && !canMount()) return 'only root with CAP_SYS_ADMIN can'
  return needs === 'python' && !existsSync(PYTHON) ? 'there is no python3' : null
}

/** Root in most containers is root without this. */
export function canMount(): boolean {
  return (
    process.getuid?.() === 0 && spawnSync('/usr/bin/unshare', ['--mount', 'true'], { timeout: 10_000 }).status === 0
  )
}

interface OpenPlace extends Place {
  readonly running: Started[]
  readonly end: () => Promise<void>
}

function openPlace(group: Group): OpenPlace {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `gnomon-evasion-${group}-`)))
  const home = join(folder, 'home')
  mkdirSync(home)
  // Another user runs a model from here as well.
  for (const each of [folder, home]) chmodSync(each, 0o755)
  const undoing: (() => void)[] = []
  const running: Started[] = []
  const end = async (): Promise<void> => {
    await Promise.all(running.map((each) => each.stop()))
    for (const undo of undoing.reverse()) undo()
    rmSync(folder, { recursive: true, force: true })
  }
  return { folder, home, running, end, atEnd: (undo) => undoing.push(undo) }
}

async function runGroup(
  place: OpenPlace,
  prepare: (place: Place) => readonly Preparation[],
): Promise<readonly Outcome[]> {
  const waiting = prepare(place).filter(({ id }) => whyNotHere(wayOf(id)) === null)
  const daemon = await startDaemon(place.folder, place.home)
  try {
    const cases: Case[] = []
    const startNext = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        cases.push(await makeCase(next, place))
    }
    const judge = createJudge(cases, place.home)
    const starting = { isDone: false }
    const started = Promise.all(Array.from({ length: AT_ONCE }, startNext)).finally(() => (starting.isDone = true))
    const untilStarted = daemon.watch((known) => {
      judge.look(known)
      return starting.isDone
    }, SETUP_MS)
    await Promise.all([started, untilStarted])
    const startedLooks = daemon.know().lookedMs.length
    await daemon.watch((known) => judge.look(known) || known.lookedMs.length > startedLooks + MAX_LOOKS, LOOKS_MS)
    // Once more when all of them idle: what speaks while a model is loaded is not what speaks afterwards.
    await daemon.watch(() => false, SETTLED_MS)
    judge.look(daemon.know())
    return judge.outcomes()
  } finally {
    await daemon.stop()
  }
}

function wayOf(id: string): HidingWay {
  const way = HIDING_WAYS.find((each) => each.id === id)
  if (way === undefined) throw new Error(`${id} is no case of the matrix`)
  return way
}

async function makeCase({ id, files, start, mustTell }: Preparation, place: OpenPlace): Promise<Case> {
  const way = wayOf(id)
  const process = start === null ? null : await start()
  if (process !== null) place.running.push(process)
  return { way, process, files, ...(mustTell === undefined ? {} : { mustTell }) }
}

/** For docs/evasion.md: `GNOMON_EVASION_OUT` names the folder that write-document.ts reads. */
export function record(group: string, outcomes: readonly unknown[]): void {
  const folder = process.env['GNOMON_EVASION_OUT']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${group}.json`), JSON.stringify(outcomes))
}

/** Runs a tool of the system to its end. */
export function runTool(tool: string, ...args: readonly string[]): void {
  execFileSync(tool, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 30_000 })
}
