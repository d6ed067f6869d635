import { describe, expect, it } from '@jest/globals'
import { frameBytes, FrameCutter, FROM_READER } from '../../../agent/reader/frames.ts'

const frames = [
  frameBytes({ op: 'read', at: 1 }),
  frameBytes({ op: 'found' }, Buffer.alloc(70_000, 7)),
  frameBytes({ name: 'ä\ud800' }, Buffer.from([0, 255])),
]

describe('FrameCutter', () => {
  it.each([1, 3, 8, 1_000, 1_000_000])('finds the frames in pieces of %d bytes', (size) => {
    const bytes = Buffer.concat(frames)
    const cutter = new FrameCutter(FROM_READER)
    const found: unknown[] = []
    for (let at = 0; at < bytes.length; at += size) {
      cutter.add(bytes.subarray(at, at + size))
      for (let frame = cutter.take(); frame !== null; frame = cutter.take()) found.push([frame.head, frame.data.length])
    }

    expect(found).toEqual([
      [{ op: 'read', at: 1 }, 0],
      [{ op: 'found' }, 70_000],
      [{ name: 'ä\ud800' }, 2],
    ])
    expect(cutter.heldBytes).toBe(0)
  })

  it.each([
    ['a head that is no JSON', Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0x7b])],
    ['a head that is a list', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x5b, 0x5d])],
    ['a head of gigabytes', Buffer.from([0, 0, 0, 0x7f, 0, 0, 0, 0])],
    ['data of gigabytes', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0x7f])],
  ])('refuses %s before it waits for it', (_what, bytes) => {
    const cutter = new FrameCutter(FROM_READER)
    cutter.add(bytes)

    expect(() => cutter.take()).toThrow()
  })
})
