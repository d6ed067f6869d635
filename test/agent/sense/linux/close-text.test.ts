import { describe, expect, it } from '@jest/globals'
import { parseNumaMaps, parseRollup, parseTransfers } from '../../../../agent/sense/linux/close-text.ts'

/** Recorded from a python3 with 2 GiB of anonymous memory, Linux 6.18, x86-64, 2026-11-23. */
const ROLLUP = `55dd868000-7ffe1738a000 ---p 00000000 00:00 0                          [rollup]
Rss:             2106872 kB
Pss:             2103540 kB
Pss_Dirty:       2101312 kB
Pss_Anon:        2101312 kB
Pss_File:           2228 kB
Pss_Shmem:             0 kB
Shared_Clean:       5560 kB
Anonymous:       2101312 kB
AnonHugePages:   2097152 kB
Swap:                  0 kB
SwapPss:               0 kB
Locked:                0 kB
`

describe('smaps_rollup', () => {
  it('is read by kind', () => {
    expect(parseRollup(ROLLUP)).toEqual({
      pssBytes: 2_103_540 * 1024,
      anonymousPssBytes: 2_101_312 * 1024,
      filePssBytes: 2_228 * 1024,
      sharedPssBytes: 0,
      anonymousHugeBytes: 2_097_152 * 1024,
    })
  })

  it('says null for what an older kernel does not tell, and for a text that was cut', () => {
    expect(parseRollup('Rss: 8 kB\nPss:                   4 kB\n')).toMatchObject({
      pssBytes: 4096,
      filePssBytes: null,
    })
    expect(parseRollup('')).toBeNull()
    expect(parseRollup('Pss:                   4')).toBeNull()
  })
})

describe('numa_maps', () => {
  it('is summed up by node, small and huge pages alike', () => {
    // Lines of the shape that numa(7) documents.
    const text = [
      '00400000 default file=/usr/bin/llama-server mapped=2 N0=2 kernelpagesize_kB=4',
      '7f0000000000 prefer:1 file=/srv/my\\040model.gguf mapped=100 mapmax=3 N0=30 N1=70 kernelpagesize_kB=4',
      '7f1000000000 bind:0-1 anon=8 dirty=8 N0=4 N1=4 kernelpagesize_kB=2048',
      '7fff00000000 default',
      'nonsense N0=9',
    ].join('\n')

    expect(parseNumaMaps(text)).toEqual([
      { node: 0, bytes: 32 * 4096 + 4 * 2048 * 1024 },
      { node: 1, bytes: 70 * 4096 + 4 * 2048 * 1024 },
    ])
    expect(parseNumaMaps('')).toEqual([])
  })
})

describe('io', () => {
  it('tells reads and writes, or nothing', () => {
    const text =
      'rchar: 6976\nwchar: 0\nsyscr: 10\nsyscw: 0\nread_bytes: 4096\nwrite_bytes: 12\ncancelled_write_bytes: 0\n'

    expect(parseTransfers(text)).toEqual({ readBytes: 4096, writtenBytes: 12, readCallBytes: 6976 })
    expect(parseTransfers(text.slice(0, 60))).toBeNull()
  })
})
