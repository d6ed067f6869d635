// Pickles that ask for endless work: each ends at a bound, what was not looked at is never clean, and ordinary large ones stay clean.
import { describe, expect, it } from '@jest/globals'
import { gzipSync } from 'node:zlib'
import { buildPickle, opcodes } from '../../../build-pickle.ts'
import { keepGravest } from '../../../../rules/gravest-actions.ts'
import { judgeThreats } from '../../../../rules/judge-threats.ts'
import { realPack } from '../../../rules/real-pack.ts'
import { judgeContainer } from './judge-container.ts'
import { judgePickle } from './judge-pickle.ts'

const raw = (text: string): Buffer => Buffer.from(text, 'latin1')
const repeated = (text: string, count: number): Buffer => Buffer.alloc(text.length * count, text, 'latin1')
const sized = (bytes: Buffer): Buffer => {
  const head = Buffer.alloc(5, 'B')
  head.writeUInt32LE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}
/** Runs `id` where it is loaded. */
const ACTING = buildPickle({ call: 'os.system', args: ['id'] })
/** What of memory and time a whole run of jest allows; bounds are steps and bytes, and no clock. */
const PATIENCE_MS = 120_000

describe('a flood', () => {
  it.each<readonly [what: string, bytes: Buffer]>([
    ['of pickles in bytes', Buffer.concat([raw('\x80\x02]('), ...hiddenLists(40, 500_000), raw('e.')])],
    ['of places where a pickle may begin', Buffer.concat([raw('\0\x01'), repeated('\x80\x04]', 2_000_000)])],
    ['of names in lines', Buffer.concat([raw('\0\x01'), repeated('cabc\ndef\n(K\x01', 400_000)])],
    ['of values that wait', Buffer.concat([raw('\x80\x02]('), repeated('N', 1_100_000), raw('e.')])],
  ])(
    '%s ends and is not clean',
    async (_, bytes) => {
      const { verdict, scan } = await judgePickle(bytes, 'flood.pkl')

      expect(scan.isWhole).toBe(false)
      expect(verdict).toBe('suspicious')
    },
    PATIENCE_MS,
  )

  it(
    'of calls hides no call that comes after it',
    async () => {
      const flood = repeated('ccollections\nOrderedDict\n)R0', 400_000)
      const { verdict, scan } = await judgePickle(
        Buffer.concat([raw('\x80\x02'), flood, opcodes({ call: 'os.system', args: ['id'] }), raw('.')]),
      )

      expect(verdict).toBe('malicious')
      expect(scan.actions).toContainEqual(expect.objectContaining({ name: 'collections.OrderedDict', count: 400_000 }))
    },
    PATIENCE_MS,
  )

  it(
    'of tuples hides no arguments of a call behind it',
    async () => {
      const flood = Buffer.concat([
        repeated(')\x85\x85\x85', 300_000),
        raw('cbuiltins\ngetattr\ncos\nX\x06\0\0\0system\x86R'),
      ])
      const { verdict } = await judgePickle(Buffer.concat([raw('\x80\x02('), flood, raw('t.')]))

      expect(verdict).not.toBe('clean')
    },
    PATIENCE_MS,
  )

  it(
    'finds no names in a line without end, and is done with it at once',
    async () => {
      const { scan } = await judgePickle(Buffer.concat([raw('\0\x01'), repeated('c', 8_000_000)]), 'flood.pkl')

      expect(scan.actions).toEqual([])
    },
    PATIENCE_MS,
  )
})

it('finds a pickle of lines behind letters', async () => {
  const { verdict } = await judgePickle(raw('\0\x01!(cos\nsystem\n(Vid\ntR.'), 'junk.pkl')

  expect(verdict).toBe('malicious')
})

