import { describe, expect, it } from '@jest/globals'
import { type RuntimeFacts, activityOf, identifyRuntime } from '../../rules/identify-runtime.ts'
import { realPack } from './real-pack.ts'

function facts(some: Partial<RuntimeFacts>): RuntimeFacts {
  return {
    name: 'x',
    executablePath: null,
    commandLine: [],
    libraries: [],
    weights: [],
    listeners: [],
    parent: null,
    memory: null,
    ...some,
  }
}

const GGML = ['libllama.so', 'libggml.so', 'libggml-base.so', 'libggml-cpu-haswell.so']
const MAPPED = [{ how: 'mapped', format: 'gguf' }] as const
const OPEN = [{ how: 'open', format: 'gguf' }] as const
const port = (number: number, scope = 'loopback') => [{ port: number, scope }]

describe('ordinary processes are nobody', () => {
  it.each<[string, readonly string[], readonly string[], number]>([
    ['systemd', ['/sbin/init'], ['libsystemd-shared-252.so', 'libc.so.6'], 0],
    ['sshd', ['sshd:', '‹12 chars›'], ['libcrypto.so.3'], 22],
    ['postgres', ['/usr/lib/postgresql/15/bin/postgres', '-D', '‹22 chars›'], ['libpq.so.5'], 5432],
    ['mysqld', ['/usr/sbin/mysqld'], [], 3306],
    ['mongod', ['mongod', '--config', '‹16 chars›'], [], 27017],
    ['redis-server', ['redis-server', '127.0.0.1:6379'], [], 6379],
    ['clickhouse-serv', ['clickhouse-server', '‹40 chars›'], [], 9000],
    ['elasticsearch', ['/usr/share/elasticsearch/jdk/bin/java', '‹9 chars›'], ['libjvm.so'], 9200],
    ['nginx', ['nginx:', '‹14 chars›'], [], 8080],
    ['apache2', ['/usr/sbin/apache2', '-k', '‹5 chars›'], [], 80],
    ['caddy', ['caddy', 'run'], [], 8080],
    ['traefik', ['traefik'], [], 8000],
    ['prometheus', ['/usr/bin/prometheus'], [], 9090],
    ['grafana', ['grafana', 'server'], [], 3000],
    ['jenkins', ['/usr/bin/java', '-jar', '‹28 chars›'], ['libjvm.so'], 8080],
    ['dockerd', ['/usr/bin/dockerd', '-H', '‹5 chars›'], [], 0],
    ['containerd-shim', ['/usr/bin/containerd-shim-runc-v2', 'start'], [], 0],
    ['registry', ['registry', 'serve', '‹34 chars›'], [], 5000],
    ['chrome', ['/opt/google/chrome/chrome', '--type=renderer'], ['libffmpeg.so', 'libGLESv2.so', 'libnss3.so'], 0],
    [
      'firefox',
      ['/usr/lib/firefox/firefox', '-contentproc'],
      ['libxul.so', 'libmozinference.so', 'libonnxruntime.so.1'],
      0,
    ],
    ['code', ['/usr/share/code/code', '--type=utility'], ['libffmpeg.so', 'libvk_swiftshader.so'], 0],
    ['slack', ['/usr/lib/slack/slack'], ['libffmpeg.so'], 0],
    ['gnome-shell', ['/usr/bin/gnome-shell'], ['libgmodule-2.0.so.0', 'libglib-2.0.so.0', 'libgjs.so.0'], 0],
    ['Xorg', ['/usr/lib/xorg/Xorg', ':0'], ['libGL.so.1', 'libLLVM-15.so.1'], 0],
    ['gcc', ['gcc', '-c', '‹6 chars›', '-o', '‹6 chars›'], [], 0],
    ['cc1plus', ['/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus', '‹9 chars›'], ['libmpfr.so.6'], 0],
    ['clang', ['clang', '-c', '‹6 chars›'], ['libLLVM-15.so.1', 'libclang-cpp.so.15'], 0],
    ['rustc', ['rustc', '‹12 chars›'], ['librustc_driver-1.so', 'libLLVM.so'], 0],
    ['cargo', ['cargo', 'build'], [], 0],
    ['make', ['make', '-j8'], [], 0],
    ['git', ['git', 'commit', '-m', '‹31 chars›'], [], 0],
    ['vim', ['vim', '‹12 chars›'], ['libpython3.11.so.1.0'], 0],
    ['emacs', ['emacs', '‹12 chars›'], ['libgccjit.so.0'], 0],
    ['nano', ['nano', '‹12 chars›'], [], 0],
    ['less', ['less', '‹12 chars›'], [], 0],
    ['node', ['node', 'server.js', '--port', '3000'], ['libnode.so.108', 'better_sqlite3.node'], 3000],
    ['node', ['node', '--max-old-space-size=4096', '‹22 chars›'], ['sharp-linux-x64.node', 'libvips-cpp.so.42'], 8080],
    ['python3', ['python3', '-m', 'http.server', '8000'], ['libpython3.12.so.1.0'], 8000],
    [
      'python3',
      ['python3', '‹9 chars›'],
      ['_multiarray_umath.cpython-312.so', 'libopenblas64_p-r0.so', 'libgfortran.so.5'],
      0,
    ],
    ['python3', ['python3', '‹9 chars›'], ['libtorch_cpu.so', 'libtorch_python.so', 'libc10.so'], 0],
    ['python3', ['python3', 'manage.py', 'runserver'], [], 8000],
    ['uvicorn', ['/usr/bin/python3', '/usr/local/bin/uvicorn', '‹8 chars›', '--port', '8080'], [], 8080],
    ['gunicorn', ['/usr/bin/python3', '/usr/bin/gunicorn', '‹8 chars›'], [], 8000],
    ['jupyter-lab', ['/usr/bin/python3', '/usr/local/bin/jupyter-lab'], ['libzmq.so.5'], 8888],
    ['celery', ['/usr/bin/python3', '-m', 'celery', 'worker'], [], 0],
    ['ruby', ['ruby', '‹9 chars›'], ['libruby-3.1.so.3.1'], 3000],
    ['java', ['java', '-jar', '‹8 chars›', 'serve'], ['libjvm.so'], 8188],
    ['rsync', ['rsync', '-a', '‹22 chars›', '‹22 chars›'], [], 0],
    ['ffmpeg', ['ffmpeg', '-i', '‹9 chars›', '‹9 chars›'], ['libavcodec.so.59', 'libopenvino.so.2500'], 0],
    ['gimp', ['gimp'], ['libgegl-0.4.so.0', 'libmypaint-1.5.so.1'], 0],
    ['obs', ['obs'], ['libonnxruntime.so.1.20.0'], 0],
    ['perl', ['perl', '/usr/share/webmin/miniserv.pl'], [], 10000],
    ['chat', ['/usr/sbin/chat', '-v'], [], 0],
    ['server', ['./server', '--model', '‹8 chars›'], [], 8080],
    ['main', ['./main', '-m', '‹8 chars›'], [], 0],
  ])('%s %j', (name, commandLine, libraries, number) => {
    const listeners = number === 0 ? [] : port(number, 'any')
    const executablePath = commandLine[0]?.startsWith('/') === true ? commandLine[0] : `/usr/bin/${name}`

    const found = identifyRuntime(
      facts({ name, executablePath, commandLine, libraries, listeners, memory: { anonymousBytes: 4e9 } }),
      realPack,
    )

    expect(found).toBeNull()
  })

  it.each(realPack.runtimes.flatMap((entry) => entry.ports ?? []))(
    'nor does port %i name a product alone',
    (number) => {
      expect(identifyRuntime(facts({ name: 'notes', listeners: port(number, 'any') }), realPack)).toBeNull()
    },
  )
})

