// The counter-matrix: ordinary programs, all at once, under the same daemon as a real runtime. About them nothing may be said that
// anybody would be woken for; the runtime beside them must be told, or the silence would prove nothing.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { buildTinyModel, writeLargeModel } from '../../build-tiny-model.ts'
import { type Known, startDaemon } from './follow-daemon.ts'
import { storyOf } from './judge-case.ts'
import { ORDINARY } from './matrix.ts'
import { folderFor, ordinaryPrograms } from './ordinary-programs.ts'
import { record } from './run-group.ts'
import { type Started, startRuntime } from './start-program.ts'

const SETUP_MS = 180_000
/** Short, so that every program is looked at several times. */
const INTERVAL_SECONDS = 3
const LOOKS_MS = 12_000
const onLinux = process.platform === 'linux' ? describe : describe.skip
const programs = ordinaryPrograms()
const absent = programs.filter(({ whyNot }) => whyNot !== null)
for (const { id, whyNot } of absent) console.warn(`skipped: ${id}: ${whyNot ?? ''}`)

let folder = ''
const running = new Map<string, Started>()
let known: Known
let isRuntimeTold = false

/** What is said of one process: what its story calls it, and its findings. */
function saidOf(id: string) {
  const told = storyOf(running.get(id)?.pid ?? -1, known)
  const own = known.findings.filter(
    ({ subject }) => subject.kind === 'runtime' && subject.key === told?.story.runtimeKey,
  )
  const policies = own.map(({ policyId }) => policyId)
  return { activity: told?.story.activity ?? null, policies, severities: own.map(({ severity }) => severity) }
}

async function startAll(weights: string, loaded: string): Promise<Started> {
  for (const { id, whyNot, start } of programs) {
    if (whyNot === null) running.set(id, await start(folderFor(folder, id), weights))
  }
  const runtime = await startRuntime({ args: ['--model', loaded] })
  running.set('runtime', runtime)
  return runtime
}

onLinux('ordinary programs beside a running model', () => {
  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-evasion-ordinary-')))
    const home = join(folder, 'home')
    mkdirSync(home)
    const weights = join(folder, 'model.gguf')
    // Larger than all buffers between a reader and its client, so that it stays open.
    writeLargeModel(weights)
    const loaded = join(folder, 'loaded.gguf')
    writeFileSync(loaded, buildTinyModel({ seed: 71 }))
    const daemon = await startDaemon(folder, home, INTERVAL_SECONDS)
    try {
      const runtime = await startAll(weights, loaded)
      await daemon.watch((now) => storyOf(runtime.pid, now)?.policies.includes('unapproved-inference') === true, 30_000)
      await daemon.watch(() => false, LOOKS_MS)
      known = daemon.know()
      isRuntimeTold = saidOf('runtime').policies.includes('unapproved-inference')
      record(
        'ordinary',
        programs.filter(({ id }) => running.has(id)).map(({ id }) => ({ id, ...saidOf(id) })),
      )
    } finally {
      await daemon.stop()
    }
  }, SETUP_MS)
  afterAll(async () => {
    await Promise.all([...running.values()].map((each) => each.stop()))
    rmSync(folder, { recursive: true, force: true })
  }, SETUP_MS)

  it('tells the running model beside them', () => {
    expect(isRuntimeTold).toBe(true)
  })

  for (const { id, title, hasWeights } of ORDINARY) {
    const test = absent.some((program) => program.id === id) ? it.skip : it
    test(`raises nothing about ${title}`, () => {
      const { activity, policies, severities } = saidOf(id)
      expect(['inference', 'present']).not.toContain(activity)
      if (!hasWeights) expect(policies).toEqual([])
      else {
        // It is no runtime, and that it uses weights is known.
        expect(activity).toBe('in-use-by')
        expect(severities.filter((severity) => severity !== 'info')).toEqual([])
      }
    })
  }
})
