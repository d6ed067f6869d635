// What the agent knows of its own trouble (a limit that ended it, a file that was set aside, a clock that jumped): kept in the state,
// so that it is told after a restart too, and told with every look until it is over.
import type { FailureCode } from '../../contract/failure.ts'
import { type Coverage, OWN_SENSOR } from '../../contract/report.ts'
import type { Gap } from '../../contract/wire.ts'
import { MAX_PATH_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import type { StateStore } from './state-store.ts'

/** As many as a host page can show; the oldest of a kind make room, so that one kind cannot push the others out (CWE-770). */
const MAX_OF_ONE_CODE = 32

export interface OwnCondition {
  readonly code: FailureCode
  /** The file, folder or setting that it is about; a word in brackets where there is none. */
  readonly place: string
  readonly detail: string
  /** When it is told no more by itself; null: until it is ended. */
  readonly until: Date | null
}

export interface OwnConditions {
  /** Notes a condition, or notes it again: the place and the code are its key. */
  readonly note: (condition: OwnCondition) => void
  /** It is over. */
  readonly end: (code: FailureCode, place?: string) => void
  readonly list: () => readonly Gap[]
  /** Coverage and gaps for a look. */
  readonly tell: () => { readonly coverage: Coverage; readonly gaps: readonly Gap[] }
}

interface Row {
  readonly code: FailureCode
  readonly place: string
  readonly detail: string
  readonly count: number
}

/** The conditions that a state keeps. A state that cannot be written forgets them: delivery and `doctor` tell of that. */
export function openConditions(state: StateStore): OwnConditions {
  const list = (): readonly Gap[] => {
    const nowMs = state.now().getTime()
    const read = state.read((database) =>
      database
        .prepare<[number], Row>(
          'SELECT code, place, detail, count FROM conditions WHERE untilMs IS NULL OR untilMs > ? ORDER BY code, place',
        )
        .all(nowMs),
    )
    return read.ok ? read.value.map((row) => ({ ...row, sensor: OWN_SENSOR })) : []
  }
  return {
    note: (condition) => noteCondition(state, condition),
    end: (code, place) => {
      state.write((database) =>
        database.prepare('DELETE FROM conditions WHERE code = ? AND place = ifnull(?, place)').run(code, place ?? null),
      )
    },
    list,
    tell: () => {
      const gaps = list()
      const detail = gaps.length === 0 ? '' : 'the agent itself met trouble; see its gaps'
      const state = gaps.length === 0 ? 'complete' : 'partial'
      return { coverage: { sensor: OWN_SENSOR, state, places: [], looked: 1, detail }, gaps }
    },
  }
}

function noteCondition(state: StateStore, { code, place, detail, until }: OwnCondition): void {
  const nowMs = state.now().getTime()
  state.write((database) => {
    database
      .prepare(
        `INSERT INTO conditions (code, place, detail, count, sinceMs, untilMs) VALUES (?, ?, ?, 1, ?, ?)
         ON CONFLICT (code, place) DO UPDATE SET detail = excluded.detail, count = min(count + 1, 1000000), untilMs = excluded.untilMs`,
      )
      .run(code, place.slice(0, MAX_PATH_CHARS), detail.slice(0, MAX_SENTENCE_CHARS), nowMs, until?.getTime() ?? null)
    database.prepare('DELETE FROM conditions WHERE untilMs <= ?').run(nowMs)
    database
      .prepare(
        `DELETE FROM conditions WHERE code = ? AND place IN (
           SELECT place FROM conditions WHERE code = ? ORDER BY sinceMs DESC, place LIMIT -1 OFFSET ?)`,
      )
      .run(code, code, MAX_OF_ONE_CODE)
  })
}
