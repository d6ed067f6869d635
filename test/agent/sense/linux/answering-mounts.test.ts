// Mounts of servers are asked by somebody else whether they answer, and only those that do are touched.
import { describe, expect, it } from '@jest/globals'
import { createAnsweringMounts } from '../../../../agent/sense/linux/answering-mounts.ts'
import { createRemoteMounts } from '../../../../agent/sense/remote-mounts.ts'

const line = (place: string, kind: string): string => `36 35 0:40 / ${place} rw,relatime shared:1 - ${kind} source rw\n`
const never = new AbortController().signal

function mountsOf(table: string, answers: Set<string>) {
  const asked: string[] = []
  const clock = { ms: 0 }
  const mounts = createAnsweringMounts(
    createRemoteMounts(
      () => table,
      () => clock.ms,
    ),
    (place) => {
      asked.push(place)
      return Promise.resolve(answers.has(place))
    },
    () => clock.ms,
  )
  return { mounts, asked, clock }
}

describe('mounts of servers', () => {
  it('are touched once they have answered, and asked for only while somebody wants them', async () => {
    const { mounts, asked } = mountsOf(line('/net/a', 'nfs4') + line('/net/b', 'cifs'), new Set(['/net/a']))
    expect(mounts.mayTouch('/home/x/model')).toBe(true)
    expect(await mounts.ask(never)).toBe(false)
    expect(asked).toEqual([])

    expect(mounts.mayTouch('/net/a/model')).toBe(false)
    expect(mounts.silent()).toEqual([{ place: '/net/a', kind: 'nfs4' }])
    expect(await mounts.ask(never)).toBe(true)
    expect(mounts.mayTouch('/net/a/model')).toBe(true)
    expect(mounts.mayTouch('/net/about')).toBe(true)
    expect(mounts.silent()).toEqual([])
    await mounts.ask(never)
    expect(asked).toEqual(['/net/a', '/net/a'])

    // Nobody wanted it since: what it answered is no longer known.
    await mounts.ask(never)
    expect(asked).toHaveLength(2)
    expect(mounts.mayTouch('/net/a/model')).toBe(false)
  })

  it('that somebody comes by once an hour for are asked until then, and are no gap of a look', async () => {
    const { mounts, asked, clock } = mountsOf(line('/net/a', 'nfs4') + line('/net/b', 'nfs4'), new Set(['/net/a']))
    expect([mounts.mayTouchAtTimes('/home/x'), mounts.mayTouchAtTimes('/net/a/x')]).toEqual([true, false])
    mounts.mayTouchAtTimes('/net/b/x')
    expect(await mounts.ask(never)).toBe(false)
    clock.ms = 3_600_000
    await mounts.ask(never)
    expect([mounts.mayTouchAtTimes('/net/a/x'), mounts.mayTouchAtTimes('/net/b/x')]).toEqual([true, false])
    expect(mounts.silent()).toEqual([])

    // A look that comes to want it then wants it at once.
    expect(mounts.mayTouch('/net/a/x')).toBe(true)
    clock.ms += 7_200_000
    const before = asked.length
    await mounts.ask(never)
    await mounts.ask(never)
    expect(asked.slice(before)).toEqual(['/net/a'])
  })

  it('that fall silent are left alone, and asked again after longer and longer pauses', async () => {
    const answers = new Set(['/net/a'])
    const { mounts, asked, clock } = mountsOf(line('/net/a', 'nfs4'), answers)
    mounts.mayTouch('/net/a/model')
    await mounts.ask(never)
    mounts.mayTouch('/net/a/model')
    answers.clear()
    await mounts.ask(never)
    expect(mounts.mayTouch('/net/a/model')).toBe(false)
    expect(mounts.silent()).toHaveLength(1)
    const looks = async (count: number): Promise<number> => {
      const before = asked.length
      for (let look = 0; look < count; look += 1) {
        clock.ms += 10_000
        await mounts.ask(never)
        mounts.mayTouch('/net/a/model')
      }
      return asked.length - before
    }
    expect(await looks(6)).toBe(1)
    expect(await looks(12)).toBe(1)
    expect(await looks(12)).toBe(0)
    answers.add('/net/a')
    expect(await looks(12)).toBeGreaterThanOrEqual(1)
    expect(mounts.mayTouch('/net/a/model')).toBe(true)
  })

  it('that are made by being touched are never asked', async () => {
    const { mounts, asked } = mountsOf(line('/net', 'autofs'), new Set(['/net']))
    mounts.mayTouch('/net/host/model')
    await mounts.ask(never)
    expect(mounts.mayTouch('/net/host/model')).toBe(false)
    expect(asked).toEqual([])
  })

  it('are looked for in a text of mappings by where they begin', () => {
    const { mounts } = mountsOf(line('/net/a', 'nfs4'), new Set())
    expect(mounts.isNamedIn('7f00-7f01 r-xp 00000000 00:28 3    /net/a/runner')).toBe(true)
    expect(mounts.isNamedIn('7f00-7f01 r-xp 00000000 00:28 3    /opt/net/a/runner')).toBe(false)
  })
})
