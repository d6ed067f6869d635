// What is remembered of whole files and of files inside them: one never stands for the other.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { digestAtOnce } from '../../../agent/background-digests.ts'
import { showEntry } from '../../../agent/read/cache-entry.ts'
import type { DigestMemory } from '../../../agent/read/digest-memory.ts'
import { lookAt } from '../../../agent/read/look.ts'
import { readPart } from '../../../agent/read/read-part.ts'
import { openDigests } from '../../../agent/report/kept-digests.ts'
import { openState, type StateStore } from '../../../agent/report/state-store.ts'
import { makeFolder, removeFolder, valueOf } from '../report/sample-sweep.ts'
import { openForTest } from './open-candidate.ts'

const FIRST = Buffer.alloc(1_000, 'a')
const SECOND = Buffer.alloc(1_000, 'b')
const WHOLE = Buffer.concat([FIRST, SECOND])

let folder = ''
let state: StateStore
let memory: DigestMemory

beforeEach(() => {
  folder = makeFolder()
  // What was written a moment ago is not remembered.
  state = valueOf(openState({ folder, now: () => new Date(Date.now() + 60_000) }))
  memory = digestAtOnce(openDigests(state))
  writeFileSync(join(folder, 'entry'), WHOLE)
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

/** Of the part that begins there, or of all of the file. */
async function digestFrom(start: number | null, sizeBytes = FIRST.length): Promise<string | undefined> {
  const file = openForTest(join(folder, 'entry'))
  try {
    const shown = start === null ? file : showEntry(file, { key: '', start, sizeBytes })
    const reading = { name: 'entry', reader: null, look: lookAt(shown), fileCount: 1 }
    const options = { deep: true, digests: memory, signal: new AbortController().signal, reportAll: true }
    return (await readPart(shown, reading, options)).sha256
  } finally {
    file.close()
  }
}

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

describe('a digest that is remembered', () => {
  it('is that of this part, and not of another part of the same length', async () => {
    expect(await digestFrom(0)).toBe(sha256Of(FIRST))
    expect(await digestFrom(1_000)).toBe(sha256Of(SECOND))
    expect(await digestFrom(0)).toBe(sha256Of(FIRST))
  })

  it('is that of this length', async () => {
    expect(await digestFrom(0, 999)).toBe(sha256Of(FIRST.subarray(0, 999)))
    expect(await digestFrom(0, 998)).toBe(sha256Of(FIRST.subarray(0, 998)))
  })

  it('of a part and of all of the file stand beside each other', async () => {
    await digestFrom(0)
    await digestFrom(null)
    const file = openForTest(join(folder, 'entry'))
    const kept = memory.find(file.identity)
    file.close()

    expect(kept).toBe(sha256Of(WHOLE))
    expect(await digestFrom(0)).toBe(sha256Of(FIRST))
  })

  it('is found again instead of being made again', async () => {
    const made: string[] = []
    const { find, keep, postpone } = memory
    const keepAndCount: DigestMemory['keep'] = (identity, sha256) => {
      made.push(sha256)
      keep(identity, sha256)
    }
    memory = { find, keep: keepAndCount, postpone }
    await digestFrom(1_000)
    await digestFrom(1_000)

    expect(made).toEqual([sha256Of(SECOND)])
  })
})
