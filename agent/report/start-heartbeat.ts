// The first sign of life of a daemon: a report that says who it is and nothing of what it saw, before anything was looked at. The
// collector keeps what it knows of coverage and gaps when a report says nothing of them.
import type { Host } from '../../contract/report.ts'
import type { Result } from '../../contract/failure.ts'
import { addLink } from './chain.ts'
import { adoptMark } from './conceal-sweep.ts'
import { readMeta, writeCounter } from './meta.ts'
import { insertReport, nextSequence, oldestSequence } from './spool.ts'
import type { StateStore } from './state-store.ts'
import { parseSweepRecord } from './sweep-record.ts'

/** Puts it into the outbox, unless something waits there that says as much. `host` counts where no sweep has told more of it. */
export function enqueueStart(state: StateStore, host: Host): Result<boolean> {
  return state.write((database) => {
    adoptMark(state, database)
    const sequence = nextSequence(database)
    if (oldestSequence(database) < sequence) return false
    const at = state.now().toISOString()
    const known = parseSweepRecord(readMeta(database, 'lastSweep'))?.envelope.host
    const { agent: _costs, ...told } = known ?? state.concealment.host(host)
    const envelope = { host: { ...told, agentVersion: host.agentVersion }, startedAt: at, finishedAt: at, coverage: [] }
    const body = insertReport(database, { sequence, draft: { envelope, entries: [] }, lost: 0, createdAt: at })
    addLink(database, sequence, body)
    writeCounter(database, 'nextSequence', sequence + 1)
    return true
  })
}
