// The reader's work: does one step of a task at a time, and tells what was found. It sees files only through the worker.
import type { FileIdentity } from '../../contract/observation.ts'
import { templateAnswerSchema } from '../../contract/template-answer.ts'
import type { DigestMemory } from '../read/digest-memory.ts'
import { createHiddenMemory, type FoundHidden, type HiddenMemory } from '../read/hidden-weights.ts'
import { type ReadOptions, readCandidates, sniffFormat } from '../read/read-candidates.ts'
import { readStoreHere, type StoreReading } from '../read/read-stores.ts'
import type { Ask } from './ask.ts'
import type { Channel } from './blocking-channel.ts'
import type { Frame, Head } from './frames.ts'
import { lentCandidates, lentFile, lentFolder } from './lent-files.ts'
import type { Hidden, Note, ToldFile } from './requests.ts'
import type { ToldOptions, ToldTask } from './tasks.ts'

/** Files whose digest the worker makes are asked for by their own method; this stands for those that have none. */
const NO_DIGESTS: DigestMemory = { find: () => undefined, keep: () => undefined, postpone: () => null }
/** Notes that wait for a frame; with more a frame is sent for them alone. */
const MAX_NOTES = 512

type Steps = AsyncGenerator<unknown, unknown>

interface Running {
  readonly steps: Steps
  readonly session: Session
}

/** Does what the channel says until nobody asks any more: then it throws ChannelEnd. */
export async function runTasks(channel: Channel): Promise<never> {
  const running = new Map<number, Running>()
  for (;;) {
    const { head, data } = channel.hear()
    const id = Number(head['id'])
    if (head['do'] === 'drop') {
      // Its files are closed by the worker.
      running.delete(id)
      continue
    }
    if (head['do'] === 'start') running.set(id, begin(channel, head, data))
    const task = running.get(id)
    if (task === undefined) throw new Error(`there is no task ${id}`)
    const step = await task.steps.next()
    if (step.done === true) {
      running.delete(id)
      channel.tell({ op: 'end', ...task.session.aside(), value: step.value ?? null })
    } else {
      channel.tell({ op: 'found', ...task.session.aside() }, Buffer.from(JSON.stringify(step.value)))
    }
  }
}

function begin(channel: Channel, head: Head, data: Uint8Array): Running {
  const session = new Session(channel)
  return { session, steps: stepsOf(head['task'] as ToldTask, session, head, data) }
}

async function* stepsOf(task: ToldTask, session: Session, head: Head, data: Uint8Array): Steps {
  if (task.what === 'sniff') {
    // Copied before the first question is asked: the room of the frame is used again.
    return sniffFormat(lentFile(session, head['file'] as ToldFile, data))
  }
  const options = optionsOf(task.options, session)
  if (task.what === 'candidates') {
    yield* readCandidates(lentCandidates(session, task.count), options)
    return null
  }
  const mustHash = (sizeBytes: number): boolean =>
    session.question({ op: 'must-hash', sizeBytes }).head['must'] === true
  const folder = lentFolder(session, task.folder.at, task.folder.path)
  const reading: StoreReading = { ...options, mustHash }
  yield* readStoreHere({ id: task.reader }, folder, reading)
  return null
}

function optionsOf(told: ToldOptions, session: Session): ReadOptions {
  const { deep, reportAll, tellsData, hasDigests, hasTemplates, roomBytes } = told
  return {
    deep,
    reportAll,
    ...(tellsData === undefined ? {} : { tellsData }),
    ...(hasDigests ? { digests: NO_DIGESTS } : {}),
    ...(roomBytes === null ? {} : { hidden: session.remember(roomBytes) }),
    ...(hasTemplates
      ? {
          scanTemplate: (template) => {
            const { head } = session.question({ op: 'template' }, Buffer.from(template, 'utf16le'))
            return Promise.resolve(templateAnswerSchema.parse(head['answer']))
          },
        }
      : {}),
    // Whoever is stopped ends this process.
    signal: new AbortController().signal,
    onGap: (gap) => session.note({ kind: 'gap', gap }),
    onProgress: ({ path, bytesRead }) => session.note({ kind: 'progress', path, bytesRead }),
  }
}

/** What one task asks and has not told yet. */
class Session implements Ask {
  readonly #channel: Channel
  #hidden: (HiddenMemory & { readonly found: ToldFinds }) | null = null
  #closed: number[] = []
  #notes: Note[] = []

  constructor(channel: Channel) {
    this.#channel = channel
  }

  question(head: Head, data?: Uint8Array): Frame {
    this.#channel.tell({ ...head, ...this.aside() }, data)
    return this.#channel.hear()
  }

  close(at: number): void {
    this.#closed.push(at)
  }

  note(note: Note): void {
    this.#notes.push(note)
    if (this.#notes.length >= MAX_NOTES) this.question({ op: 'must-hash', sizeBytes: 0 })
  }

  recall({ dev, inode, sizeBytes, mtimeNs, ctimeNs }: FileIdentity, hidden: Hidden | null): void {
    this.#hidden?.found.recall([dev, inode, sizeBytes, mtimeNs, ctimeNs].join(':'), hidden)
  }

  remember(roomBytes: number): HiddenMemory {
    const { room } = createHiddenMemory()
    room.bytes = roomBytes
    this.#hidden = { room, found: new ToldFinds((key, found) => this.note({ kind: 'hidden', key, found })) }
    return this.#hidden
  }

  /** What goes with the next frame. */
  aside(): Head {
    const { user, system } = process.cpuUsage()
    const [closed, notes] = [this.#closed, this.#notes]
    this.#closed = []
    this.#notes = []
    return {
      processorMs: Math.round((user + system) / 1000),
      ...(closed.length === 0 ? {} : { closed }),
      ...(notes.length === 0 ? {} : { notes }),
      ...(this.#hidden === null ? {} : { roomBytes: this.#hidden.room.bytes }),
    }
  }
}

/** Remembers for the worker: what is found here is told there, and of what it knows only the file that is looked at now is of use. */
class ToldFinds implements FoundHidden {
  readonly #tell: (key: string, found: Hidden | null) => void
  #known: { readonly key: string; readonly found: Hidden | null } | null = null

  constructor(tell: (key: string, found: Hidden | null) => void) {
    this.#tell = tell
  }

  get size(): number {
    return this.#known === null ? 0 : 1
  }

  recall(key: string, found: Hidden | null): void {
    this.#known = { key, found }
  }

  get(key: string): Hidden | null | undefined {
    return this.#known?.key === key ? this.#known.found : undefined
  }

  set(key: string, found: Hidden | null): void {
    this.#tell(key, found)
    this.#known = { key, found }
  }

  clear(): void {
    this.#known = null
  }
}
