// What real libraries write, in the shapes in which their files were seen (docs/threats.md, Real files tried): each is clean, and the
// same shape with another name in it is not.
import { describe, expect, it } from '@jest/globals'
import { type Py, buildPickle, buildTorchLegacy, joblibArray, opcodes } from '../../../build-pickle.ts'
import { judgePickle } from './judge-pickle.ts'

const call = (name: string, ...args: readonly Py[]): Py => ({ call: name, args })
const made = (name: string): Py => ({ newobj: name, state: new Map<Py, Py>([['a', 1]]) })
const named = (name: string): Py => ({ global: name })
const verdictOf = async (value: Py): Promise<string> => (await judgePickle(buildPickle(value))).verdict

function raw(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** What a call gives, called: `getattr(owner, member)(…)`. */
function reached(owner: string, member: string, ...args: readonly Py[]): Buffer {
  const getter = opcodes(call('builtins.getattr', named(owner), member))
  return Buffer.concat([raw('\x80\x02'), getter, opcodes({ tuple: args }), raw('R.')])
}

/** A checkpoint of torch.save before 1.6 that keeps a class behind a reference, with its source. */
function legacyModule(name: string): Buffer {
  const reference: Py = { persistent: { tuple: ['module', named(name), 'linear.py', 'class Linear(Module):'] } }
  const body = Buffer.concat([raw('\x80\x02'), opcodes(reference), raw(')R.')])
  const shell = buildTorchLegacy({ value: null, keys: [], storages: [] })
  const empty = buildPickle(null)
  const at = shell.indexOf(empty)
  return Buffer.concat([shell.subarray(0, at), body, shell.subarray(at + empty.length)])
}

/** joblib's dump of objects: a wrapper, and behind it a pickle that counts its memo anew. */
function joblibObjects(first: string, second: string): Buffer {
  const wrapper = joblibArray('O', [1], raw(''))
  const outer = (text: string): Buffer =>
    Buffer.concat([raw('\x8c'), Buffer.from([text.length]), raw(text), Buffer.from([0x94])])
  // The builder writes into places 0 and 1 of the memo itself.
  const inner = Buffer.concat([
    raw('\x80\x04'),
    ...['x', 'y', 'collections', 'OrderedDict'].map(outer),
    raw('h\x02h\x03\x93)R.'),
  ])
  const cut = wrapper.subarray(0, wrapper.length - 3)
  return Buffer.concat([raw('\x80\x04]('), ...['x', 'y', first, second].map(outer), cut, inner, raw('e.')])
}

/** joblib before 1.1 pads nothing, so that an array of no numbers has no bytes at all. */
function withoutAlignment(bytes: Buffer): Buffer {
  const name = Buffer.from('numpy_array_alignment_bytes')
  const at = bytes.indexOf(name)
  return Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from('numpy_array_alignment_bytez'),
    bytes.subarray(at + name.length),
  ])
}

