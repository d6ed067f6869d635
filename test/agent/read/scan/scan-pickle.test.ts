// What the scan of pickles tells of ordinary files, and of the tricks that nobody has published an advisory for.
import { describe, expect, it } from '@jest/globals'
import { Cursor, memoryBytes } from '../../../../agent/read/cursor.ts'
import { huntPickles } from '../../../../agent/read/scan/find-pickles.ts'
import { listOpcodes } from '../../../../agent/read/scan/list-opcodes.ts'
import {
  type Py,
  buildJoblib,
  buildPickle,
  buildTorchLegacy,
  joblibArray,
  linearState,
  numpyArray,
  opcodes,
  orderedDict,
} from '../../../build-pickle.ts'
import { judgeThreats } from '../../../../rules/judge-threats.ts'
import { realPack } from '../../../rules/real-pack.ts'
import { judgePickle } from './judge-pickle.ts'

const SYSTEM: Py = { call: 'os.system', args: ['id'] }
const evil = buildPickle(SYSTEM)

function raw(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Something in a list, so that the pickle goes on behind it. */
function inList(...bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat([raw('\x80\x04]('), ...bodies, raw('e.')])
}

/** A joblib array whose length of filling, 41, is an opcode as well, as is all of its filling. */
function deceiving(): Buffer {
  const array = joblibArray('u1', [4], raw('NNN.'))
  const wrapper = array.subarray(0, array.length - 7)
  return Buffer.concat([
    wrapper,
    raw(')'),
    Buffer.concat([opcodes(SYSTEM), raw('N'.repeat(41))]).subarray(0, 41),
    raw('NNN.'),
  ])
}

describe('ordinary pickles', () => {
  const legacy = buildTorchLegacy({
    value: orderedDict(linearState()),
    keys: ['0', '1'],
    storages: [
      { elements: 12, bytes: 48 },
      { elements: 3, bytes: 12 },
    ],
  })
  const estimator: Py = {
    newobj: 'sklearn.linear_model._logistic.LogisticRegression',
    state: new Map<Py, Py>([['coef_', numpyArray('f8', [2], new Uint8Array(16))]]),
  }
  it.each([
    ['plain values', buildPickle(new Map<Py, Py>([['a', [1, 2.5, 'text', null, true]]]))],
    [
      'text of protocol 0',
      buildPickle(new Map<Py, Py>([['a', ['import os; os.system("id")', 'eval(x)']]]), { protocol: 0 }),
    ],
    ['an array', buildPickle(numpyArray('f4', [3], new Uint8Array(12)))],
    ['an estimator', buildPickle(estimator)],
    [
      'a joblib dump',
      buildJoblib([joblibArray('f4', [4], new Uint8Array(16)), joblibArray('f8', [1], new Uint8Array(8))]),
    ],
    ['a checkpoint of five pickles', legacy],
    ['two pickles', Buffer.concat([buildPickle([1, 2]), buildPickle('end')])],
    [
      'values of Python',
      buildPickle([
        { call: 'builtins.set', args: [[1]] },
        { call: 'decimal.Decimal', args: ['1.5'] },
      ]),
    ],
  ])('finds %s clean', async (_name, bytes) => {
    expect(await judgePickle(bytes)).toMatchObject({ verdict: 'clean', threats: [] })
  })
})

describe('calls', () => {
  it('shows them as a developer would write them', async () => {
    const { scan } = await judgePickle(evil)
    expect(scan.actions).toEqual([
      expect.objectContaining({
        kind: 'python-name',
        name: 'os.system',
        shown: "os.system('id')",
        at: expect.any(Number),
      }),
    ])
  })

  it('follows getattr over imported modules', async () => {
    const reached: Py = { call: 'builtins.getattr', args: [{ call: 'builtins.__import__', args: ['os'] }, 'system'] }
    const bytes = Buffer.concat([raw('\x80\x02'), opcodes(reached), opcodes({ tuple: ['id'] }), raw('R.')])
    const { scan, tricks } = await judgePickle(bytes)
    const named = scan.actions.find(({ name }) => name === 'os.system')
    expect(named?.shown).toBe("builtins.getattr(builtins.__import__('os'), 'system')('id')")
    expect(tricks).toContain('attribute-chain')
  })

  it('knows a module by sys.modules, and a function by partial', async () => {
    const module: Py = { call: 'operator.getitem', args: [{ global: 'sys.modules' }, 'os'] }
    const reached: Py = { call: 'builtins.getattr', args: [module, 'popen'] }
    const bytes = Buffer.concat([raw('\x80\x02'), opcodes(reached), opcodes({ tuple: ['id'] }), raw('R.')])
    expect((await judgePickle(bytes)).scan.actions.map(({ name }) => name)).toContain('os.popen')
  })

  it('masks keys in what is shown', async () => {
    const { scan } = await judgePickle(buildPickle({ call: 'my.Client', args: ['sk-abcdefghijklmnopqrstuvwx'] }))
    expect(scan.actions[0]?.shown).toBe("my.Client('sk-…')")
  })

  it('says suspicious of what no entry knows, and of a base that is no plain one', async () => {
    expect(await judgePickle(buildPickle({ call: 'my.thing', args: [] }))).toMatchObject({ verdict: 'suspicious' })
    const base: Py = {
      call: 'copyreg._reconstructor',
      args: [{ global: 'collections.OrderedDict' }, { global: 'my.Base' }, null],
    }
    expect(await judgePickle(buildPickle(base))).toMatchObject({ verdict: 'suspicious' })
  })

  it.each<readonly [why: string, by: string, args: readonly Py[]]>([
    ['tensor types', 'torch._tensor._rebuild_from_type_v2', [{ global: 'sklearn.utils.run' }, null, { tuple: ['x'] }]],
    ['arrays of JAX', 'jax._src.array._reconstruct_array', [{ global: 'sklearn.utils.run' }, { tuple: ['x'] }, null]],
    ['random states', 'numpy.random._pickle.__randomstate_ctor', ['x', { global: 'sklearn.utils.run' }]],
    ['fields', 'torch._utils._set_obj_state', [{ global: 'torch.nn.Module' }, new Map([['forward', 1]])]],
  ])('sees what rebuilders of %s call or change for the file', async (_, by, args) => {
    expect((await judgePickle(buildPickle({ call: by, args }))).verdict).toBe('suspicious')
  })

  it('lets rebuilders call what the libraries give them', async () => {
    const ctor: Py = { global: 'numpy.random._pickle.__bit_generator_ctor' }
    const state: Py = { call: 'numpy.random._pickle.__randomstate_ctor', args: ['MT19937', ctor] }
    expect(await judgePickle(buildPickle(state))).toMatchObject({ verdict: 'clean', threats: [] })
  })

  it('sees functions that an object gets as the methods that the opcodes call', async () => {
    const hooked = (value: Py): Buffer =>
      buildPickle({ newobj: 'sklearn.base.BaseEstimator', state: new Map<Py, Py>([['append', value]]) })
    const { verdict, tricks } = await judgePickle(hooked({ global: 'transformers.pipeline' }))
    expect({ verdict, tricks }).toEqual({ verdict: 'suspicious', tricks: ['state-sets-hook'] })
    expect((await judgePickle(hooked(true))).verdict).toBe('clean')
  })

  it('says suspicious of constructors that are asked for too much', async () => {
    const bytes = buildPickle({ call: 'builtins.bytearray', args: [2 ** 40] })
    expect(await judgePickle(bytes)).toMatchObject({ verdict: 'suspicious' })
  })
})

describe('tricks', () => {
  it.each([
    ['computed-name', inList(opcodes('os'), raw('N\x93'))],
    ['extension-code', raw('\x80\x02\x82\x05)R.')],
    ['persistent-id', buildPickle({ persistent: 'http://host/object' })],
    ['protocol-mix', Buffer.concat([raw('\x80\x02]\x80\x04'), raw('.')])],
    ['odd-name', buildPickle({ call: 'оs.system', args: [] })],
    ['bytes-behind', Buffer.concat([buildPickle([1]), Buffer.from('these are just words behind the end')])],
    ['hidden-pickle', Buffer.concat([buildPickle([1]), Buffer.from('\0\0junk\0'), evil])],
    ['nested-pickle', buildPickle([evil.toString('base64')])],
    ['state-on-name', Buffer.concat([raw('\x80\x02'), opcodes({ global: 'json.decoder' }), raw('}b.')])],
    ['growth', raw(`\x80\x02${'('.repeat(12)}U\x03lol${`${'2'.repeat(9)}l`.repeat(12)}.`)],
    ['growth', raw('\x80\x02]r\xff\xff\xff\x7f.')],
  ])('tells %s', async (trick, bytes) => {
    const { verdict, tricks } = await judgePickle(bytes)
    expect(tricks).toContain(trick)
    expect(['suspicious', 'malicious']).toContain(verdict)
  })

  it.each([
    ['behind junk', Buffer.concat([Buffer.from('PK-not-a-zip\n'), evil])],
    ['behind the end', Buffer.concat([buildPickle([1]), evil])],
    ['behind a break', Buffer.concat([raw('\x80\x04]\xff\xff'), evil])],
    ['in bytes', buildPickle([evil])],
    ['in text', buildPickle([evil.toString('hex')])],
    ['in bytes in bytes', buildPickle([buildPickle([evil])])],
    ['among the filling of an array', buildJoblib([deceiving()])],
  ])('finds a call %s', async (_name, bytes) => {
    expect(await judgePickle(bytes)).toMatchObject({ verdict: 'malicious' })
  })

  it('reads on where Python reads numbers that we would not write', async () => {
    const bytes = Buffer.concat([raw('I0x10\n0]p 1_0 \n0'), opcodes(SYSTEM, true), raw('.')])
    expect(await judgePickle(bytes)).toMatchObject({ verdict: 'malicious' })
  })

  it('loses the detail of many uses, and never the use', async () => {
    const many = Array.from(
      { length: 40 },
      (_, index): Py => ({ call: '_codecs.encode', args: ['x', `codec${index}`] }),
    )
    const { scan, verdict } = await judgePickle(buildPickle(many))
    expect(scan.actions.length).toBeLessThan(20)
    expect(verdict).toBe('suspicious')
  })
})

describe('huntPickles', () => {
  it('walks a list of a hundred thousand names a few times, not once a name', () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `clib.m${index}\nf\n`).join('')
    const cursor = new Cursor(memoryBytes(Buffer.from(names)), { bytes: 1e9, steps: 400_000 })

    expect(huntPickles(cursor, 0)).toEqual({ found: [], isWhole: false })
  })
})

