import { describe, expect, it } from '@jest/globals'
import { describeProgress, startProgress, type SweepProgress } from '../../../agent/show/progress.ts'
import { terminalOf } from '../../../agent/show/terminal.ts'

const PROGRESS: SweepProgress = {
  findings: 2,
  filesSeen: 2000,
  foldersSeen: 40,
  candidates: 3,
  artifacts: 1,
  current: '/home/a\u001b[2J/model',
}

describe('describeProgress', () => {
  it('tells files, rate, candidates, models and what is read, on one escaped line', () => {
    const line = describeProgress(PROGRESS, 1000, 120)

    expect(line).toBe('2000 files (2000/s) in 40 folders, 3 candidates, 1 models, 2 findings  /home/a\\u{1b}[2J/model')
  })

  it('never grows wider than the terminal', () => {
    expect(describeProgress({ ...PROGRESS, current: '/x'.repeat(300) }, 1000, 80).length).toBeLessThan(80)
    expect(describeProgress(PROGRESS, 0, 60).length).toBeLessThan(60)
  })
})

describe('startProgress', () => {
  it('stays silent in a pipe', () => {
    const written: string[] = []
    const line = startProgress(terminalOf({ write: (text: string) => written.push(text) }, {}), () => 1000)

    line.show(PROGRESS)
    line.clear()

    expect(written).toEqual([])
  })

  it('redraws at most ten times a second and erases itself', () => {
    const written: string[] = []
    let nowMs = 0
    const terminal = terminalOf({ isTTY: true, columns: 100, write: (text: string) => written.push(text) }, {})
    const line = startProgress(terminal, () => nowMs)

    for (nowMs = 1000; nowMs < 2000; nowMs += 10) line.show(PROGRESS)
    line.clear()

    expect(written).toHaveLength(11)
    expect(written.at(-1)).toBe('\r\u001b[2K')
  })
})