describe('what libraries write', () => {
  it.each<readonly [name: string, value: Py]>([
    ['a time zone', call('pandas._libs.tslibs.timestamps._unpickle_timestamp', 0, null, null)],
    ['pandas 3', call('pandas.StringDtype', 'pyarrow', 0)],
    ['a column of Arrow', call('pyarrow.lib.py_buffer', Buffer.from('ab'))],
    ['compiled fields of pandas', call('pandas._libs.interval.__pyx_unpickle_IntervalMixin', 1, 238_750_788, null)],
    ['losses of scikit-learn', call('sklearn._loss._loss.CyHalfTweedieLossIdentity', 0)],
    ['filters of statsmodels', call('statsmodels.tsa.statespace._representation.dStatespace', 1, 2)],
    ['counts of nltk', call('nltk.probability.FreqDist', new Map<Py, Py>([['a', 1]]))],
    ['taggers of nltk', made('nltk.tag.sequential.UnigramTagger')],
    ['solutions of SciPy', made('scipy.optimize._optimize.OptimizeResult')],
    [
      'a method of an interpolation',
      call('builtins.getattr', named('scipy.interpolate._interpolate.interp1d'), '_call_linear'),
    ],
    ['data of xarray', made('xarray.core.dataarray.DataArray')],
    ['graphs of torch_geometric', made('torch_geometric.data.data.Data')],
    ['packed layers of PyTorch', made('torch.ScriptObject')],
    ['an activation of PyTorch', [named('torch._C._nn.gelu')]],
    ['a maximum of PyTorch', call('torch.return_types.max', { tuple: [1, 2] })],
    ['arrays in dill', call('dill._dill._create_array', named('numpy._core.multiarray._reconstruct'), { tuple: [] })],
    ['a signature', call('inspect.Parameter', 'x', call('inspect._ParameterKind', 1))],
    ['the type of a parameter', call('_operator.getitem', named('typing.Union'), { tuple: [named('builtins.int')] })],
    ['int | str', call('functools.reduce', named('_operator.or_'), { tuple: [named('builtins.int')] })],
    ['an iterator', call('builtins.iter', [1])],
    ['an address', call('urllib.parse.ParseResult', 'http', 'a', '', '', '', '')],
    ['an address of a host', call('ipaddress.IPv4Address', 167_772_161)],
    ['a family of sockets', call('socket.AddressFamily', 2)],
    ['a family of sockets by its name', [named('socket.AF_INET')]],
    ['a member of an enum', call('builtins.getattr', named('transformers.trainer_utils.IntervalStrategy'), 'STEPS')],
    ['a method of texts', call('builtins.getattr', named('builtins.str'), 'lower')],
    ['a ufunc', call('numpy.core._ufunc_reconstruct', 'numpy.core._multiarray_umath', 'exp')],
    ['a pure path of Python 3.13', call('pathlib._local.PurePosixPath', 'a')],
  ])('is clean: %s', async (_, value) => {
    expect(await verdictOf(value)).toBe('clean')
  })

  it.each<readonly [name: string, value: Py, verdict: string]>([
    ['a function of nltk', call('nltk.data.load', 'x'), 'malicious'],
    ['a file of Arrow', call('pyarrow.lib.memory_map', 'x'), 'suspicious'],
    ['an iterator over calls', call('builtins.iter', named('some_lab.f'), 1), 'suspicious'],
    ['a text as a type', call('_operator.getitem', named('typing.Union'), 'os.system'), 'suspicious'],
    ['another function in dill', call('dill._dill._create_array', named('some_lab.f'), { tuple: [] }), 'suspicious'],
    ['another function in a chain', call('functools.reduce', named('builtins.eval'), { tuple: ['1'] }), 'malicious'],
    ['a socket', call('socket.socket', 2), 'malicious'],
    ['another module of a ufunc', call('numpy.core._ufunc_reconstruct', 'os', 'system'), 'malicious'],
    ['Python behind an enum', call('builtins.getattr', named('re.RegexFlag'), '__init_subclass__'), 'malicious'],
    ['an address that is opened', call('urllib.request.urlopen', 'http://192.0.2.1/'), 'malicious'],
  ])('is not clean with another name in it: %s', async (_, value, verdict) => {
    expect(await verdictOf(value)).toBe(verdict)
  })

  it('calls a time zone that is made again clean, a model of Keras suspicious, and any other reach malicious', async () => {
    const judged = [
      reached('zoneinfo.ZoneInfo', '_unpickle', 'Europe/Berlin', 1),
      reached('keras.src.models.sequential.Sequential', '_unpickle_model', null),
      reached('zoneinfo.sys', 'exit', 1),
    ].map(async (bytes) => (await judgePickle(bytes)).verdict)

    expect(await Promise.all(judged)).toEqual(['clean', 'suspicious', 'malicious'])
  })

  it('takes a class of PyTorch behind a reference for that class, and nothing else for one', async () => {
    expect(await judgePickle(legacyModule('torch.nn.modules.linear.Linear'))).toMatchObject({ tricks: [] })
    expect((await judgePickle(legacyModule('__main__.Net'))).threats).toEqual(['python-unknown-name'])
    expect((await judgePickle(legacyModule('os.system'))).verdict).toBe('malicious')
  })

  it('takes an attribute that is fetched and dropped for nothing, and a call that is dropped for its effect', async () => {
    const dropped = (value: Py): Buffer => Buffer.concat([raw('\x80\x02'), opcodes(value), raw('0N.')])
    const fetched = call('builtins.getattr', made('torch.optim.lr_scheduler.OneCycleLR'), '_annealing_cos')

    expect((await judgePickle(dropped(fetched))).verdict).toBe('clean')
    expect((await judgePickle(dropped(call('collections.OrderedDict')))).threats).toEqual(['pickle-drops-results'])
  })

  it('sees no hidden bytes in an array of none', async () => {
    const empty = joblibArray('f8', [0], raw(''))
    const old = empty.subarray(0, empty.length - 3)
    const bytes = Buffer.concat([raw('\x80\x04]('), old, opcodes(call('collections.OrderedDict')), raw('e.')])

    expect((await judgePickle(withoutAlignment(bytes), 'm.joblib')).tricks).toEqual([])
  })

  it('reads objects of joblib as other programs do, and tells of that only what is known', async () => {
    expect(await judgePickle(joblibObjects('sklearn.base', 'scalar'), 'm.joblib')).toMatchObject({ verdict: 'clean' })
    expect(await judgePickle(joblibObjects('os', 'system'), 'm.joblib')).toMatchObject({ verdict: 'malicious' })
  })
})