describe('listOpcodes', () => {
  it('lists the opcodes around a byte', () => {
    const lines = listOpcodes(new Cursor(memoryBytes(evil)), [evil.length - 2]).get(evil.length - 2) ?? []
    expect(lines.find((line) => line.startsWith('>'))).toContain(`${evil.length - 2}: REDUCE`)
    expect(lines.join('\n')).toContain('GLOBAL "os\\nsystem\\n"')
  })

  it('walks on over several pickles, and no further than what was asked for', () => {
    const behind = buildPickle(['a', 'b'])
    const both = Buffer.concat([behind, evil, Buffer.from('no opcodes')])
    const at = behind.length + evil.length - 2
    const listed = listOpcodes(new Cursor(memoryBytes(both)), [at, 0, at, both.length - 1])

    expect([...listed.keys()]).toEqual([0, at])
    expect(listed.get(0)?.[0]).toMatch(/^> +0: /)
    expect(listed.get(at)?.find((line) => line.startsWith('>'))).toContain('REDUCE')
  })

  it('stands with what is told', async () => {
    const { scan } = await judgePickle(evil)
    const [threat] = judgeThreats(scan, 'unchecked', realPack).threats

    expect(scan.actions[0]?.listing?.some((line) => line.startsWith('>'))).toBe(true)
    expect(threat?.places?.[0]?.listing).toEqual(scan.actions[0]?.listing)
  })
})
