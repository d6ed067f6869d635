import { describe, expect, it } from '@jest/globals'
import { type DarwinProcessCapture, darwinProcesses } from '../../../../agent/sense/darwin/processes.ts'
import type { ProcessObservation } from '../../../../contract/observation.ts'
import { readCapture } from './captures.ts'

const recorded = readCapture('processes') as DarwinProcessCapture

function look(change: Partial<DarwinProcessCapture> = {}) {
  const { observations, gaps } = darwinProcesses.interpret({ ...recorded, ...change })
  const processes = observations.filter((seen): seen is ProcessObservation => seen.kind === 'process')
  const byPid = (pid: number) => processes.find((process) => process.pid === pid)
  return { processes, byPid, gaps, details: gaps.map(({ code, place }) => `${code} ${place}`) }
}

/** A listing of numbers, a listing of texts and one of files for two processes. */
function twoProcesses(change: Partial<Record<keyof DarwinProcessCapture, string>>): Partial<DarwinProcessCapture> {
  const texts = {
    numbers:
      '  10     1   501     2048 ??       Mon Nov 23 09:00:00 2026    anna\n  11     1   501     2048 ??       Mon Nov  2 09:00:01 2026    anna\n',
    programs: '  10 Mon Nov 23 09:00:00 2026     /opt/a\n  11 Mon Nov  2 09:00:01 2026     /opt/b\n',
    arguments: '  10 Mon Nov 23 09:00:00 2026     /opt/a --port 1\n  11 Mon Nov  2 09:00:01 2026     /opt/b\n',
    files: '',
    ...change,
  }
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, { text }]))
}

const mapping = (name: string, size: string, inode = '77') =>
  `ftxt\ntREG\nD0x1000004\ns${size}\ni${inode}\nk1\nn${name}\n`

describe('processes of macOS', () => {
  it('tells who runs what since when, with the weights it maps', () => {
    const server = look().byPid(812)

    expect(server).toMatchObject({
      name: 'llama-server',
      parentPid: 640,
      startTicks: '1795425393',
      startedAt: '2026-11-23T09:16:33.000Z',
      user: { uid: 501, name: 'anna' },
      residentBytes: 5_242_880 * 1024,
      memory: null,
      executable: { dev: '16777220', inode: '55500003' },
    })
    expect(server?.commandLine.slice(1, 2)).toEqual(['--model'])
    expect(server?.mapped?.map(({ inode, isExecutable, mappedBytes }) => [inode, isExecutable, mappedBytes])).toEqual([
      ['55500004', true, 2_100_224],
      ['1152921500312524246', true, 2_432_768],
      ['61200042', false, 4_661_211_424],
    ])
  })

  it('keeps a program whose path has spaces in one piece, and nothing of a secret', () => {
    expect(look().byPid(903)?.commandLine).toEqual([
      '/Applications/LM Studio.app/Contents/MacOS/LM Studio',
      '‹39 chars›',
    ])
  })

  it('knows the interpreter behind the name that macOS gives it', () => {
    expect(look().byPid(1201)?.commandLine).toContain('mlx_lm.server')
    expect(
      look()
        .byPid(1201)
        ?.open?.map(({ fdNumber, sizeBytes }) => [fdNumber, sizeBytes]),
    ).toEqual([[7, 4_284_273_612]])
  })

  it('believes what a process maps and not the path that it wrote over its arguments', () => {
    const renamed = look().byPid(1300)

    expect(renamed).toMatchObject({
      name: 'upd',
      executable: { path: '/private/tmp/.x/upd' },
      commandLine: ['‹28 chars›'],
    })
    expect(renamed?.mapped?.at(-1)).toMatchObject({ path: '/private/tmp/.x/data.bin', isDeleted: true })
  })

  it('says of processes that others own that nothing was told: null and a gap, never an empty list', () => {
    const { byPid, details } = look()

    expect(byPid(1)).toMatchObject({
      mapped: null,
      open: null,
      executable: { path: '/sbin/launchd', dev: '', inode: '' },
    })
    expect(byPid(141)?.user).toEqual({ uid: 4_294_967_294, name: 'nobody' })
    expect(details).toEqual(['GNO_SENSE_DENIED lsof: txt'])
  })

  it('knows the refusal that lsof writes where a name would stand', () => {
    const files =
      'p10\nftxt\nnregion info error: Operation not permitted\nf3\ntREG\nD0x1000004\ns9000000\ni5\nk1\nn/x\n'
    const { byPid, details } = look(twoProcesses({ files }))

    expect(byPid(10)?.mapped).toBeNull()
    expect(byPid(10)?.open).toMatchObject([{ path: '/x', fdNumber: 3 }])
    expect(details).toContain('GNO_SENSE_DENIED lsof: txt')
  })
})

