// What the reference runtime can be asked for: its switches, their bounds and the text of --help.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** Least and most of each number that is taken; a watcher needs little of all of them. */
const BOUNDS = {
  tokens: [1, 4096],
  context: [8, 4096],
  port: [0, 65_535],
  seconds: [1, 3600],
  every: [0, 3600],
  nice: [0, 19],
} as const
type NumberName = keyof typeof BOUNDS
/** More models than this in one process show nothing new. */
const MAX_MODELS = 4
/** sun_path of unix(7) without its closing NUL. */
const MAX_SOCKET_PATH_BYTES = 107
const MAX_TITLE_CHARS = 128
const MAX_KEY_CHARS = 256

export const HELP = `The reference inference runtime: loads a model, generates, and idles until it is ended. For detection tests.

usage: node reference-runtime.js --model FILE [options]

  --model FILE     weights in GGUF; twice or more loads several models into one process (at most ${MAX_MODELS})
  --adapter FILE   a LoRA adapter in GGUF, applied to the first model
  --no-mmap        copy the weights into memory instead of mapping the file
  --mlock          lock the weights in memory
  --tokens N       tokens of each answer (default 16)
  --context N      context size in tokens (default 128)
  --every S        answer again every S seconds, idle in between (default 0: answer once)
  --serve          an OpenAI-compatible endpoint on 127.0.0.1: /health, /v1/models, /v1/completions
  --port N         its port (default 0: a free one)
  --api-key KEY    with --serve or --socket: refuse everything below /v1 without "Authorization: Bearer KEY"
  --socket PATH    the same endpoint on a Unix socket instead
  --nice N         run with this niceness, 0 to 19 (default 0)
  --title TEXT     overwrite the own command line and process name with this text
  --seconds S      end after this time (default 600, at most 3600)
  --help           this text

It prints one JSON line per stage: loaded, generated, listening or socket, ready, failed.
It also ends when its standard input closes, where that is a pipe, and on SIGTERM.
`

export interface Settings {
  readonly modelPaths: readonly [string, ...string[]]
  readonly adapterPath: string | null
  readonly weights: 'mapped' | 'copied'
  readonly isLocked: boolean
  readonly tokens: number
  readonly context: number
  /** Seconds between answers; 0: one answer only. */
  readonly every: number
  readonly serves: { readonly port: number } | { readonly socket: string } | null
  /** Null: whoever reaches the endpoint may ask it. */
  readonly apiKey: string | null
  readonly nice: number
  readonly title: string | null
  readonly seconds: number
}

const OPTIONS = {
  model: { type: 'string', multiple: true },
  adapter: { type: 'string' },
  'no-mmap': { type: 'boolean', default: false },
  mlock: { type: 'boolean', default: false },
  tokens: { type: 'string', default: '16' },
  context: { type: 'string', default: '128' },
  every: { type: 'string', default: '0' },
  serve: { type: 'boolean', default: false },
  port: { type: 'string', default: '0' },
  'api-key': { type: 'string' },
  socket: { type: 'string' },
  nice: { type: 'string', default: '0' },
  title: { type: 'string' },
  seconds: { type: 'string', default: '600' },
  help: { type: 'boolean', default: false },
} as const
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

/** The settings; `help`; or, as a sentence, why these arguments cannot be used. */
export function readSettings(argv: string[]): Settings | 'help' | { readonly problem: string } {
  let values: Values
  try {
    values = parseArgs({ args: argv, options: OPTIONS }).values
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
  return values.help ? 'help' : understand(values)
}

function understand(values: Values): Settings | { readonly problem: string } {
  const numbers = { tokens: 0, context: 0, port: 0, seconds: 0, every: 0, nice: 0 }
  for (const name of ['tokens', 'context', 'port', 'seconds', 'every', 'nice'] as const) {
    numbers[name] = numberOf(values[name], name)
    if (numbers[name] < 0) return { problem: `--${name} takes a whole number of ${BOUNDS[name].join(' to ')}` }
  }
  const [first, ...others] = (values.model ?? []).map((path) => resolve(path))
  if (first === undefined) return { problem: '--model FILE is missing' }
  if (others.length >= MAX_MODELS) return { problem: `--model can be given ${MAX_MODELS} times` }
  const socket = values.socket === undefined ? null : resolve(values.socket)
  if (socket !== null && Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
    return { problem: `--socket takes a path of at most ${MAX_SOCKET_PATH_BYTES} bytes` }
  }
  const { port, ...rest } = numbers
  return {
    ...rest,
    modelPaths: [first, ...others],
    adapterPath: values.adapter === undefined ? null : resolve(values.adapter),
    weights: values['no-mmap'] ? 'copied' : 'mapped',
    isLocked: values.mlock,
    serves: socket === null ? (values.serve ? { port } : null) : { socket },
    apiKey: values['api-key']?.slice(0, MAX_KEY_CHARS) ?? null,
    title: values.title?.slice(0, MAX_TITLE_CHARS) ?? null,
  }
}

/** -1 where it is no number within its bounds. */
function numberOf(text: string, name: NumberName): number {
  const [least, most] = BOUNDS[name]
  const value = /^\d{1,5}$/.test(text) ? Number(text) : -1
  return value < least || value > most ? -1 : value
}
