// What one reader may ask for in one task, over all of its steps: in proportion to what was handed out, so that a reader which a file took
// over has an end however small its steps are (CWE-400, CWE-770). A reader that goes beyond it is ended over the file that is open.
//
// Measured of honest ones: a GGUF of 41 GB 309 questions and 45 MB, a torch archive of 5 GB with 640 tensors 1,325 and 8 MB, a folder of
// 200 shards with 500 tensors each 3,036 and 364 MB in 5 s; small files at most 7 times their size, in 61 questions each.
import { READ_BUDGET } from '../read/read-budget.ts'
import type { Request } from './requests.ts'
import type { StepLimits, StepTime } from './step-clock.ts'

/** Recognition, reading, the scan, and samples with norms: each may use the budget of a file up. */
const PASSES = 4
/** The smallest look that a cursor takes. */
const LOOK_BYTES = 4_096
/** Any single file may be read as its budget allows; what many files may take in all goes by their size. */
const FILE_BYTES = READ_BUDGET.bytes * PASSES
const FILE_QUESTIONS = FILE_BYTES / LOOK_BYTES
/** Nine times what small files were measured to take. */
const BYTES_A_BYTE = 64
const LEAST_FILE_BYTES = 1_048_576
/** A member of an archive takes some 128 bytes there, and three questions. */
const BYTES_A_QUESTION = 42
const LEAST_FILE_QUESTIONS = 256
/** Twenty times what a file that is no model takes. */
const LEAST_FILE_MS = 20
const MS_A_MEBIBYTE = 100
const MEBIBYTE = 1_048_576
const MOST_FILE_MS = 30_000
/** Reading takes so much longer by the clock where the machine is busy, as in the limits of a step. */
const CLOCK_FACTOR = 6
/** All of the file, what a browser keeps in it, and a model that is hidden in it. */
const DIGESTS_A_FILE = 3

/** What these questions cost the worker, in reads: lists of names, 500 whole paths, and templates, which may take a second. */
const COSTS: Readonly<Partial<Record<Request['op'], number>>> = {
  list: 16,
  siblings: 16,
  candidates: 256,
  template: 2_048,
}

export class TaskAllowance {
  readonly #limits: StepLimits
  #questions = FILE_QUESTIONS
  #bytes: number
  #digestBytes = 0
  #moreMs = 0
  #files = 0
  #processorMs = 0
  #ownMs = 0

  /** `roomBytes`: what may be searched for hidden models beside. */
  constructor(limits: StepLimits, roomBytes: number) {
    this.#limits = limits
    this.#bytes = FILE_BYTES + roomBytes
  }

  /** One more file was handed out, for the first time. */
  add(sizeBytes: number): void {
    this.#files += 1
    this.#bytes += Math.min(FILE_BYTES, LEAST_FILE_BYTES + sizeBytes * BYTES_A_BYTE)
    this.#questions += Math.min(FILE_QUESTIONS, LEAST_FILE_QUESTIONS + Math.floor(sizeBytes / BYTES_A_QUESTION))
    this.#digestBytes += sizeBytes * DIGESTS_A_FILE
    this.#moreMs += Math.min(MOST_FILE_MS, LEAST_FILE_MS + (sizeBytes / MEBIBYTE) * MS_A_MEBIBYTE)
  }

  /** Throws where it asks too much. */
  ask({ op }: Pick<Request, 'op'>): void {
    this.#questions -= COSTS[op] ?? 1
    if (this.#questions < 0) throw this.#excess('questions')
  }

  /** Bytes that it was given, or that it wrote. Throws where they are too many. */
  move(bytes: number): void {
    this.#bytes -= bytes
    if (this.#bytes < 0) throw this.#excess('bytes')
  }

  /** Bytes that are about to be digested for it. Throws where they are too many. */
  digest(bytes: number): void {
    this.#digestBytes -= bytes
    if (this.#digestBytes < 0) throw this.#excess('digests')
  }

  /** A step that is over. */
  spend({ processorMs, ownMs }: StepTime): void {
    this.#processorMs += processorMs
    this.#ownMs += ownMs
  }

  /** Why the task has to end, with the step that runs; null while it may go on. */
  overrun(step: StepTime): string | null {
    const processorMs = this.#processorMs + step.processorMs
    const ownMs = this.#ownMs + step.ownMs
    const { stepProcessorMs, stepMs } = this.#limits
    const isWithin = processorMs < stepProcessorMs + this.#moreMs && ownMs < stepMs + this.#moreMs * CLOCK_FACTOR
    if (isWithin) return null
    return `its steps took ${Math.round(processorMs / 1000)} s of its processor time, ${Math.round(ownMs / 1000)} s by the clock, for ${this.#files} files`
  }

  #excess(what: string): Error {
    return new Error(`it asked for more ${what} than ${this.#files} files have`)
  }
}
