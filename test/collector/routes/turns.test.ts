// Work in turns: never more at once than allowed, nothing forgotten, also when work fails.
import { describe, expect, it } from '@jest/globals'
import { createTurns } from '../../../collector/routes/turns.ts'

describe('turns', () => {
  it('let at most so many run at once, in order, and go on after a failure', async () => {
    const inTurn = createTurns(4)
    const begun: number[] = []
    let running = 0
    let most = 0
    const work = async (index: number): Promise<number> => {
      begun.push(index)
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
      if (index % 3 === 0) throw new Error('broken')
      return index
    }

    const ended = await Promise.allSettled(Array.from({ length: 20 }, (_unused, index) => inTurn(() => work(index))))

    expect(most).toBe(4)
    expect(begun).toEqual([...begun].sort((a, b) => a - b))
    expect(ended.filter((one) => one.status === 'fulfilled')).toHaveLength(13)
  })
})
