// Starts the program in which chat templates are parsed, and asks it: a template that makes the parser explode costs one child, which
// has no environment, no rights to files, programs, workers and addons, little memory, and little time for each template.
//
//   node --permission … template-program      one template a line in, one answer a line out; kept while templates come, then ended
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { dirname, extname, join } from 'node:path'
import { type TemplateAnswer, templateAnswerSchema } from '../../contract/template-answer.ts'

/** The largest public template has 40 KB (CWE-770). */
export const MAX_TEMPLATE_CHARS = 1_048_576
/** 160 actions of some 600 characters; more is no answer of ours (CWE-770). */
const MAX_ANSWER_CHARS = 1_048_576
/** An ordinary template takes 3 ms; a file may cost 2 seconds altogether, and a template is tried twice (CWE-400). */
const ANSWER_MS = 1_000
/** The runtime starts in 100 ms; a machine that is busy with everything else takes its time. */
const START_MS = 20_000
/** Templates come in flocks, one model after the other. */
const IDLE_MS = 5_000
/** Answers of some kilobytes; a store of models has a few dozen different templates. */
const MAX_REMEMBERED = 256

export interface IsolatePatience {
  readonly startMs: number
  readonly answerMs: number
  readonly idleMs: number
}

export interface TemplateIsolate {
  /** What a template does. Never throws for what the template is; one at a time, in the order of asking. */
  readonly scan: (template: string) => Promise<TemplateAnswer>
  /** Ends the child at once. It ends by itself when nobody asks, and keeps no process alive. */
  readonly end: () => void
}

/** A child that starts with the first template. */
export function createTemplateIsolate(patience: Partial<IsolatePatience> = {}): TemplateIsolate {
  const { startMs = START_MS, answerMs = ANSWER_MS, idleMs = IDLE_MS } = patience
  const known = new Map<string, TemplateAnswer>()
  let child: Child | null = null
  let idle: NodeJS.Timeout | undefined
  let turn: Promise<unknown> = Promise.resolve()
  const end = (): void => {
    clearTimeout(idle)
    child?.kill()
    child = null
  }
  const askChild = async (template: string): Promise<Asked> => {
    child = child?.isAlive === true ? child : new Child()
    const asked = await child.ask(template, { startMs, answerMs })
    if (asked.isLost) end()
    return asked
  }
  const ask = async (template: string): Promise<TemplateAnswer> => {
    clearTimeout(idle)
    let scan = await askChild(template)
    // A machine that was busy for a second accuses nobody; a template that explodes does so again.
    if (scan.isLost) scan = await askChild(template)
    if (!scan.isLost) idle = setTimeout(end, idleMs).unref()
    return scan.scan
  }
  return {
    end,
    scan: async (template) => {
      if (template.length > MAX_TEMPLATE_CHARS)
        return broken(`a template of ${template.length} characters, limit ${MAX_TEMPLATE_CHARS}`)
      const digest = createHash('sha256').update(template).digest('hex')
      const result = turn.then(async () => {
        const scan = known.get(digest) ?? (await ask(template))
        if (known.size >= MAX_REMEMBERED) known.clear()
        known.set(digest, scan)
        return scan
      })
      turn = result.catch(() => undefined)
      return await result
    },
  }
}

function broken(trouble: string): TemplateAnswer {
  return { actions: [], trouble }
}

interface Asked {
  readonly scan: TemplateAnswer
  /** The child is of no more use. */
  readonly isLost: boolean
}

/** One running child. */
class Child {
  readonly #process: ChildProcess
  #waiting: ((line: string | null) => void) | null = null
  #held = ''
  #isReady = false
  #isGone = false