describe('hostile answers', () => {
  it('takes the text of no process that two lines claim', () => {
    const forged = '  10 Mon Nov 23 09:00:00 2026     /opt/a x\n  11 Mon Nov  2 09:00:01 2026     /opt/b --innocent\n'
    const { byPid, gaps } = look(
      twoProcesses({ arguments: `${forged}  11 Mon Nov  2 09:00:01 2026     /opt/b --real\n` }),
    )

    expect(byPid(11)?.commandLine).toEqual([])
    expect(gaps.some(({ place, count }) => place === 'ps: texts' && count === 1)).toBe(true)
  })

  it('makes no process of a newline in somebody’s arguments', () => {
    const forged =
      '  10 Mon Nov 23 09:00:00 2026     /opt/a first\n  99 Mon Nov 23 09:00:00 2026     /opt/ollama serve\n'
    const { processes } = look(twoProcesses({ arguments: `${forged}  11 Mon Nov  2 09:00:01 2026     /opt/b\n` }))

    expect(processes.map(({ pid }) => pid)).toEqual([10, 11])
    expect(processes[0]?.commandLine[0]).toBe('/opt/a')
    expect(processes[1]?.commandLine).toEqual(['/opt/b'])
  })

  it('reads names with newlines, tabs, backslashes and broken UTF-8 as one name', () => {
    const name = '/tmp/a\\nftxt\\t\\\\n\\xff\\xc3\\xa9^A.gguf'
    const { byPid } = look(twoProcesses({ files: `p10\n${mapping('/opt/a', '5')}${mapping(name, '4096', '78')}` }))

    expect(byPid(10)?.mapped?.map(({ path }) => path)).toEqual(['/tmp/a\nftxt\t\\n\\xffé^A.gguf'])
  })

  it('tells no number beyond 2^53, and says that it left the file out', () => {
    const files = `p10\n${mapping('/opt/a', '5')}${mapping('/w', '9007199254740993', '78')}`
    const { byPid, details } = look(twoProcesses({ files }))

    expect(byPid(10)?.mapped).toEqual([])
    expect(details).toContain('GNO_SENSE_FAILED lsof: txt')
  })

  it('takes weights that pose as a library by their ending for no library', () => {
    const files = `p10\n${mapping('/opt/a', '5')}${mapping('/w.dylib', '4661211424', '78')}`

    expect(look(twoProcesses({ files })).byPid(10)?.mapped).toMatchObject([{ path: '/w.dylib', isExecutable: false }])
  })

  it('drops the file at which an answer was cut, and says so', () => {
    const files = `p10\n${mapping('/opt/a', '5')}ftxt\ntREG\nD0x1000004\ns46612`
    const { byPid, details } = look(twoProcesses({ files }))

    expect(byPid(10)?.mapped).toEqual([])
    expect(details).toContain('GNO_SENSE_LIMIT ps, lsof')
  })

  it('ends after its limit of lines and says so', () => {
    const line = '  10     1   501     2048 ??       Mon Nov 23 09:00:00 2026    anna\n'
    const { processes, details } = look(twoProcesses({ numbers: line.repeat(1_000_000) }))

    expect(processes).toHaveLength(1)
    expect(details).toContain('GNO_SENSE_LIMIT ps, lsof')
  })

  it('ends after its limit of fields and says so', () => {
    const { byPid, details } = look(twoProcesses({ files: `p10\n${mapping('/opt/a', '5').repeat(300_000)}` }))

    expect(byPid(10)?.executable?.path).toBe('/opt/a')
    expect(details).toContain('GNO_SENSE_LIMIT ps, lsof')
  })

  it('passes over dates that do not exist, and says how many lines it did not understand', () => {
    const numbers = '  10     1   501     2048 ??       Mon Foo 23 09:00:00 2026    anna\ngarbage\n'
    const { processes, gaps } = look(twoProcesses({ numbers }))

    expect(processes).toEqual([])
    expect(gaps).toContainEqual(expect.objectContaining({ code: 'GNO_SENSE_FAILED', place: 'ps: numbers', count: 2 }))
  })
})

describe('programs that do not answer', () => {
  it('tells a program that is absent, one that was refused and one that was too slow apart', () => {
    const { processes, details } = look({
      programs: { trouble: 'ENOENT: ' },
      arguments: { trouble: '1: ps: operation not permitted' },
      files: { text: 'p612\n', cut: 'no answer in time' },
    })

    expect(processes).toHaveLength(10)
    expect(processes.every(({ mapped, commandLine }) => mapped === null && commandLine.length === 0)).toBe(true)
    expect(details).toEqual(
      expect.arrayContaining([
        'GNO_SENSE_FAILED ps: programs',
        'GNO_SENSE_DENIED ps: arguments',
        'GNO_SENSE_LIMIT lsof: files',
        'GNO_SENSE_DENIED lsof: txt',
      ]),
    )
  })
})
