// Pickles in parts of files that hold no values: no program unpickles them unasked, and none is there by chance. Each case has an
// ordinary counterpart.
import { describe, expect, it } from '@jest/globals'
import { buildPickle, buildTorchZip, linearState, LINEAR_STORAGES, torchMembers } from '../../../build-pickle.ts'
import { type ZipOptions, type ZipPart, buildZip } from '../../../build-zip.ts'
import { judgeFile } from './judge-file.ts'

const CALL = { call: 'os.system', args: ['id'] } as const
const EVIL = buildPickle(CALL)
/** Protocol 0, 21 bytes: it fits where a checksum with its sizes is expected. */
const SHORT = Buffer.from("cos\nsystem\n(S'id'\ntR.")
const STATE = { value: linearState(), storages: LINEAR_STORAGES }
const DEFERRED = 8

function archive(first: Partial<ZipPart>, options: ZipOptions = {}): Buffer {
  const [state, ...rest] = torchMembers(STATE)
  if (state === undefined) throw new Error('no members')
  return buildZip([{ ...state, ...first }, ...rest], { align: 1, ...options })
}

/** A descriptor with a signature: checksum and sizes as the entry has them. */
function descriptor(bytes: Buffer, part: ZipPart): Uint8Array {
  const entry = bytes.indexOf('PK\u0001\u0002')
  return Buffer.concat([
    Buffer.from('PK\u0007\u0008'),
    bytes.subarray(entry + 16, entry + 28),
    part.behind ?? Buffer.alloc(0),
  ])
}

describe('a zip archive', () => {
  it.each([
    ['in its comment', archive({}, { comment: EVIL })],
    ['behind words in its comment', archive({}, { comment: Buffer.concat([Buffer.from('made by hand '), EVIL]) })],
    ['as base64 in its comment', archive({}, { comment: EVIL.toString('base64') })],
    ['in an extra field', archive({ extra: Buffer.concat([Buffer.from('ff'), Buffer.from([EVIL.length, 0]), EVIL]) })],
    ['in place of a checksum behind the data', archive({ flags: DEFERRED, behind: SHORT })],
  ])('with a pickle %s is not clean', async (_, bytes) => {
    const { verdict, threats, actions } = await judgeFile('model.pt', bytes)
    expect({ verdict, threats, actions }).toMatchObject({ verdict: 'malicious' })
    expect(actions.map(({ name }) => name)).toContain('os.system')
  })

  it.each([
    ['words', archive({}, { comment: 'made by torch.save (v2.1), see https://example.org/model' })],
    ['none', buildTorchZip(STATE)],
    ['padding', archive({}, { align: 64 })],
    ['times', archive({ extra: Buffer.from('5554050003aabbccdd', 'hex') })],
  ])('with %s there is clean', async (_, bytes) => {
    expect(await judgeFile('model.pt', bytes)).toMatchObject({ verdict: 'clean', threats: [] })
  })

  it('with checksums behind its data is clean', async () => {
    const [state] = torchMembers(STATE)
    if (state === undefined) throw new Error('no members')
    const behind = descriptor(archive({ flags: DEFERRED }), state)
    const judged = await judgeFile('model.pt', archive({ flags: DEFERRED, behind }))
    expect(judged).toMatchObject({ verdict: 'clean', threats: [] })
  })
})

describe('a large archive', () => {
  it('of thousands of notes is clean', async () => {
    const notes = Array.from({ length: 6_000 }, (_, index) => ({
      name: `n/${index}.txt`,
      data: Buffer.from(`note ${index}\n`),
    }))
    expect(await judgeFile('notes.zip', buildZip(notes))).toMatchObject({ verdict: 'clean', threats: [] })
  })

  it('that ends in a pickle is not', async () => {
    const notes = Array.from({ length: 6_000 }, (_, index) => ({
      name: `n/${index}.txt`,
      data: Buffer.from(`note ${index}\n`),
    }))
    const bytes = buildZip([...notes, { name: 'n/last.txt', data: EVIL }])
    expect(await judgeFile('notes.zip', bytes)).toMatchObject({ verdict: 'malicious' })
  })
})