  constructor() {
    this.#process = spawn(process.execPath, childArguments(), {
      // No variable of ours reaches it; Windows needs one to find its own libraries.
      env: process.platform === 'win32' ? { SystemRoot: process.env['SystemRoot'] ?? 'C:\\Windows' } : {},
      stdio: ['pipe', 'pipe', 'ignore'],
      cwd: dirname(import.meta.filename),
      windowsHide: true,
    })
    const { stdin, stdout } = this.#process
    // A child that dies while it is written to makes the pipe fail: told by its end, like every other death.
    stdin?.on('error', () => this.#finish(null))
    stdout?.setEncoding('utf8')
    stdout?.on('data', (text: string) => this.#take(text))
    this.#process.on('error', () => this.#finish(null))
    this.#process.on('exit', () => this.#finish(null))
  }

  get isAlive(): boolean {
    return !this.#isGone
  }

  async ask(template: string, limits: Pick<IsolatePatience, 'startMs' | 'answerMs'>): Promise<Asked> {
    this.#hold(true)
    try {
      if (!this.#isReady && (await this.#line(limits.startMs, '')) === null) {
        return lost('the program that parses templates could not be started')
      }
      this.#isReady = true
      const line = await this.#line(limits.answerMs, `${JSON.stringify(template)}\n`)
      return line === null ? lost('the parser of templates did not come to an end') : understood(line)
    } finally {
      this.#hold(false)
    }
  }

  kill(): void {
    this.#isGone = true
    this.#process.kill('SIGKILL')
  }

  /** Writes, and waits for one line; null where none came in time, or the child ended. */
  async #line(limitMs: number, text: string): Promise<string | null> {
    if (this.#isGone) return null
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<string | null>((resolve) => {
        this.#waiting = resolve
        timer = setTimeout(() => this.#giveUp(resolve), limitMs)
        this.#take('')
        if (text !== '') this.#process.stdin?.write(text)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Our own process may have been too busy to hear an answer that is there: it listens once more. */
  #giveUp(asking: (line: string | null) => void): void {
    setImmediate(() => {
      if (this.#waiting === asking) this.#finish(null, false)
    })
  }

  #take(text: string): void {
    this.#held += text
    if (this.#held.length > MAX_ANSWER_CHARS) this.#finish(null)
    const end = this.#held.indexOf('\n')
    if (end < 0 || this.#waiting === null) return
    const line = this.#held.slice(0, end)
    this.#held = this.#held.slice(end + 1)
    const waiting = this.#waiting
    this.#waiting = null
    waiting(line)
  }

  #finish(line: string | null, isGone = true): void {
    if (isGone) this.#isGone = true
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.(line)
  }

  /** While it is asked, our process waits for it; while it idles, it keeps nobody from ending. */
  #hold(isAsked: boolean): void {
    const { stdin, stdout } = this.#process
    const held = [this.#process, stdin, stdout].filter((each) => each !== null)
    for (const each of held) {
      if ('ref' in each && isAsked) (each as { ref: () => void }).ref()
      else if ('unref' in each) (each as { unref: () => void }).unref()
    }
  }
}

function lost(trouble: string): Asked {
  return { scan: broken(trouble), isLost: true }
}

function understood(line: string): Asked {
  const answer = templateAnswerSchema.safeParse(parsed(line))
  if (!answer.success) return lost('the parser of templates gave no answer that is understood')
  return { scan: answer.data, isLost: false }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

/** May read its own code and the parser's, wherever above it that is installed; nothing else, and write nothing. */
export function childArguments(): readonly string[] {
  const folder = dirname(import.meta.filename)
  const program = join(folder, `template-program${extname(import.meta.filename)}`)
  const readable = [folder]
  for (let above = folder; above !== dirname(above); above = dirname(above)) {
    readable.push(join(above, 'package.json'), join(above, 'node_modules/@huggingface/jinja'))
  }
  return [
    '--permission',
    ...readable.map((place) => `--allow-fs-read=${place}`),
    '--max-old-space-size=64',
    '--stack-size=900',
    '--disallow-code-generation-from-strings',
    '--no-experimental-websocket',
    '--no-experimental-global-navigator',
    program,
  ]
}
