import { describe, expect, it } from '@jest/globals'
import { redactCommandLine } from '../../../agent/sense/redact.ts'

/** A program that says its own name, as nearly all do. */
function honest(argv: readonly string[]) {
  const [line = ''] = argv
  const path = argv.length === 1 ? (line.split(' --')[0] ?? '') : line
  return { name: path.slice(path.lastIndexOf('/') + 1).slice(0, 15), executable: path.startsWith('/') ? path : null }
}
const redact = (argv: readonly string[]) => redactCommandLine(argv, honest(argv))

/** Small repeatable generator (mulberry32), so that a failure names its seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const table: readonly (readonly [promise: string, argv: readonly string[], expected: readonly string[]])[] = [
  [
    'a llama.cpp server keeps what tells that it is one',
    [
      '/usr/bin/llama-server',
      '-m',
      '/home/alice/m/x.gguf',
      '-ngl',
      '99',
      '-c',
      '4096',
      '--host',
      '0.0.0.0',
      '--port',
      '8080',
    ],
    [
      '/usr/bin/llama-server',
      '-m',
      '/home/alice/m/x.gguf',
      '-ngl',
      '99',
      '-c',
      '4096',
      '--host',
      '0.0.0.0',
      '--port',
      '8080',
    ],
  ],
  [
    'a prompt becomes its length, counted in characters',
    ['llama-cli', '-p', 'Is Bob ill? 🤒', '-n', '64'],
    ['llama-cli', '-p', '‹13 chars›', '-n', '64'],
  ],
  [
    'a value that is glued with = is judged alike',
    ['vllm', '--prompt=hello', '--port=80'],
    ['vllm', '--prompt=‹5 chars›', '--port=80'],
  ],
  ['a negative number is a value', ['llama-cli', '-ngl', '-1', '--mlock'], ['llama-cli', '-ngl', '-1', '--mlock']],
  ['of any program, too', ['x', '-ngl', '-1', '--mlock'], ['x', '-ngl', '‹2 chars›', '--mlock']],
  ['an optional value may be missing', ['vllm', '--listen', '--port', '7860'], ['vllm', '--listen', '--port', '7860']],
  ['a prompt that looks like a switch stays a prompt', ['x', '-p', '--model'], ['x', '-p', '‹7 chars›']],
  [
    'a Python module of the list leaves',
    ['python3.11', '-m', 'vllm.entrypoints.openai.api_server', '--model', 'org/name-7B'],
    ['python3.11', '-m', 'vllm.entrypoints.openai.api_server', '--model', 'org/name-7B'],
  ],
  ['another Python module does not', ['python3', '-m', 'alices_diary'], ['python3', '-m', '‹12 chars›']],
  ['a commit message is no module', ['git', 'commit', '-m', 'whisper'], ['git', '‹6 chars›', '-m', '‹7 chars›']],
  ['a program text is no context size', ['sh', '-c', 'ollama run x "dear diary"'], ['sh', '-c', '‹25 chars›']],
  ['sub-commands of known programs leave', ['ollama', 'runner', '--mlx-engine'], ['ollama', 'runner', '--mlx-engine']],
  ['of two levels, too', ['lms', 'server', 'start'], ['lms', 'server', 'start']],
  ['a renamed runtime keeps its first word', ['/usr/bin/notes', 'serve'], ['/usr/bin/notes', 'serve']],
  [
    'the same word in a sentence does not leave',
    ['ollama', 'run', 'm', 'run', 'serve'],
    ['ollama', 'run', '‹1 chars›', '‹3 chars›', '‹5 chars›'],
  ],
  [
    'a script below a home keeps what projects name, not what people name',
    ['/usr/bin/python3', '/home/alice/divorce/text-generation-webui/server.py', '--listen'],
    ['/usr/bin/python3', '/home/‹5 chars›/‹7 chars›/text-generation-webui/server.py', '--listen'],
  ],
  [
    'a console script is the program behind its interpreter',
    ['/opt/venv/bin/python', '/opt/venv/bin/vllm', 'serve', 'org/model'],
    ['/opt/venv/bin/python', '/opt/venv/bin/vllm', 'serve', '‹9 chars›'],
  ],
  [
    'of a weights file in passing only the ending leaves',
    ['run-it', '/home/al/secret.gguf'],
    ['run-it', '/home/‹2 chars›/‹6 chars›.gguf'],
  ],
  [
    'an Ollama blob names itself',
    ['r', '--model', `/m/blobs/sha256-${'a'.repeat(64)}`],
    ['r', '--model', `/m/blobs/sha256-${'a'.repeat(64)}`],
  ],
  ['a foreign host name is somebody’s', ['x', '--host', 'alices-laptop.example'], ['x', '--host', '‹21 chars›']],
  [
    'remote workers leave by number only',
    ['llama-cli', '--rpc', '10.0.0.2:50052,10.0.0.3:50052'],
    ['llama-cli', '--rpc', '10.0.0.2:50052,10.0.0.3:50052'],
  ],
  [
    'a URL with a user does not leave',
    ['x', '--model-url', 'https://bob:pw@huggingface.co/a/b/c.gguf'],
    ['x', '--model-url', '‹40 chars›'],
  ],
  [
    'a hub file does',
    ['x', '-mu', 'https://huggingface.co/a/b/c.gguf'],
    ['x', '-mu', 'https://huggingface.co/a/b/c.gguf'],
  ],
  ['a token in the place of a model does not leave', ['x', '--model', 'hf_AbCdEfGhIj'], ['x', '--model', '‹13 chars›']],
  ['after -- everything is an operand', ['x', '--', '--port', '1'], ['x', '--', '‹6 chars›', '‹1 chars›']],
  [
    'an operand below a folder of packages keeps no word of a person',
    ['tool', '/opt/hr/salaries-smith-2026.csv', '--', '/usr/share/hr/x.csv', '/app/smith', '/Applications/Smith/4711'],
    [
      'tool',
      '/opt/‹2 chars›/‹23 chars›',
      '--',
      '/usr/share/‹2 chars›/‹5 chars›',
      '/app/‹5 chars›',
      '/Applications/‹5 chars›/‹4 chars›',
    ],
  ],
  [
    'whose home it is stays out, even with the name of a program',
    ['t', '/home/jan/x'],
    ['t', '/home/‹3 chars›/‹1 chars›'],
  ],
  ['a number behind -c is a program text', ['bash', '-c', '123456'], ['bash', '-c', '‹6 chars›']],
  [
    'numbers and addresses of a program that runs no model do not leave',
    ['psql', '-n', '4711', '--port', '5432', '--host', '10.1.2.3', '--timeout=12'],
    ['psql', '-n', '‹4 chars›', '--port', '‹4 chars›', '--host', '‹8 chars›', '--timeout=‹2 chars›'],
  ],
  [
    'a free word is no model, not even of a runtime',
    [
      'vllm',
      'serve',
      '--model',
      'smith',
      '--tokenizer',
      'smith',
      '--served-model-name',
      'smith',
      '--model',
      '/m/smith',
    ],
    [
      'vllm',
      'serve',
      '--model',
      '‹5 chars›',
      '--tokenizer',
      '‹5 chars›',
      '--served-model-name',
      '‹5 chars›',
      '--model',
      '‹8 chars›',
    ],
  ],
  [
    'a model id of a program that runs no model does not leave',
    ['x', '--model', 'hr/smith'],
    ['x', '--model', '‹8 chars›'],
  ],
  ['a weights file does, of any program', ['x', '--model', '/m/a.gguf'], ['x', '--model', '/m/a.gguf']],
  [
    'a model in a known store leaves of a runtime only',
    ['llama-server', '--model', '/srv/huggingface/hub/models--org--name'],
    ['llama-server', '--model', '/srv/huggingface/hub/models--org--name'],
  ],
  [
    'and of no other program',
    ['x', '--model', '/srv/huggingface/hub/models--org--name'],
    ['x', '--model', '‹38 chars›'],
  ],
  [
    'a script of a project is a runtime, a script of the same name elsewhere is none',
    ['python3', '/srv/ComfyUI/main.py', '--port', '8188'],
    ['python3', '/srv/ComfyUI/main.py', '--port', '8188'],
  ],
  [
    'as here',
    ['python3', '/srv/hr/main.py', '--port', '8188'],
    ['python3', '/srv/‹2 chars›/main.py', '--port', '‹4 chars›'],
  ],
  ['an empty line is an empty line', [], []],
  [
    'Chromium children are split at spaces, and what goes is told as one length',
    [
      '/opt/google/chrome/chrome --type=utility --utility-sub-type=on_device_model.mojom.OnDeviceModelService a b c --mlock',
    ],
    [
      '/opt/google/chrome/chrome',
      '--type=utility',
      '--utility-sub-type=on_device_model.mojom.OnDeviceModelService',
      '‹5 chars›',
      '--mlock',
    ],
  ],
]

describe('redactCommandLine', () => {
  it.each(table)('%s', (_promise, argv, expected) => {
    const redacted = redact(argv)

    expect(redacted).toEqual(expected)
  })

  const bash = { name: 'bash', executable: '/usr/bin/bash' }
  const python = { name: 'vllm', executable: '/usr/bin/python3.11' }
  it.each([
    ['a plain word that a program wrote over its name', 'hunter2secret', bash, '‹13 chars›'],
    ['a whole title', 'sshd: alice@pts/0', { name: 'sshd', executable: '/usr/sbin/sshd' }, '‹17 chars›'],
    ['another name in the same folder', '/usr/bin/hunter2', bash, '‹16 chars›'],
    ['a number behind the right name', 'bash123456', bash, '‹10 chars›'],
    [
      'a word that begins like a name cut by the kernel',
      'abcdefghijklmnohunter2',
      { name: 'abcdefghijklmno', executable: null },
      '‹22 chars›',
    ],
  ])('does not believe %s', (_promise, first, identity, expected) => {
    const redacted = redactCommandLine([first, 'x'], identity)

    expect(redacted[0]).toBe(expected)
  })

  it.each([
    ['the base name of the executable', 'bash', bash, 'bash'],
    ['a login shell', '-bash', bash, '-bash'],
    ['the path of the executable itself', '/opt/hr/tool', { name: 'x', executable: '/opt/hr/tool' }, '/opt/hr/tool'],
    ['the name that the kernel has', 'notes', { name: 'notes', executable: '/usr/bin/python3.11' }, 'notes'],
    ['an interpreter by another release', 'python3', python, 'python3'],
    ['the name, but not the folders, of another path', '/home/al/hr/bash', bash, '/home/‹2 chars›/‹2 chars›/bash'],
  ])('believes %s', (_promise, first, identity, expected) => {
    const redacted = redactCommandLine([first, 'x'], identity)

    expect(redacted[0]).toBe(expected)
  })

  it('knows a runtime by its executable when it hides its name', () => {
    const identity = { name: 'x', executable: '/usr/local/bin/llama-server' }

    const redacted = redactCommandLine(['notes', '-c', '4096'], identity)

    expect(redacted).toEqual(['‹5 chars›', '-c', '4096'])
  })

  it('keeps at most 256 arguments and says how many were left', () => {
    const redacted = redact(['x', ...Array.from({ length: 100_000 }, () => 'word')])

    expect(redacted).toHaveLength(256)
    expect(redacted.at(-1)).toBe('‹99746 more arguments›')
  })

  it('takes a megabyte of one argument without pain', () => {
    const redacted = redact(['x', '--model', '/'.repeat(1_000_000)])

    expect(redacted).toEqual(['x', '--model', '‹1000000 chars›'])
  })
})

describe('what a person wrote never leaves', () => {
  const PROGRAMS = ['ollama', 'python3', '/usr/bin/llama-cli', 'claude', 'node', 'bash', '/home/zoe/bin/tool', 'vllm']
  const BEFORE = [
    '-p',
    '--prompt',
    '--system-prompt',
    '--api-key',
    '--token',
    '-H',
    '--message',
    '--unheard-of',
    '-x',
    'run',
    '--',
  ]
  const SWITCHES = [
    '--port',
    '--host',
    '--listen',
    '-ngl',
    '-c',
    '-t',
    '--device',
    '--rpc',
    '--loader',
    '--mlock',
    '-m',
    '-q',
  ]
  const LETTERS = 'qxzjkvwy'
  const BETWEEN = [
    ' ',
    '\n',
    '/',
    '=',
    ' --port ',
    ' -m ',
    '\t',
    ', ',
    '. ',
    ' /usr/share/ ',
    '; ',
    '"',
    ' serve ',
    '\u202e',
    '\u0000',
  ]

  /** Words that are in no list and in no mark; their letters never form `chars`. */
  function secretText(random: () => number): { readonly text: string; readonly words: readonly string[] } {
    const word = () =>
      Array.from({ length: 4 + Math.floor(random() * 6) }, () => LETTERS[Math.floor(random() * 8)]).join('')
    const words = Array.from({ length: 1 + Math.floor(random() * 6) }, word)
    return { words, text: words.join(BETWEEN[Math.floor(random() * BETWEEN.length)]) }
  }

  const pick = (random: () => number, list: readonly string[]) => list[Math.floor(random() * list.length)] ?? ''

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('not even in part, in 500 lines from seed %i', (seed) => {
    const random = randomOf(seed)

    for (let run = 0; run < 500; run += 1) {
      const { text, words } = secretText(random)
      const noise = Array.from({ length: Math.floor(random() * 4) }, () => pick(random, SWITCHES))
      const argv = [pick(random, PROGRAMS), ...noise, pick(random, BEFORE), text, ...noise, text]
      const redacted = redact(argv).join(' ')
      for (const word of words) expect(redacted).not.toContain(word)
    }
  })

  it.each([9, 10, 11])('not when it follows a switch that takes a plain value, seed %i', (seed) => {
    const random = randomOf(seed)

    for (let run = 0; run < 500; run += 1) {
      const { text, words } = secretText(random)
      const name = pick(random, SWITCHES)
      const glued = redact(['tool', `${name}=${text}`, name, text]).join(' ')
      for (const word of words) expect(glued).not.toContain(word)
    }
  })

  it.each(['sk-', 'hf_', 'ghp_', 'eyJ', 'AKIA', 'xoxb-', 'glpat-', 'nvapi-', 'Bearer '])(
    'a secret that starts with %s leaves from no place',
    (start) => {
      const secret = `${start}zzqqxxvv0123`
      const places = [
        '--model',
        '-m',
        '-hf',
        '--host',
        '--port',
        '--lora',
        '--device',
        '--served-model-name',
        'run',
        '--x',
      ]

      for (const place of places) {
        const redacted = redact([secret, place, secret, `${place}=${secret}`, secret]).join(' ')
        expect(redacted).not.toContain('zzqq')
      }
    },
  )
})