describe('a name alone never suffices', () => {
  const names = realPack.runtimes.flatMap((entry) =>
    entry.match.flatMap((rule) =>
      'field' in rule.when && rule.when.field === 'name' ? [rule.when.equals ?? []].flat().map(String) : [],
    ),
  )

  it('of all names that entries know, none is more than possible, also with the executable called so', () => {
    const sure = names.filter((name) => {
      const found = identifyRuntime(facts({ name, executablePath: `/usr/bin/${name}`, commandLine: [name] }), realPack)
      return found !== null && found.confidence !== 'possible'
    })

    expect(names.length).toBeGreaterThan(60)
    expect(sure).toEqual([])
  })
})

const TORCH = ['libtorch_cpu.so', 'libtorch_python.so', 'libc10.so']
const SAFETENSORS = [{ how: 'mapped', format: 'safetensors' }] as const

describe('PyTorch for Python', () => {
  it('beside mapped safetensors weights is likely inference, whatever the script is called', () => {
    const seen = facts({ name: 'notes', libraries: TORCH, weights: SAFETENSORS })
    const found = identifyRuntime(seen, realPack)

    expect(found).toMatchObject({ entryId: 'torch-engine', confidence: 'likely' })
    expect(activityOf(seen, found)).toBe('inference')
  })

  it('gives way to a product that is likely by evidence of its own', () => {
    const script = ['python3', '/home/a/ComfyUI/main.py']
    const seen = facts({ name: 'python3', commandLine: script, libraries: TORCH, weights: SAFETENSORS })

    expect(identifyRuntime(seen, realPack)).toMatchObject({ entryId: 'comfyui', confidence: 'likely' })
  })

  it('without weights says nothing', () => {
    expect(identifyRuntime(facts({ name: 'python3', libraries: TORCH }), realPack)).toBeNull()
  })
})

