// Every published way past a scanner of pickles, row by row of notes/corpora.md section 5: each payload is built here, never run, and
// must be malicious.
import { describe, expect, it } from '@jest/globals'
import { judgePickle } from './judge-pickle.ts'
import { type Py, buildPickle, frameOf, opcodes } from '../../../build-pickle.ts'

/** GHSA of picklescan: the names that were allowed. */
const PICKLESCAN: readonly (readonly [advisory: string, names: readonly string[]])[] = [
  [
    '3gf5-cxq9-w223, j343-8v2j-ff7w',
    ['idlelib.pyshell.ModifiedInterpreter.runcode', 'idlelib.pyshell.ModifiedInterpreter.runcommand'],
  ],
  ['3vg9-h568-4w9m, m869-42cg-3xwr', ['idlelib.debugobj.ObjectTreeItem.SetText', 'idlelib.run.Executive.runcode']],
  [
    '6w4w-5w54-rjvr, 7cq8-mj8x-j263',
    ['idlelib.autocomplete.AutoComplete.get_entity', 'idlelib.autocomplete.AutoComplete.fetch_completions'],
  ],
  ['8r4j-24qv-fmq9, 9xph-j2h6-g47v', ['idlelib.calltip.Calltip.fetch_tip', 'idlelib.calltip.get_entity']],
  ['4675-36f9-wf6r', ['ctypes.CDLL']],
  ['49gj-c84q-6qm9, 9w88-8rmg-7g2p', ['cProfile.run', 'cProfile.runctx']],
  ['7wx9-6375-f5wh, x696-vm39-cp64, 6vqj-c2q5-j97w', ['profile.run', 'profile.Profile.run', 'profile.Profile.runctx']],
  ['5qwp-399c-mjwf, g344-hcph-8vgg', ['trace.Trace.run', 'trace.Trace.runctx']],
  [
    '4r9r-ch6f-vxmx, 4whj-rm5r-c2v8',
    ['torch.utils.bottleneck.__main__.run_cprofile', 'torch.utils.bottleneck.__main__.run_autograd_prof'],
  ],
  ['86cj-95qr-2p4f', ['torch._dynamo.guards.GuardBuilder.get']],
  ['f4x7-rfwp-v3xw', ['torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression']],
  ['f745-w6jp-hpxx, jhph-76pp-mggw', ['torch.utils.collect_env.run', 'torch.utils.collect_env.run_and_read_all']],
  ['h3qp-7fh3-f8h4', ['torch.utils.data.datapipes.utils.decoder.basichandlers']],
  [
    'vr7h-p6mm-wpmh, vv6j-3g6g-2pvj',
    ['torch.jit.unsupported_tensor_ops.execWrapper', 'torch.utils._config_module.ConfigModule.load_config'],
  ],
  ['cj3c-v495-4xqh', ['code.InteractiveInterpreter.runcode']],
  ['fqq6-7vqf-w3fg', ['doctest.debug_script']],
  [
    'f54q-57x4-jg88, p9w7-82w4-7q8m',
    ['lib2to3.pgen2.grammar.Grammar.loads', 'lib2to3.pgen2.pgen.ParserGenerator.make_label'],
  ],
  ['xp4f-hrf8-rxw7, vqmv-47xg-9wpr', ['ensurepip._run_pip', 'pty.spawn']],
  ['jgw4-cr84-mqxg, q77w-mwjj-7mqx', ['asyncio.unix_events._UnixSubprocessTransport._start']],
  ['m273-6v24-x4m4', ['distutils.file_util.write_file']],
  ['r8g5-cgf2-4m4m', ['numpy.f2py.crackfortran.getlincoef']],
  ['vvpj-8cmc-gx39', ['pkgutil.resolve_name']],
  [
    'g38g-8gr9-h9xp',
    [
      'uuid._get_command_stdout',
      '_osx_support._read_output',
      '_aix_support._read_cmd_output',
      'imaplib.IMAP4_stream',
      '_pyrepl.pager.pipe_pager',
      'test.support.script_helper.assert_python_ok',
    ],
  ],
  ['CVE-2025-1716', ['pip.main', 'pip._internal.main']],
  ['CVE-2025-10157', ['asyncio.unix_events.submodule.run', 'torch.jit.submodule.compile']],
]

/** Advisories of fickling. */
const FICKLING: readonly (readonly [advisory: string, names: readonly string[]])[] = [
  ['r7v6-mfhq-g3m2', ['pty.spawn']],
  ['565g-hwwr-4pp3', ['marshal.loads', 'types.FunctionType']],
  [
    'wfq2-52f7-7qvj, q5qq-mvfm-j35x',
    ['runpy.run_path', 'importlib.import_module', 'code.interact', 'multiprocessing.util.spawnv_passfds'],
  ],
  ['p523-jq9w-64x9', ['cProfile.run']],
  ['5hvc-6wx8-mvv4', ['ctypes.CDLL', 'pydoc.locate']],
  ['h4rm-mm56-xf63', ['builtins.__import__', 'builtins.eval']],
  ['f7qq-56ww-84cr', ['asyncio.create_subprocess_shell', 'asyncio.run']],
  ['5hwf-rc88-82xm', ['uuid._get_command_stdout', '_aix_support._read_cmd_output', '_osx_support._read_output']],
  ['6ggj-6f2q-f7mx', ['_xxsubinterpreters.run_string', '_interpreters.exec']],
  ['m6fh-58r7-x697', ['_posixsubprocess.fork_exec', 'site.execsitecustomize', 'atexit.register']],
]

