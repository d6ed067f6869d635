import { describe, expect, it } from '@jest/globals'
import { keepMappings, parseMaps, sumLargeMemory } from '../../../../agent/sense/linux/maps-text.ts'

const MEBIBYTE = 1024 * 1024
const BASE = 0x7f0000000000

/** A line as fs/proc/task_mmu.c prints it. */
function line(fromMiB: number, toMiB: number, permissions: string, rest = '00000000 00:00 0 '): string {
  const hex = (mebibytes: number) => (BASE + mebibytes * MEBIBYTE).toString(16).padStart(8, '0')
  return `${hex(fromMiB)}-${hex(toMiB)} ${permissions} ${rest}`
}
const file = (inode: number, path: string) => `00000000 00:01 ${inode}                          ${path}`

function large(lines: readonly string[]) {
  const kept = keepMappings(lines.join('\n'))
  return { kept, memory: sumLargeMemory(kept, parseMaps(kept, [])) }
}

describe('memory without a file', () => {
  it('counts regions of at least 64 MiB that may be read', () => {
    const { kept, memory } = large([
      line(0, 64, 'rw-p'),
      line(100, 163, 'rw-p'),
      line(200, 4_200, '---p'),
      line(5_000, 5_100, 'r--p', '00000000 00:00 0                          [heap]'),
      line(6_000, 6_100, 'rw-p', '00000000 00:00 0                          [anon:weights]'),
    ])

    expect(memory.anonymous).toEqual({ count: 3, bytes: 264 * MEBIBYTE })
    expect(kept.split('\n')).toHaveLength(3)
  })

  it('joins what touches, however it was locked, protected or named', () => {
    const parts = Array.from({ length: 40 }, (_, at) =>
      line(at * 2, at * 2 + 2, at % 2 === 0 ? 'rw-p' : 'r--p', `00000000 00:00 0    [anon:a/${at}]`),
    )

    expect(large(parts).memory.anonymous).toEqual({ count: 1, bytes: 80 * MEBIBYTE })
    expect(large(parts.slice(0, 31)).memory.anonymous).toEqual({ count: 0, bytes: 0 })
  })

  it('tells huge pages, memfd and shared memory apart, and leaves files of a disk alone', () => {
    const { memory } = large([
      line(0, 128, 'rw-s', file(7, '/memfd:model (deleted)')),
      line(200, 300, 'rw-s', file(8, '/dev/shm/weights')),
      line(400, 464, 'rw-s', file(9, '/dev/zero (deleted)')),
      line(500, 1_524, 'rw-p', file(10, '/anon_hugepage (deleted)')),
      line(2_000, 9_000, 'r--s', '00000000 fe:00 42                         /srv/model.gguf'),
      line(9_500, 9_501, 'rw-s', file(11, '/memfd:pulseaudio (deleted)')),
    ])

    expect(memory).toEqual({
      anonymous: { count: 0, bytes: 0 },
      hugePages: { count: 1, bytes: 1_024 * MEBIBYTE },
      memfd: { count: 1, bytes: 128 * MEBIBYTE },
      shared: { count: 2, bytes: 164 * MEBIBYTE },
    })
  })

  it('is not misled by a file that is named like anonymous memory', () => {
    const hostile = line(0, 100, 'r--p', '00000000 fe:00 42                         /tmp/x 00:00 0 [heap]')

    const { kept, memory } = large([hostile])

    expect(memory.anonymous.count).toBe(0)
    expect(parseMaps(kept, [])).toMatchObject([{ path: '/tmp/x 00:00 0 [heap]', mappedBytes: 100 * MEBIBYTE }])
  })
})
