import { describe, expect, it } from '@jest/globals'
import { createRareRounds } from '../../../agent/sense/rare-rounds.ts'
import type { RareSensor } from '../../../agent/sense/sensors.ts'

function counting(everyMs: number) {
  const asked: number[] = []
  const sensor: RareSensor = {
    id: `every-${everyMs}`,
    platform: 'linux',
    touches: [],
    collects: [],
    everyMs,
    sense: (context) => {
      asked.push(context.now().getTime())
      return Promise.resolve({ observations: [], gaps: [] })
    },
  }
  return { sensor, asked }
}
const at = (ms: number) => ({ signal: new AbortController().signal, now: () => new Date(ms) })

describe('createRareRounds', () => {
  it('asks each sensor no more often than it allows, and tells what it saw last in between', async () => {
    const [often, seldom] = [counting(30_000), counting(600_000)]
    const rounds = createRareRounds([often.sensor, seldom.sensor])

    const told = []
    for (let ms = 0; ms <= 600_000; ms += 10_000) told.push((await rounds.look('linux', at(ms))).length)

    expect(often.asked).toHaveLength(21)
    expect(seldom.asked).toEqual([0, 600_000])
    expect(new Set(told)).toEqual(new Set([2]))
  })

  it('is not silenced by a clock that was set back', async () => {
    const { sensor, asked } = counting(600_000)
    const rounds = createRareRounds([sensor])

    await rounds.look('linux', at(9_000_000))
    await rounds.look('linux', at(1_000))

    expect(asked).toEqual([9_000_000, 1_000])
  })

  it('says of a sensor of another system that nobody looked', async () => {
    const { sensor, asked } = counting(1)

    const [outcome] = await createRareRounds([sensor]).look('darwin', at(0))

    expect(asked).toEqual([])
    expect(outcome?.coverage.state).toBe('unsupported')
  })
})