describe('who merely reads or holds weights is no inference', () => {
  it.each<[string, Partial<RuntimeFacts>]>([
    ['a copy', { name: 'cp', commandLine: ['cp', '‹31 chars›', '‹18 chars›'], weights: OPEN }],
    ['a backup that maps', { name: 'restic', commandLine: ['restic', '‹6 chars›'], weights: MAPPED }],
    ['a hex editor that maps', { name: 'hexedit', weights: MAPPED }],
    ['a web server that listens', { name: 'nginx', weights: OPEN, listeners: port(8080, 'any') }],
    ['a renamed program that maps and listens', { name: 'notes', weights: MAPPED, listeners: port(11434) }],
    ['Python with numpy', { name: 'python3', libraries: ['libopenblas.so.0'], weights: MAPPED }],
    ['a C++ program with PyTorch', { name: 'notes', libraries: ['libtorch_cpu.so'], weights: SAFETENSORS }],
    ['Python with PyTorch that maps a GGUF file', { name: 'python3', libraries: TORCH, weights: MAPPED }],
    [
      'a training run by its launcher',
      {
        name: 'python3',
        libraries: TORCH,
        weights: SAFETENSORS,
        parent: { name: 'torchrun', executablePath: null, entryId: null },
      },
    ],
    [
      'a training run by its module',
      { name: 'python3', commandLine: ['python3', '-m', 'axolotl.cli.train'], libraries: TORCH, weights: SAFETENSORS },
    ],
    [
      'the converter of llama.cpp',
      { name: 'llama-quantize', libraries: GGML, weights: MAPPED, memory: { anonymousBytes: 9e9 } },
    ],
    ['Ollama during a download', { name: 'ollama', commandLine: ['/usr/bin/ollama', 'serve'], weights: OPEN }],
  ])('%s', (_who, some) => {
    const seen = facts(some)
    const found = identifyRuntime(seen, realPack)

    expect(activityOf(seen, found)).toBe('in-use-by')
  })
})

