// The worker's side of one task: what was opened for it, by number, and the answers to the reader's questions. Whatever the reader asks,
// it gets bytes of the files that this task is about and of their neighbours, by plain names through the folder that is held, and no
// others: the openers of agent/sense decide, not the reader.
import type { FileIdentity, OpenedFile, OpenedFolder } from '../../contract/observation.ts'
import type { Failure } from '../../contract/failure.ts'
import { readCacheEntry } from '../read/cache-entry.ts'
import { digestFile } from '../read/digest-file.ts'
import type { ReadOptions } from '../read/read-candidates.ts'
import { type Head, isHead } from './frames.ts'
import { contentKey, type DigestedPart, HandedFiles } from './handed-files.ts'
import { partOfFile } from './part-of-file.ts'
import type { Hidden, Request, ToldFile } from './requests.ts'
import type { TaskAllowance } from './task-allowance.ts'
import type { Task } from './tasks.ts'

/** Open at once for one task: a model folder is read with a handful (CWE-769). */
const MAX_OPEN = 256
/** Candidates told at once: with the longest paths some megabytes. */
const CANDIDATES_A_FRAME = 500
/** The first look at a file (agent/read/look.ts) comes with its opening. */
const HEAD_BYTES = 4_096
const MAX_TEMPLATE_BYTES = 4_194_304
const NOTHING = new Uint8Array(0)

export interface Answer {
  readonly head: Head
  readonly data: Uint8Array
}

/** A file that was opened for the task, and not as a neighbour of one. */
export interface OpenJob {
  readonly path: string
  readonly identity: FileIdentity
}

interface Held {
  readonly file: OpenedFile | null
  readonly folder: OpenedFolder | null
  /** Neighbours are read for the file that they lie beside. */
  readonly isJob: boolean
}

export interface HandOutOptions {
  /** Why a file is not opened although it is a candidate: a reader ended over it. */
  readonly refuse: (identity: FileIdentity) => Failure | null
  /** What may be asked in all. */
  readonly allowance: TaskAllowance
}

export class HandOut {
  readonly #task: Task
  readonly #options: HandOutOptions
  readonly #held = new Map<number, Held>()
  readonly files = new HandedFiles()
  readonly #piece = Buffer.allocUnsafe(HEAD_BYTES)
  #last = 0

  constructor(task: Task, options: HandOutOptions) {
    this.#task = task
    this.#options = options
  }

  /** Where the folder of a store, or the file of a look, is held; whoever gave the task closes it. */
  lend(given: { readonly file: OpenedFile } | { readonly folder: OpenedFolder }): number {
    const file = 'file' in given ? { ...given.file, close: () => undefined } : null
    const folder = 'folder' in given ? { ...given.folder, close: () => undefined } : null
    if (file !== null) this.#note(file)
    if (folder !== null) this.files.noteFolder(folder.path)
    return this.#hold({ file, folder, isJob: false }) ?? 0
  }

