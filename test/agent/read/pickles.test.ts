// Plain pickles: what they name, hold and carry inside is told, and lies and bombs end early.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { inspectFile } from './open-candidate.ts'
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { walkPickle } from '../../../agent/read/pickle-walk.ts'
import { patternBytes } from '../../build-gguf.ts'
import {
  type Py,
  buildPickle,
  buildTorchLegacy,
  frameOf,
  numpyArray,
  opcodes,
  orderedDict,
} from '../../build-pickle.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-pickles-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What `gnomon inspect` would say of these bytes. */
async function inspect(bytes: Uint8Array) {
  const path = join(folder, 'sample')
  writeFileSync(path, bytes)
  const { format, verdict, fingerprint, gaps } = await inspectFile(path)
  return { format, verdict, ...fingerprint, codes: gaps.map(({ code }) => code) }
}

/** A tensor as a plain pickle keeps it: its storage is a file of torch.save inside bytes. */
function carriedTensor(change: (bytes: Buffer) => Buffer = (bytes) => bytes): Py {
  const id: Py = { tuple: ['storage', { global: 'torch.FloatStorage' }, '0', 'cpu', 12, null] }
  const file = buildTorchLegacy({
    value: { persistent: id },
    keys: ['0'],
    storages: [{ elements: 12, bytes: 48 }],
  })
  return {
    call: 'torch._utils._rebuild_tensor_v2',
    args: [
      { call: 'torch.storage._load_from_bytes', args: [change(file)] },
      0,
      { tuple: [3, 4] },
      { tuple: [4, 1] },
      false,
      orderedDict(new Map()),
    ],
  }
}

/** LONG_BINPUT at ever other places. */
function memoBomb(count: number): Buffer {
  const bytes = Buffer.alloc(count * 5, 'r')
  for (let index = 0; index < count; index += 1) bytes.writeUInt32LE(index, index * 5 + 1)
  return bytes
}

