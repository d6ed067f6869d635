// Where hosts end by their own account, and that lies about it lead nowhere.
import { describe, expect, it } from '@jest/globals'
import { memoryBytes } from '../../../agent/read/cursor.ts'
import { hostEnd } from '../../../agent/read/host-end.ts'
import { Look } from '../../../agent/read/look.ts'
import {
  type Box,
  buildElf,
  buildJpeg,
  buildMatroska,
  buildMp4,
  buildPe,
  buildPng,
  buildSqlite,
  buildWav,
} from '../../build-hosts.ts'

const TAIL = Buffer.alloc(5_000, 'what somebody appended')
const MEDIA: Box = { kind: 'mdat', data: Buffer.alloc(9_000, 3) }

function endOf(bytes: Buffer): number | null {
  return hostEnd(new Look(memoryBytes(bytes), ''))
}

describe('the end of a host', () => {
  const hosts = [
    ['PNG', buildPng()],
    ['WAV', buildWav()],
    ['MP4', buildMp4([MEDIA, { kind: 'moov', data: Buffer.alloc(300) }])],
    ['MP4 with a 64-bit size', buildMp4([{ ...MEDIA, size: 16n + 9_000n }])],
    ['Matroska', buildMatroska()],
    ['ELF', buildElf()],
    ['PE', buildPe()],
    ['SQLite', buildSqlite()],
  ] as const

  it.each(hosts)('is told of %s with something behind it, and nothing without', (_, host) => {
    expect(endOf(Buffer.concat([host, TAIL]))).toBe(host.length)
    expect(endOf(host)).toBeNull()
  })

  it.each(hosts)('is no place outside a cut %s', (_, host) => {
    for (const kept of [4, 8, 11, 16, 40, 64, 130, 160, host.length >> 1, host.length - 1]) {
      const cut = host.subarray(0, kept)

      expect(endOf(cut) ?? 0).toBeLessThan(Math.max(1, cut.length))
    }
  })

  it('is not told by a JPEG, nor by text', () => {
    expect(endOf(Buffer.concat([buildJpeg(), TAIL]))).toBeNull()
    expect(endOf(TAIL)).toBeNull()
  })

  it('is not behind a box that goes on to the end of the file', () => {
    expect(endOf(Buffer.concat([buildMp4([{ ...MEDIA, size: 0 }]), TAIL]))).toBeNull()
  })

  it.each([2n ** 63n, 2n ** 64n - 1n, 7n])('is before a box of %d bytes', (size) => {
    const first = buildMp4([])

    expect(endOf(Buffer.concat([buildMp4([{ ...MEDIA, size }]), TAIL]))).toBe(first.length)
  })

  it('is not looked for behind ten thousand chunks', () => {
    const chunks = Array.from({ length: 10_000 }, (): Box => ({ kind: 'free', data: Buffer.alloc(0) }))

    expect(endOf(Buffer.concat([buildMp4(chunks), TAIL]))).toBeNull()
  })

  it('is not told by a Matroska file of unknown size', () => {
    const stream = buildMatroska()
    stream.fill(0xff, 14, 21)
    stream[13] = 0x01

    expect(endOf(Buffer.concat([stream, TAIL]))).toBeNull()
  })
})
