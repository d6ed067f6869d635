// What a limit leaves out has its turn the next time.
import { describe, expect, it } from '@jest/globals'
import { createTurns, takeRound } from '../../../agent/sense/turns.ts'

const nameOf = (name: string): string => name

describe('turns', () => {
  it('begin with what was left out, longest waiting first, and reach everybody', () => {
    const turns = createTurns()
    const seen = new Set<string>()
    const all = ['a', 'b', 'c', 'd', 'e']

    for (let look = 0; look < 3; look += 1) {
      const order = turns.inTurn(all, nameOf)
      for (const name of order.slice(0, 2)) seen.add(name)
      turns.tell(order.slice(0, 2), order.slice(2))
    }

    expect([...seen].sort()).toEqual(all)
  })

  it('cannot be kept from those who wait by newcomers', () => {
    const turns = createTurns()
    turns.tell([], ['waiting'])

    expect(turns.inTurn(['new 1', 'new 2', 'waiting'], nameOf)).toEqual(['waiting', 'new 1', 'new 2'])
    turns.tell(['waiting'], [])
    expect(turns.inTurn(['new 1', 'new 2', 'waiting'], nameOf)).toEqual(['new 1', 'new 2', 'waiting'])
  })

  it('keep who waits while nothing is told of it', () => {
    const turns = createTurns()
    turns.tell([], ['waiting'])
    turns.tell(['other'], [])

    expect(turns.inTurn(['other', 'waiting'], nameOf)).toEqual(['waiting', 'other'])
  })

  it('go round sorted numbers, also where the last one is gone', () => {
    const numbers = [1, 5, 7, 9]

    expect(takeRound(numbers, 4, 5)).toEqual(numbers)
    expect(takeRound(numbers, 3, 0)).toEqual([1, 5, 7])
    expect(takeRound(numbers, 3, 6)).toEqual([7, 9, 1])
    expect(takeRound(numbers, 3, 9)).toEqual([1, 5, 7])
  })
})
