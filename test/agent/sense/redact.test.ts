import { describe, expect, it } from '@jest/globals'
import { redactCommandLine } from '../../../agent/sense/redact.ts'

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
    ['x', '--prompt=hello', '--port=80'],
    ['x', '--prompt=‹5 chars›', '--port=80'],
  ],
  ['a negative number is a value', ['x', '-ngl', '-1', '--mlock'], ['x', '-ngl', '-1', '--mlock']],
  ['an optional value may be missing', ['x', '--listen', '--port', '7860'], ['x', '--listen', '--port', '7860']],
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
    ['x', '--rpc', '10.0.0.2:50052,10.0.0.3:50052'],
    ['x', '--rpc', '10.0.0.2:50052,10.0.0.3:50052'],
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
  ['an empty line is an empty line', [], []],
  ['a rewritten title with words in it becomes its length', ['sshd: alice@pts/0'], ['‹17 chars›']],
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
    const redacted = redactCommandLine(argv)

    expect(redacted).toEqual(expected)
  })

  it('keeps at most 256 arguments and says how many were left', () => {
    const redacted = redactCommandLine(['x', ...Array.from({ length: 100_000 }, () => 'word')])

    expect(redacted).toHaveLength(256)
    expect(redacted.at(-1)).toBe('‹99746 more arguments›')
  })

  it('takes a megabyte of one argument without pain', () => {
    const redacted = redactCommandLine(['x', '--model', '/'.repeat(1_000_000)])

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
      const redacted = redactCommandLine(argv).join(' ')
      for (const word of words) expect(redacted).not.toContain(word)
    }
  })

  it.each([9, 10, 11])('not when it follows a switch that takes a plain value, seed %i', (seed) => {
    const random = randomOf(seed)

    for (let run = 0; run < 500; run += 1) {
      const { text, words } = secretText(random)
      const name = pick(random, SWITCHES)
      const glued = redactCommandLine(['tool', `${name}=${text}`, name, text]).join(' ')
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
        const redacted = redactCommandLine([secret, place, secret, `${place}=${secret}`, secret]).join(' ')
        expect(redacted).not.toContain('zzqq')
      }
    },
  )
})
