// What MessagePack checkpoints of Flax and models for the edge bring beside numbers.
import { describe, expect, it } from '@jest/globals'
import { buildTflite } from '../../../build-edge-models.ts'
import { buildFlatbuffer, number, tables, text } from '../../../build-flatbuffer.ts'
import { buildFlax, flaxArray } from '../../../build-flax.ts'
import { buildPickle } from '../../../build-pickle.ts'
import { judgeFile } from './judge-file.ts'

/** A model with these custom operators and nothing else. */
function tfliteOf(names: readonly string[]): Buffer {
  const codes = names.map((name) => [number('int8', 32), text(name), number('int32', 1), number('int32', 32)])
  const model = [number('uint32', 3), tables(codes), tables([[]]), text('made here'), tables([[]])]
  return buildFlatbuffer(model, { identifier: 'TFL3' }).bytes
}

describe('checkpoints of Flax', () => {
  it('are clean with arrays, and with scalars of their own types', async () => {
    const scalar = flaxArray([], 'float32', { extension: 3 })

    expect((await judgeFile('m.msgpack', buildFlax())).verdict).toBe('clean')
    expect((await judgeFile('m.msgpack', buildFlax([['scale', scalar]]))).verdict).toBe('clean')
  })

  it('tell types that Flax does not write, and bytes behind the end', async () => {
    const foreign = await judgeFile('m.msgpack', buildFlax([['odd', flaxArray([2], 'float32', { extension: 42 })]]))
    const longer = await judgeFile('m.msgpack', Buffer.concat([buildFlax(), Buffer.from('more')]))

    expect(foreign.threats).toEqual(['msgpack-foreign-type'])
    expect(foreign.verdict).not.toBe('clean')
    expect(longer.threats).toEqual(['bytes-behind-checkpoint'])
    expect(longer.verdict).not.toBe('clean')
  })

  it('open a pickle that is kept as bytes', async () => {
    const pickle = buildPickle({ call: 'os.system', args: ['id'] })
    const head = Buffer.alloc(5)
    head[0] = 0xc6
    head.writeUInt32BE(pickle.length, 1)

    expect((await judgeFile('m.msgpack', buildFlax([['blob', Buffer.concat([head, pickle])]]))).verdict).toBe(
      'malicious',
    )
  })
})

describe('models for the edge', () => {
  it.each([
    ['TFLite_Detection_PostProcess', 'clean', []],
    ['my-operator', 'clean', ['tflite-custom-operators']],
    ['FlexRelu', 'clean', []],
    ['FlexReadFile', 'suspicious', ['graph-reads-files']],
    ['FlexWriteFile', 'malicious', ['graph-writes-files']],
    ['FlexEagerPyFunc', 'suspicious', ['graph-calls-python']],
  ])('with the operator %s are %s', async (name, verdict, threats) => {
    expect(await judgeFile('m.tflite', tfliteOf([name]))).toMatchObject({ verdict, threats })
  })

  it('are clean with what they usually hold', async () => {
    expect((await judgeFile('m.tflite', buildTflite().bytes)).verdict).toBe('clean')
  })
})
