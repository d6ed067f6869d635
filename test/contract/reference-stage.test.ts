// What the reader of the reference runtime's output promises: whole, valid lines become stages, anything else is passed over.
import { describe, expect, it } from '@jest/globals'
import {
  type ReferenceStage,
  createStageReader,
  explainReferenceEnd,
  referenceArguments,
} from '../../contract/reference-stage.ts'

const LOADED: ReferenceStage = { stage: 'loaded', weights: 'mapped', milliseconds: 12 }
const LISTENING: ReferenceStage = { stage: 'listening', address: '127.0.0.1', port: 4711 }
const text = (...stages: readonly ReferenceStage[]) => stages.map((stage) => `${JSON.stringify(stage)}\n`).join('')

describe('the stages of the reference runtime', () => {
  it('are the same however the output is cut', () => {
    const output = text(LOADED, LISTENING, { stage: 'ready' })

    for (let cut = 0; cut <= output.length; cut += 1) {
      const read = createStageReader()
      expect([...read(output.slice(0, cut)), ...read(output.slice(cut))]).toEqual([
        LOADED,
        LISTENING,
        { stage: 'ready' },
      ])
    }
  })

  it.each([
    ['native noise', 'ggml: something\n'],
    ['half a line', '{"stage":\n'],
    ['another shape', '{"stage":"listening","address":"0.0.0.0","port":80}\n'],
    ['an impossible port', '{"stage":"listening","address":"127.0.0.1","port":70000}\n'],
    ['an unknown stage', '{"stage":"exfiltrated"}\n'],
    ['an endless line', `{"stage":"ready","x":"${'y'.repeat(10_000)}"}\n`],
  ])('are not made of %s', (_, noise) => {
    const read = createStageReader()

    expect(read(noise)).toEqual([])
    expect(read(text(LOADED))).toEqual([LOADED])
  })

  it('are no longer read after an endless output', () => {
    const read = createStageReader()
    for (let piece = 0; piece < 100; piece += 1) read(`${'noise'.repeat(200)}\n`)

    expect(read(text(LOADED))).toEqual([])
  })
})

describe('the end of the reference runtime', () => {
  it('is explained by what it said itself', () => {
    const missing: ReferenceStage = { stage: 'failed', reason: 'not-installed', detail: 'no library' }
    const refused: ReferenceStage = { stage: 'failed', reason: 'model-refused', detail: 'bad magic' }

    expect(explainReferenceEnd([missing], 'exit code 3', '')).toMatchObject({
      failure: { code: 'GNO_REFERENCE_MISSING' },
    })
    expect(explainReferenceEnd([refused], 'exit code 3', '')).toMatchObject({
      failure: { code: 'GNO_REFERENCE_FAILED', detail: 'model-refused: bad magic' },
    })
  })

  it('is explained by its signal and last words when it died', () => {
    const ended = explainReferenceEnd([LOADED], 'signal SIGABRT', 'first\nGGML_ASSERT(x) \u001b[31mfailed\n')

    expect(ended).toEqual({
      ok: false,
      failure: {
        code: 'GNO_REFERENCE_FAILED',
        detail: 'ended after stage loaded: signal SIGABRT; last words: GGML_ASSERT(x) \\u{1b}[31mfailed',
      },
    })
  })
})

describe('the arguments of the reference runtime', () => {
  it('say only what was ordered', () => {
    const order = { modelPath: '/m', weights: 'mapped', tokens: 5, serves: false, seconds: 9 } as const

    expect(referenceArguments(order)).toEqual(['--model', '/m', '--tokens', '5', '--seconds', '9'])
    expect(referenceArguments({ ...order, weights: 'copied', serves: true }).slice(6)).toEqual(['--serve', '--no-mmap'])
  })
})