describe('a large ordinary pickle', () => {
  it(
    'of half a million named numbers and thousands of arrays is clean',
    async () => {
      const entries = Array.from({ length: 500_000 }, (_, index) => {
        const name = Buffer.from(`feature_${index}`)
        return Buffer.concat([Buffer.from([0x8c, name.length]), name, raw('\x94G@\x09\x21\xfb\x54\x44\x2d\x18')])
      })
      const array = Buffer.concat([
        raw('cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01M\0\x01\x85'),
        raw('cnumpy\ndtype\n\x8c\x02f8\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89'),
        sized(Buffer.alloc(2_048, 1)),
        raw('tb'),
      ])
      const arrays = Array.from({ length: 4_000 }, () => array)
      const bytes = Buffer.concat([raw('\x80\x04}\x94('), ...entries, raw('\x8c\x04arrs]('), ...arrays, raw('eu.')])

      expect(await judgePickle(bytes)).toMatchObject({ verdict: 'clean', threats: [] })
    },
    PATIENCE_MS,
  )

  it('keeps None in its memo', async () => {
    expect(await judgePickle(raw('\x80\x02](Nq\x01h\x01h\x01e.'))).toMatchObject({ verdict: 'clean' })
  })
})

describe('more different actions than an artifact may have', () => {
  const names = Array.from({ length: 600 }, (_, index) => ({ call: `my.lib.f${index}`, args: [] }))
  const bytes = buildPickle([...names, { call: 'os.system', args: ['id'] }])

  it('hide none that rules speak of', async () => {
    const { verdict, scan } = await judgePickle(bytes)
    const told = keepGravest(scan, realPack.threats)

    expect(verdict).toBe('malicious')
    expect(scan.actions.length).toBeGreaterThan(600)
    expect(told.actions).toHaveLength(256)
    expect(told.actions[0]).toMatchObject({ name: 'os.system' })
    expect(judgeThreats(told, 'unchecked', realPack).verdict).toBe('malicious')
  })

  it('are suspicious where rules know nothing of them, and the cut is told', async () => {
    const { scan } = await judgePickle(buildPickle(names))
    const told = keepGravest(scan, realPack.threats)

    expect(told).toMatchObject({ isWhole: false })
    expect(judgeThreats(told, 'unchecked', realPack).verdict).toBe('suspicious')
  })

  it('are left as they are where there are few', async () => {
    const { scan } = await judgePickle(buildPickle(names.slice(0, 3)))

    expect(keepGravest(scan, realPack.threats)).toBe(scan)
  })
})

describe('a packed dump that is cut or damaged', () => {
  // Made once by hand: `python3 -c "import bz2; print(bz2.compress(b'…').hex())"`; a block of bzip2 gives nothing where it is cut.
  const bzip2 = Buffer.from('425a6839314159265359fb5dc9a00000031f80504010100a0054', 'hex')

  it.each<readonly [what: string, name: string, bytes: Buffer]>([
    ['bzip2 in its first block', 'model.joblib', bzip2],
    ['gzip in its header', 'model.pkl.gz', gzipSync(ACTING).subarray(0, 12)],
    ['zlib that gives nothing', 'model.joblib', Buffer.from('789cffffffffffffffffffffffff', 'hex')],
  ])('%s is suspicious', async (_, name, bytes) => {
    expect(await judgeContainer(bytes, name)).toMatchObject({ verdict: 'suspicious', isWhole: false })
  })

  it('is scanned as far as it goes', async () => {
    const random = Buffer.from(
      Array.from({ length: 90_000 }, (_, index) => (index * index * 31 + index * 7 + (index >> 3)) & 0xff),
    )
    const whole = gzipSync(
      Buffer.concat([raw('\x80\x02]('), opcodes({ call: 'os.system', args: ['id'] }), sized(random), raw('e.')]),
    )
    const damaged = Buffer.concat([whole.subarray(0, whole.length - 40), Buffer.alloc(40, 0xff)])
    const found = await judgeContainer(damaged, 'model.joblib')

    expect(found).toMatchObject({ isWhole: false })
    expect(found.names).toContain('os.system')
  })
})

/** Lists of small numbers, each a pickle of its own. */
function hiddenLists(count: number, length: number): readonly Buffer[] {
  const inner = sized(Buffer.concat([raw('\x80\x02]('), repeated('K\x01', length), raw('e.')]))
  return Array.from({ length: count }, () => inner)
}