  /** What is open and was announced, the last one last. */
  get jobs(): readonly OpenJob[] {
    return [...this.#held.values()].flatMap(({ file, isJob }) => (file !== null && isJob ? [file] : []))
  }

  release(closed: readonly number[]): void {
    for (const at of closed) this.#close(at)
  }

  releaseAll(): void {
    for (const at of [...this.#held.keys()]) this.#close(at)
  }

  toldFile(at: number): Answer {
    const file = this.#held.get(at)?.file ?? null
    if (file === null) return answer({ file: null })
    const { path, identity } = file
    const hidden = this.#hiddenIn(identity)
    const told: ToldFile = {
      at,
      path,
      identity,
      hasBelow: file.openBelow !== undefined,
      ...(hidden === undefined ? {} : { hidden }),
    }
    return answer({ file: told }, this.#firstBytes(file))
  }

  /** Answers at once where that is possible: nearly always. Throws where more is asked than one may ask. */
  answer(request: Request, data: Uint8Array): Answer | Promise<Answer> {
    const { allowance } = this.#options
    allowance.ask(request)
    const given = this.#answer(request, data)
    if (!(given instanceof Promise)) allowance.move(given.data.length)
    return given
  }

  #answer(request: Request, data: Uint8Array): Answer | Promise<Answer> {
    switch (request.op) {
      case 'candidates':
        return this.#candidates(request.from)
      case 'open':
        return this.#open(request.index)
      case 'enter':
        return this.#enter(request.at, request.name)
      case 'open-file':
        return this.#openNamed(request.at, request.name)
      case 'link':
        return this.#link(request.at, request.name)
      case 'list':
        return this.#list(request.at)
      case 'sibling':
        return this.#sibling(request.at, request.name, request.below)
      case 'siblings':
        return this.#siblings(request.at, request.below)
      case 'identity':
        return this.#identity(request.at)
      case 'read':
        return this.#read(request.at, request.position, request.count)
      case 'sample':
        return this.#sample(request)
      case 'digest':
        return this.#digest(request)
      case 'must-hash':
        return answer({ must: this.#task.what === 'store' && this.#task.options.mustHash(request.sizeBytes) })
      case 'template':
        return this.#template(data)
    }
  }

  #enter(beside: number, name: string): Answer {
    const folder = this.#folder(beside)?.openFolder(name) ?? null
    const at = folder === null ? null : this.#hold({ file: null, folder, isJob: false })
    if (folder !== null) this.files.noteFolder(folder.path)
    return answer({ folder: folder === null || at === null ? null : { at, path: folder.path } })
  }

  #link(at: number, name: string): Answer {
    const folder = this.#folder(at)
    const target = folder?.readLink(name) ?? null
    if (folder !== null && target !== null) this.files.noteLink(`${folder.path}/${name}`, target)
    return answer({ target })
  }

  #list(at: number): Answer {
    return answer({ entries: this.#folder(at)?.list() ?? [] })
  }

  #identity(at: number): Answer {
    return answer({ identity: this.#held.get(at)?.file?.sampleIdentity() ?? null })
  }

  #siblings(at: number, below: string | null): Answer {
    const file = this.#held.get(at)?.file
    return answer({ names: below === null ? file?.listSiblings() : file?.listBelow?.(below) })
  }

  #candidates(from: number): Answer {
    const all = this.#task.what === 'candidates' ? this.#task.candidates : []
    const told = all.slice(from, from + CANDIDATES_A_FRAME)
    return answer({ candidates: told.map(({ name, path, identity }) => ({ name, path, identity })) })
  }

  #open(index: number): Answer {
    const candidate = this.#task.what === 'candidates' ? this.#task.candidates[index] : undefined
    if (candidate === undefined) return failed({ code: 'GNO_READ_VANISHED', detail: 'there is no such candidate' })
    const failure = this.#options.refuse(candidate.identity)
    if (failure !== null) return failed(failure)
    const opened = candidate.open()
    if (!opened.ok) return failed(opened.failure)
    return this.#tell(opened.value, true)
  }

  #openNamed(at: number, name: string): Answer {
    const file = this.#folder(at)?.openFile(name) ?? null
    if (file === null) return answer({ file: null })
    if (this.#options.refuse(file.identity) === null) return this.#tell(file, true)
    file.close()
    return answer({ file: null })
  }

  #sibling(at: number, name: string, below: string | null): Answer {
    const beside = this.#held.get(at)?.file
    const file = (below === null ? beside?.openSibling(name) : beside?.openBelow?.(below, name)) ?? null
    return file === null ? answer({ file: null }) : this.#tell(file, false)
  }

  #tell(file: OpenedFile, isJob: boolean): Answer {
    const at = this.#hold({ file, folder: null, isJob })
    if (at === null) return failed({ code: 'GNO_READ_LIMIT', detail: `more than ${MAX_OPEN} files open at once` })
    this.#note(file)
    return this.toldFile(at)
  }

