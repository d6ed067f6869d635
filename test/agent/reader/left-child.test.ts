// A reader that was taken over and leaves a child behind, which holds its pipes open: nobody waits for that child.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ReaderProcess } from '../../../agent/reader/reader-process.ts'
import { STEP_LIMITS } from '../../../agent/reader/step-clock.ts'

const onUnix = process.platform === 'win32' ? it.skip : it
if (process.platform === 'win32') console.warn('skipped: the child is left behind by a shell of Unix')

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-left-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a reader that leaves a child behind', () => {
  onUnix('has ended when it ends, and not when its child does', async () => {
    const left = join(folder, 'left')
    // Longer than a test may take.
    const reader = new ReaderProcess(
      spawn('sh', ['-c', 'sleep 600 & echo $! > "$0"; exit 7', left], { stdio: ['pipe', 'pipe', 'ignore'] }),
      { startProcessorMs: 20_000, startMs: 20_000, silentProcessorMs: 60_000, silentMs: 300_000, ...STEP_LIMITS },
    )

    const end = await reader.ended()
    process.kill(Number(readFileSync(left, 'utf8')), 'SIGKILL')

    expect(end).toMatchObject({ code: 7, endedFor: null })
  })
})