describe('pickles', () => {
  it.each([
    ['a list of protocol 0', buildPickle(['a', 1, 'b'], { protocol: 0 }), 'unchecked'],
    ['a dictionary of protocol 4', buildPickle(new Map([['a', 1]]), { protocol: 4, isFramed: true }), 'unchecked'],
    ['two of them', Buffer.concat([buildPickle([1, 2, 3]), buildPickle([4, 5, 6])]), 'unchecked'],
    [
      'a text of 100 MB that is not there',
      Buffer.concat([Buffer.from([0x80, 2]), opcodes(['a', 'b']), Buffer.from('X\x00\xe1\xf5\x05.', 'latin1')]),
      'malformed',
    ],
    ['one without STOP', buildPickle(['a', 'b', 'c'], { end: Buffer.alloc(0) }), 'malformed'],
    [
      'a memo place that holds nothing',
      Buffer.from('\x80\x02](K\x01K\x02K\x03K\x04K\x05eh\x09.', 'latin1'),
      'malformed',
    ],
    [
      'an opcode that crosses its frame',
      Buffer.concat([Buffer.from([0x80, 4]), frameOf(4), opcodes(['abc', 'def']), Buffer.from('.')]),
      'malformed',
    ],
    [
      'a frame inside a frame',
      Buffer.concat([Buffer.from([0x80, 4]), frameOf(20), frameOf(9), opcodes(['abc']), Buffer.from('.')]),
      'malformed',
    ],
  ])('%s', async (_, bytes, verdict) => {
    expect(await inspect(bytes)).toMatchObject({ format: 'pickle', verdict })
  })

  it('tell every name that Python would import, and how often it would call', async () => {
    const bytes = buildPickle({ call: 'os.system', args: ['true'] })

    const found = await inspect(bytes)

    expect(found.container).toMatchObject({ globals: 'os.system', globalCount: 1, calls: 1 })
  })

  it('give the arrays of numpy as tensors, where their bytes lie', async () => {
    const array = numpyArray('f8', [4], patternBytes(32, 1))

    const found = await inspect(
      buildPickle(new Map(['l1.weight', 'l1.bias'].map((name) => [name, array])), { protocol: 3 }),
    )

    expect(found.structure).toMatchObject({ tensorCount: 2, parameterCount: 8, tensorTypes: { F64: 2 } })
  })

  it('read the file of PyTorch in which a plain pickle keeps a tensor', async () => {
    const found = await inspect(buildPickle(new Map([['w', carriedTensor()]]), { protocol: 3 }))

    expect(found).toMatchObject({ format: 'pickle', verdict: 'unchecked' })
    expect(found.structure).toMatchObject({ tensorCount: 1, parameterCount: 12, tensorTypes: { F32: 1 } })
    expect(found.container?.['globals']).toContain('torch.FloatStorage')
  })

  it.each([
    ['cut', carriedTensor((bytes) => bytes.subarray(0, -20))],
    ['no file of PyTorch', carriedTensor(() => Buffer.alloc(400))],
  ])('are malformed when the file inside is %s', async (_, tensor) => {
    expect((await inspect(buildPickle([tensor], { protocol: 3 }))).verdict).toBe('malformed')
  })

  it('are not blamed for a tensor in bytes that protocol 2 writes as text', async () => {
    const storage: Py = {
      call: 'torch.storage._load_from_bytes',
      args: [{ call: '_codecs.encode', args: ['text', 'latin1'] }],
    }
    const tensor: Py = {
      call: 'torch._utils._rebuild_tensor_v2',
      args: [storage, 0, { tuple: [2] }, { tuple: [1] }, false, orderedDict(new Map())],
    }

    const found = await inspect(buildPickle([tensor]))

    expect(found).toMatchObject({ format: 'pickle', verdict: 'unchecked' })
    expect(found.codes).toContain('GNO_READ_SKIPPED')
  })

  it('are read around their arrays, not through them', () => {
    const list = Array.from({ length: 60 }, () => numpyArray('u1', [300_000], Buffer.alloc(300_000)))
    const bytes = buildPickle(list, { protocol: 3 })
    const gaps = new GapList('')
    const cursor = new Cursor(memoryBytes(bytes), { bytes: 1_000_000, steps: 100_000 })

    const walk = walkPickle(cursor, gaps)

    expect(gaps.list()).toEqual([])
    expect(walk).toMatchObject({ isComplete: true, stoppedAt: bytes.length })
  })

  it.each([
    ['a place of the memo that holds nothing', 'h\x03h\x00\x93'],
    ['a number in place of a name', 'K\x05h\x00\x93'],
  ])('go on to the next import behind %s', async (_, rest) => {
    const call = opcodes({ call: 'os.system', args: ['true'] })
    const bytes = Buffer.concat([Buffer.from([0x80, 4]), call, Buffer.from(`0\x8c\x02os\x94${rest}K\x05.`, 'latin1')])

    const found = await inspect(bytes)

    expect(found).toMatchObject({ format: 'pickle', verdict: 'malformed' })
    expect(found.container?.['globals']).toBe('os.system,?.os')
  })

  it.each([
    ['places of the memo', memoBomb(1_500_000)],
    ['marks', Buffer.alloc(1_500_000, '(')],
    ['values', Buffer.alloc(1_500_000, 'N')],
  ])(
    'end at a limit with 1,500,000 %s',
    async (_, body) => {
      const started = Date.now()

      const found = await inspect(
        Buffer.concat([Buffer.from('\x80\x02cos\nsystem\n]', 'latin1'), body, Buffer.from('.')]),
      )

      expect(found).toMatchObject({ format: 'pickle', verdict: 'unscannable' })
      expect(found.codes).toContain('GNO_READ_BUDGET')
      expect(Date.now() - started).toBeLessThan(20_000)
    },
    60_000,
  )

  it('survive a list of lists that doubles 60 times', async () => {
    const doubling = Array.from(
      { length: 60 },
      (_, index) => `(h${String.fromCharCode(index)}h${String.fromCharCode(index)}lq${String.fromCharCode(index + 1)}`,
    )
    const bytes = Buffer.from(`\x80\x02]q\x00${doubling.join('')}.`, 'latin1')

    expect(await inspect(bytes)).toMatchObject({ format: 'pickle', verdict: 'unchecked' })
  })

  it.each(['(define x 1)\n', 'cat\ndog\nmouse\n', 'Nancy\n', 'N', '.', 'class A:\n  pass\n', '[]\n', '{"a": 1}\n'])(
    'are not seen in the text %j',
    async (text) => {
      expect((await inspect(Buffer.from(text))).format).toBeNull()
    },
  )
})