describe('a renamed engine', () => {
  it('is the nameless engine where libraries and mapped weights agree', () => {
    const seen = facts({
      name: 'notes',
      executablePath: '/home/a/notes',
      commandLine: ['/home/a/notes'],
      libraries: GGML,
      weights: MAPPED,
      listeners: port(9999),
    })
    const found = identifyRuntime(seen, realPack)

    expect(found).toMatchObject({
      entryId: 'ggml-engine',
      product: 'llama.cpp-family engine',
      confidence: 'likely',
      runsModel: true,
    })
    expect(found?.evidence.map((each) => each.kind).sort()).toEqual(['library-mapped', 'weights-mapped'])
    expect(found?.because.join(' ')).toContain('libllama.so')
    expect(activityOf(seen, found)).toBe('inference')
  })

  it('is node-llama-cpp under any name, by its addon', () => {
    const seen = facts({
      name: 'innocent',
      executablePath: '/tmp/innocent',
      libraries: ['llama-addon.node', 'libllama.so', 'libggml.so', 'libggml-cpu-x64.so'],
      weights: MAPPED,
    })

    expect(identifyRuntime(seen, realPack)).toMatchObject({
      entryId: 'node-llama-cpp',
      confidence: 'likely',
      runsModel: true,
    })
  })

  it('is still seen with mapping off, by the engine and its memory', () => {
    const seen = facts({ name: 'notes', libraries: GGML, memory: { anonymousBytes: 4e9 } })

    expect(identifyRuntime(seen, realPack)).toMatchObject({
      entryId: 'ggml-engine',
      confidence: 'likely',
      runsModel: true,
    })
  })

  it('is only possible, and present, with nothing but its libraries', () => {
    const seen = facts({ name: 'notes', libraries: GGML, memory: { anonymousBytes: 1e7 } })
    const found = identifyRuntime(seen, realPack)

    expect(found).toMatchObject({ entryId: 'ggml-engine', confidence: 'possible' })
    expect(activityOf(seen, found)).toBe('present')
  })
})

describe('hostile facts', () => {
  const LONG = 'ollama'.repeat(200_000)

  it.each<[string, Partial<RuntimeFacts>]>([
    ['endless texts', { name: LONG, executablePath: LONG, commandLine: [LONG, LONG], libraries: [LONG] }],
    [
      'endless lists',
      {
        commandLine: Array.from({ length: 200_000 }, () => '-m'),
        libraries: Array.from({ length: 200_000 }, (_, index) => `libllamas${index}`),
      },
    ],
    [
      'names of object members',
      {
        name: '__proto__',
        commandLine: ['__proto__', 'constructor', '--__proto__=1'],
        libraries: ['__proto__'],
        parent: { name: '__proto__', executablePath: '__proto__', entryId: '__proto__' },
      },
    ],
    [
      'empty texts',
      {
        name: '',
        executablePath: '',
        commandLine: ['', ''],
        libraries: [''],
        weights: [{ how: 'mapped', format: '' }],
      },
    ],
    ['lone surrogates and controls', { name: '\ud800\u0000', commandLine: ['\u202e\ud800'] }],
  ])('with %s name nobody', (_what, some) => {
    expect(identifyRuntime(facts(some), realPack)).toBeNull()
  })

  it('give evidence that fits the wire, whatever they hold', () => {
    const libraries = Array.from({ length: 5000 }, (_, index) => `libllama.${'x'.repeat(5000)}${index}`)
    const found = identifyRuntime(facts({ libraries, weights: MAPPED }), realPack)

    expect(JSON.stringify(found).length).toBeLessThan(20_000)
  })
})

describe('the sentences of evidence', () => {
  const details = (some: Partial<RuntimeFacts>) =>
    identifyRuntime(facts(some), realPack)?.evidence.map(({ detail }) => detail) ?? []

  it('name the libraries of an engine once, and repeat nothing that they say already', () => {
    const told = details({ libraries: GGML, weights: MAPPED, memoryTest: { fits: true, copies: [] } })

    expect(told).toContainEqual(expect.stringMatching(/engine are loaded: ggml \(libllama\.so, libggml\.so/))
    expect(told).toContain('it maps a weights file')
    expect(told).toContain('it holds as much memory as the weights that it maps need')
  })

  it('name the file that holds the strings of an engine, and no library for them', () => {
    const engineFiles = [{ id: 'ggml', path: '/opt/notes/notes' }]
    const told = details({ libraries: GGML, binaryEngines: ['ggml'], engineFiles, weights: MAPPED })

    const strings = told.filter((detail) => detail.includes('strings'))

    expect(strings).toEqual([expect.stringMatching(/are in its code: ggml \(in \/opt\/notes\/notes\)$/)])
  })

  it('end without a value where all that is known is that it is so', () => {
    const told = details({
      binaryEngines: ['ggml'],
      weights: MAPPED,
      graphics: { bytes: 5_000_000_000, busyPercent: null, fitsWeights: true },
    })

    expect(told).toContain('the weights that it uses fit in the graphics memory that it holds')
    expect(told.join()).not.toMatch(/: (true|mapped|open)\b/)
  })
})
