import { describe, expect, it } from '@jest/globals'
import { runProgram } from '../../../agent/sense/run-program.ts'

const limits = { timeoutMs: 20_000, maxBytes: 4096, signal: new AbortController().signal }
const run = (script: string, more = {}) => runProgram(process.execPath, ['-e', script], { ...limits, ...more })

describe('a program of the system', () => {
  it('is given a fixed locale and time zone', async () => {
    const answer = await run('process.stdout.write(process.env.LC_ALL + " " + process.env.TZ + " " + process.env.HOME)')

    expect(answer).toEqual({ text: 'C UTC undefined' })
  })

  it('is trouble when it fails, also when it printed something', async () => {
    const answer = await run('console.log("part"); process.exitCode = 1')

    expect(answer).toEqual({ trouble: '1: part' })
  })

  it('is kept with its complaint where a part is wanted', async () => {
    const answer = await run('console.log("part"); console.error("refused"); process.exitCode = 1', { keepsPart: true })

    expect(answer).toEqual({ text: 'part\n', cut: '1: refused' })
  })

  it('is cut at the limit of its output, and says so', async () => {
    const answer = await run('process.stdout.write("x".repeat(100000))', { keepsPart: true })

    expect(answer).toMatchObject({ cut: expect.stringContaining('MAXBUFFER') })
    expect('text' in answer ? answer.text.length : 0).toBe(4096)
  })

  it('keeps every byte as one character where bytes are wanted', async () => {
    const answer = await run('process.stdout.write(Buffer.from([0x2f, 0xff, 0xc3, 0xa9]))', { encoding: 'latin1' })

    expect(answer).toEqual({ text: '/\u00ff\u00c3\u00a9' })
  })

  it('is not started again before one that was told to end has ended', async () => {
    const stopped = new AbortController()
    const first = run('setInterval(() => {}, 1000)', { signal: stopped.signal })
    stopped.abort()

    expect(await first).toMatchObject({ trouble: expect.stringContaining('ABORT_ERR') })
    expect(await run('')).toEqual({ trouble: 'an earlier one was told to end and has not ended' })
    await until(async () => 'text' in (await run('')))
  })
})

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20))
}