const rows = [...PICKLESCAN, ...FICKLING].flatMap(([advisory, names]) => names.map((name) => ({ advisory, name })))

/** GLOBAL splits at the last dot, STACK_GLOBAL wherever the module ends: classes take their methods with them. */
function stackCall(name: string): Buffer {
  const parts = name.split('.')
  const first = parts.findIndex((part) => /^[A-Z_]*[A-Z]/.test(part))
  const at = first > 0 ? first : parts.length - 1
  const texts = [parts.slice(0, at).join('.'), parts.slice(at).join('.')].map((text) => opcodes(text))
  return Buffer.concat([
    Buffer.from([0x80, 4]),
    ...texts,
    Buffer.from([0x93]),
    opcodes({ tuple: ['x'] }),
    Buffer.from('R.'),
  ])
}

describe('advisories of scanners of pickles', () => {
  it.each(rows)('finds $name of $advisory', async ({ name }) => {
    const call: Py = { call: name, args: ['x'] }
    for (const bytes of [buildPickle(call, { protocol: 0 }), buildPickle(call), stackCall(name)]) {
      expect(await judgePickle(bytes)).toMatchObject({ verdict: 'malicious' })
    }
  })

  it.each(['attrgetter', 'methodcaller'])(
    'finds _operator.%s over builtins.__import__ (46h3-79wf-xr6c, 955r-x9j8-7rhh)',
    async (maker) => {
      const bytes = Buffer.concat([
        opcodes({ call: `_operator.${maker}`, args: ['system'] }, true),
        opcodes({ tuple: [{ call: 'builtins.__import__', args: ['os'] }] }, true),
        Buffer.from('R.'),
      ])
      const { verdict, scan } = await judgePickle(bytes)
      expect(verdict).toBe('malicious')
      expect(scan.actions.map(({ name }) => name)).toContain('builtins.__import__')
    },
  )

  it('finds what operator.methodcaller does with pydoc.locate (84r2-jw7c-4r5q)', async () => {
    const bytes = Buffer.concat([
      opcodes({ call: 'operator.methodcaller', args: ['system', 'id'] }, true),
      opcodes({ tuple: [{ call: 'pydoc.locate', args: ['os'] }] }, true),
      Buffer.from('R.'),
    ])
    const { verdict, scan } = await judgePickle(bytes)
    expect(verdict).toBe('malicious')
    expect(scan.actions.find(({ name }) => name === 'os.system')?.shown).toContain('pydoc.locate')
  })

  it('sees a call by OBJ whose result is dropped (mxhj-88fx-4pcv)', async () => {
    const bytes = Buffer.from("(cos\nsystem\nS'id'\no0N.", 'latin1')
    expect(await judgePickle(bytes)).toMatchObject({ verdict: 'malicious' })
    const harmless = await judgePickle(Buffer.from("(cmy\nthing\nS'id'\no0N.", 'latin1'))
    expect(harmless.scan.actions.map(({ name }) => name)).toContain('dropped-result')
  })

  it('sees attributes behind another module (5j3x-jp52-966f)', async () => {
    const bytes = Buffer.concat([
      Buffer.from([0x80, 4]),
      opcodes('linecache'),
      opcodes('os.system'),
      Buffer.from([0x93]),
      opcodes({ tuple: ['id'] }),
      Buffer.from('R.'),
    ])
    expect(await judgePickle(bytes)).toMatchObject({ verdict: 'malicious' })
    const hidden = Buffer.from(bytes.toString('latin1').replace('linecache', 'tokenizzz'), 'latin1')
    expect(await judgePickle(hidden)).toMatchObject({ verdict: 'malicious' })
  })

  it('is not led by a name that shadows one of the allow list (cffv-grgg-g429)', async () => {
    expect(
      await judgePickle(buildPickle({ call: 'collections.OrderedDict.__init__.__globals__', args: [] })),
    ).toMatchObject({
      verdict: 'malicious',
    })
    expect(await judgePickle(buildPickle({ call: 'collections_.OrderedDict', args: [] }))).toMatchObject({
      verdict: 'suspicious',
    })
  })

  it('tells frames that nest or straddle (python/cpython#154848)', async () => {
    const bytes = Buffer.concat([
      Buffer.from([0x80, 4]),
      frameOf(20),
      frameOf(2),
      Buffer.from('K\x01K\x010.', 'latin1'),
    ])
    const { verdict, scan } = await judgePickle(bytes)
    expect(verdict).not.toBe('clean')
    expect(scan.actions.map(({ name }) => name)).toContain('frame-bounds')
  })

  it('sees what ran before the stream breaks (nullifAI)', async () => {
    const bytes = buildPickle({ call: 'posix.system', args: ['id'] }, { end: Buffer.from([0xff, 0xff]) })
    const { verdict, scan } = await judgePickle(bytes)
    expect(verdict).toBe('malicious')
    expect(scan.actions.map(({ name }) => name)).toContain('break-after-call')
  })
})
