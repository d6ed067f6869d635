// A program for spool.test.ts: enqueues or delivers in a process of its own, so that it can be killed. Started with the pinned
// Node.js, which strips the types. Words: FOLDER, then `enqueue NAME COUNT`, `deliver` (until nothing waits) or `deliver-on`; one line on
// stdout for each step done.
import { deliverOnce, runDelivery } from '../../agent/report/deliver.ts'
import { enqueueSweep } from '../../agent/report/outbox.ts'
import { openState } from '../../agent/report/state-store.ts'
import { sampleArtifact, sampleReport } from '../collector/sample-report.ts'

const [folder = '', what = '', name = '', count = '0'] = process.argv.slice(2)
const now = (): Date => new Date()
const opened = openState({ folder, now })
if (!opened.ok) throw new Error(opened.failure.detail)
const state = opened.value

if (what === 'enqueue') {
  for (let step = 0; step < Number(count); step += 1) {
    const path = `/home/${name}/m${step}`
    const enqueued = enqueueSweep(state, {
      schema: 'gnomon-scan/1',
      host: sampleReport().host,
      startedAt: now().toISOString(),
      finishedAt: now().toISOString(),
      coverage: [],
      artifacts: [sampleArtifact({ path })],
      runtimes: [],
      findings: [],
      gaps: [],
      coveredPaths: [],
      uncoveredPaths: [],
      coveredProcesses: false,
    })
    process.stdout.write(`${enqueued.ok ? path : enqueued.failure.code}\n`)
  }
} else if (what === 'deliver-on') {
  process.stdout.write('delivering\n')
  const { signal } = new AbortController()
  const once = { fetch: globalThis.fetch, signal, now, random: () => 0, timeoutMs: 2_000, pollMs: 10 }
  await runDelivery(state, { ...once, onOutcome: ({ kind }) => process.stdout.write(`${kind}\n`) })
} else {
  const { signal } = new AbortController()
  let kind = ''
  while (kind !== 'delivered') {
    ;({ kind } = await deliverOnce(state, { fetch: globalThis.fetch, signal, now, random: Math.random }))
    process.stdout.write(`${kind}\n`)
  }
}
state.close()