  #note(file: OpenedFile): void {
    if (this.files.note(file)) this.#options.allowance.add(file.identity.sizeBytes)
  }

  #firstBytes(file: OpenedFile): Uint8Array {
    const wanted = Math.min(HEAD_BYTES, file.identity.sizeBytes)
    try {
      return this.#piece.subarray(0, file.read(0, this.#piece.subarray(0, wanted)))
    } catch {
      // Whoever reads the file is told why.
      return NOTHING
    }
  }

  #read(at: number, position: number, count: number): Answer {
    const file = this.#held.get(at)?.file
    if (file === undefined || file === null) return answer({ code: 'EBADF' })
    const wanted = Math.max(0, Math.min(count, file.identity.sizeBytes - position))
    const bytes = Buffer.allocUnsafe(wanted)
    try {
      return answer({}, bytes.subarray(0, wanted === 0 ? 0 : file.read(position, bytes)))
    } catch (error) {
      return answer({ code: codeOf(error) })
    }
  }

  #sample({ at, places }: Request & { readonly op: 'sample' }): Answer {
    const file = this.#held.get(at)?.file
    if (file === undefined || file === null) return answer({ code: 'EBADF' })
    const bytes = Buffer.allocUnsafe(places.reduce((sum, [, count]) => sum + count, 0))
    const counts: number[] = []
    let end = 0
    try {
      for (const [position, count] of places) {
        const done = count === 0 ? 0 : file.read(position, bytes.subarray(end, end + count))
        counts.push(done)
        end += done
      }
    } catch (error) {
      return answer({ code: codeOf(error) })
    }
    return answer({ counts }, bytes.subarray(0, end))
  }

  #digest({ at, start, sizeBytes }: Request & { readonly op: 'digest' }): Answer | Promise<Answer> {
    const whole = this.#held.get(at)?.file
    const options = this.#task.what === 'sniff' ? null : this.#task.options
    if (whole === undefined || whole === null || options === null)
      return answer({ failure: { code: 'GNO_READ_VANISHED', detail: 'the file is not open' } })
    const file = start === null ? whole : partOfFile(whole, start, sizeBytes)
    const part = { start: toldStart(whole, start, file.identity.sizeBytes), sizeBytes: file.identity.sizeBytes }
    const made = this.files.digestOf(whole.identity, part)
    if (made !== undefined) return answer({ sha256: made })
    // Files on disk are known and left to the background, and no parts of them: a part goes by no identity of its own.
    const memory = start === null ? options.digests : undefined
    const known = memory?.find(file.identity)
    if (known !== undefined) return this.#tellDigest(known, whole, part)
    const postponed = memory?.postpone(file) ?? null
    if (postponed !== null) return answer({ failure: shortly(postponed) })
    this.#options.allowance.digest(Math.min(part.sizeBytes, whole.identity.sizeBytes))
    return this.#makeDigest(file, options, (sha256) => {
      memory?.keep(file.identity, sha256)
      return this.#tellDigest(sha256, whole, part)
    })
  }

  /** Hashing takes no parser, so it is done here: a digest that approves a file is never the reader's word. */
  async #makeDigest(
    file: OpenedFile,
    { signal, onProgress }: Pick<ReadOptions, 'signal' | 'onProgress'>,
    tell: (sha256: string) => Answer,
  ): Promise<Answer> {
    const digest = await digestFile(file, signal, (bytesRead) => onProgress?.({ path: file.path, bytesRead }))
    return digest.ok ? tell(digest.value) : answer({ failure: shortly(digest.failure) })
  }

  #tellDigest(sha256: string, { identity }: OpenedFile, part: DigestedPart): Answer {
    if (this.files.noteDigest(sha256, identity, part)) return answer({ sha256 })
    return failed({ code: 'GNO_READ_LIMIT', detail: 'more digests of one folder than are made' })
  }

  async #template(data: Uint8Array): Promise<Answer> {
    const scan = this.#task.what === 'sniff' ? undefined : this.#task.options.scanTemplate
    if (scan === undefined || data.length > MAX_TEMPLATE_BYTES)
      return answer({ answer: { actions: [], trouble: 'the template is too long' } })
    // Its characters are its positions: two bytes each, so that no half of a pair is lost.
    const template = Buffer.from(data.buffer, data.byteOffset, data.length).toString('utf16le')
    return answer({ answer: await scan(template) })
  }

  #hiddenIn(identity: FileIdentity): Hidden | null | undefined {
    const hidden = this.#task.what === 'sniff' ? undefined : this.#task.options.hidden
    return hidden?.found.get(contentKey(identity))
  }

  #folder(at: number): OpenedFolder | null {
    return this.#held.get(at)?.folder ?? null
  }

  #hold(held: Held): number | null {
    if (this.#held.size >= MAX_OPEN) {
      held.file?.close()
      held.folder?.close()
      return null
    }
    this.#last += 1
    this.#held.set(this.#last, held)
    return this.#last
  }

  #close(at: number): void {
    const held = this.#held.get(at)
    this.#held.delete(at)
    held?.file?.close()
    held?.folder?.close()
  }
}

/** Where a part is told to begin: a whole file and what a browser keeps in an entry of its cache are told as files by themselves. */
function toldStart(whole: OpenedFile, start: number | null, sizeBytes: number): number | null {
  if (start === null || (start === 0 && sizeBytes === whole.identity.sizeBytes)) return null
  const body = bodyIn(whole)
  return body?.start === start && body.sizeBytes === sizeBytes ? null : start
}

function bodyIn(whole: OpenedFile): { readonly start: number; readonly sizeBytes: number } | null {
  try {
    return readCacheEntry(whole)
  } catch {
    // It cannot be read any more: no part of it goes for all of it.
    return null
  }
}

function answer(head: Head, data: Uint8Array = NOTHING): Answer {
  return { head, data }
}

function failed(failure: Failure): Answer {
  return answer({ failure: shortly(failure) })
}

/** Without its cause, which stays in this process. */
function shortly({ code, detail }: Failure): Failure {
  return { code, detail }
}

function codeOf(error: unknown): string {
  return isHead(error) && typeof error['code'] === 'string' ? error['code'] : 'unknown error'
}
