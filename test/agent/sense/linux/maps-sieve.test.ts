// What is kept of mappings that are read in pieces: the same files, bytes and regions as of the whole text.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createMapsSieve } from '../../../../agent/sense/linux/maps-sieve.ts'
import { roomForMaps } from '../../../../agent/sense/linux/maps-read.ts'
import { keepMappings, parseMaps, sumLargeMemory } from '../../../../agent/sense/linux/maps-text.ts'
import { createProcTable } from '../../../../agent/sense/linux/proc-table.ts'
import { linuxProcesses } from '../../../../agent/sense/linux/processes.ts'
import { addProcess, writeFiles } from './fake-system.ts'

const PAGE = 4096
const MEBIBYTE = 1024 * 1024
const PAGES_OF_WEIGHTS = 512

let address = 0
beforeEach(() => {
  address = 0x7f0000000000
})

/** One line as fs/proc/task_mmu.c prints it; mappings do not touch unless asked. */
function line(pages: number, permissions: string, inode: number, path: string, gap = PAGE): string {
  const from = address + gap
  address = from + pages * PAGE
  const device = inode === 0 ? '00:00' : 'fe:00'
  return `${from.toString(16)}-${address.toString(16)} ${permissions} 00000000 ${device} ${inode}`.padEnd(73) + path
}

const weights = () => line(PAGES_OF_WEIGHTS, 'r--s', 7, '/srv/model.gguf (deleted)')

function sieve(lines: readonly string[], pieceBytes: number) {
  const text = Buffer.from(lines.map((each) => `${each}\n`).join(''), 'latin1')
  const made = createMapsSieve()
  for (let at = 0; at < text.length; at += pieceBytes) made.take(text.subarray(at, at + pieceBytes))
  return made.end()
}

function read(text: string) {
  const files = parseMaps(text, [])
  return { files, memory: sumLargeMemory(text, files) }
}

describe('mappings in pieces', () => {
  it.each([1, 7, 64, 4096, 1_000_000])('tell the same as the whole text, in pieces of %i bytes', (pieceBytes) => {
    const lines = [
      line(1, 'r--p', 5, '/usr/lib/libllama.so'),
      line(3, 'r-xp', 5, '/usr/lib/libllama.so'),
      line(20_000, 'rw-p', 0, '[anon:weights]'),
      line(5, 'r--p', 0, '', 0),
      weights(),
      line(2, 'r--p', 5, '/usr/lib/libllama.so'),
      line(2, 'r-xp', 0, '[vdso]'),
      line(4, 'r--s', 7, '/srv/model.gguf (deleted)'),
      line(4, 'r--s', 8, '/srv/\xe4\\012 0 [heap]'),
      line(30_000, 'rw-s', 9, '/memfd:copy (deleted)'),
    ]

    const { text, isCut } = sieve(lines, pieceBytes)

    expect(read(text)).toEqual(read(keepMappings(lines.join('\n'))))
    expect(read(text).files).toHaveLength(4)
    expect(read(text).memory.anonymous).toEqual({ count: 1, bytes: 20_005 * PAGE })
    expect(isCut).toBe(false)
  })

  it('keep a file that is mapped very often once', () => {
    const lines = Array.from({ length: 50_000 }, (_, at) =>
      line(1, at === 9 ? 'r-xp' : 'r--p', 5, '/srv/a'.padEnd(200, 'a')),
    )

    const { text, isCut } = sieve([...lines, weights()], 4096)

    expect(text.length).toBeLessThan(1_000)
    expect(isCut).toBe(false)
    expect(read(text).files).toMatchObject([
      { inode: '5', mappedBytes: 50_000 * PAGE, isExecutable: true },
      { inode: '7', path: '/srv/model.gguf', isDeleted: true, mappedBytes: PAGES_OF_WEIGHTS * PAGE },
    ])
  })

  it('keep weights and libraries behind thousands of small files with long paths, and say that some are missing', () => {
    const small = Array.from({ length: 2_000 }, (_, at) => line(1, 'r--p', 100 + at, `/srv/${at}`.padEnd(3_000, 'a')))

    const { text, isCut } = sieve([...small, weights(), line(1, 'r-xp', 6, '/usr/lib/libllama.so')], 4096)

    expect(text.length).toBeLessThan(5 * MEBIBYTE)
    expect(isCut).toBe(true)
    expect(read(text).files.slice(-2)).toMatchObject([{ inode: '7' }, { inode: '6', isExecutable: true }])
  })

  it('cut a path without end, and not what follows it', () => {
    const { text } = sieve([line(1, 'r--p', 5, '/a'.padEnd(3 * MEBIBYTE, 'a')), weights()], 4096)

    expect(text.length).toBeLessThan(10_000)
    expect(read(text).files.map(({ inode }) => inode)).toEqual(['5', '7'])
  })
})

const context = () => ({ signal: new AbortController().signal, now: () => new Date(0) })
let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gnomon-maps-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('many processes with many mappings', () => {
  it('are read in turns, each soon, and what was seen stands meanwhile', async () => {
    const flood = Array.from({ length: 400 }, () => line(1, 'r--p', 5, '/srv/a'.padEnd(3_000, 'a')))
    const pids = [1_000_001, 1_000_002, 1_000_003]
    for (const pid of pids) {
      addProcess(root, { pid, startTicks: 5, name: 'flood', descriptors: {} })
      writeFiles(root, { [`proc/${pid}/maps`]: [...flood, weights(), ''].join('\n') })
    }
    // Room that the first one overdraws.
    const table = createProcTable(root, () => roomForMaps(1))
    const look = async () => {
      const { observations, gaps } = linuxProcesses.interpret(await table.look(context()))
      const seen = observations.flatMap((each) => (each.kind === 'process' ? [each] : []))
      const withWeights = seen.filter(({ mapped }) => mapped?.some(({ inode }) => inode === '7') === true)
      const waiting = gaps.filter(({ detail }) => detail.includes('in turns')).map(({ place }) => place)
      return { pids: seen.map(({ pid }) => pid), withWeights: withWeights.map(({ pid }) => pid), waiting }
    }

    const looks = [await look(), await look(), await look()]

    expect(looks.map(({ pids: seen }) => seen)).toEqual([pids, pids, pids])
    expect(looks.map(({ withWeights }) => withWeights)).toEqual([pids.slice(0, 1), pids.slice(0, 2), pids])
    expect(looks.map(({ waiting }) => waiting)).toEqual([
      ['/proc/1000002/maps', '/proc/1000003/maps'],
      ['/proc/1000003/maps'],
      [],
    ])
    table.close()
  })
})
