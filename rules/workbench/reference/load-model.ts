// The one door to node-llama-cpp: prebuilt CPU library only, never a build, a download or a GPU. Its native code ends the whole
// process on some malformed models, so only the disposable program reference-runtime.ts calls this, never a daemon.
import type * as LlamaCpp from 'node-llama-cpp'
import { type Result, failed, success } from '../../../contract/failure.ts'

export interface LoadRequest {
  readonly modelPath: string
  readonly weights: 'mapped' | 'copied'
  readonly contextTokens: number
  /** Keep the weights in memory (mlock(2)). */
  readonly isLocked: boolean
  /** A LoRA adapter in GGUF that is applied to the model; null without one. */
  readonly adapterPath: string | null
}

interface Generation {
  readonly text: string
  readonly promptTokens: number
  readonly tokens: number
  readonly milliseconds: number
}

/** Greedy text from a loaded model; the prompt is cut to what fits before the answer. One call at a time. */
export type Generate = (prompt: string, tokens: number) => Promise<Generation>

type Library = typeof LlamaCpp

/** Loads a model for greedy generation. Fails with GNO_REFERENCE_MISSING where node-llama-cpp is not installed. */
export async function loadModel(request: LoadRequest): Promise<Result<Generate>> {
  const library = await importLibrary()
  if (!library.ok) return library
  try {
    return success(await openModel(library.value, request))
  } catch (error) {
    if (error instanceof library.value.NoBinaryFoundError) {
      return failed('GNO_REFERENCE_MISSING', 'node-llama-cpp has no binary for this machine', error)
    }
    return failed('GNO_REFERENCE_FAILED', error instanceof Error ? error.message : String(error), error)
  }
}

async function importLibrary(): Promise<Result<Library>> {
  try {
    return success(await import('node-llama-cpp'))
  } catch (error) {
    return failed('GNO_REFERENCE_MISSING', 'node-llama-cpp cannot be imported', error)
  }
}

async function openModel(library: Library, request: LoadRequest): Promise<Generate> {
  const llama = await library.getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: library.LlamaLogLevel.disabled,
    maxThreads: 1,
  })
  const { modelPath, weights, isLocked, adapterPath, contextTokens } = request
  const model = await llama.loadModel({ modelPath, useMmap: weights === 'mapped', useMlock: isLocked })
  const context = await model.createContext({
    contextSize: contextTokens,
    sequences: 1,
    threads: 1,
    ...(adapterPath === null ? {} : { lora: adapterPath }),
  })
  const sequence = context.getSequence()
  return async (prompt, tokens) => {
    await sequence.clearHistory()
    const wanted = Math.min(tokens, contextTokens - 1)
    const question = model.tokenize(prompt).slice(0, contextTokens - wanted)
    const first = model.tokens.bos
    const input = question.length > 0 || first === null ? question : [first]
    const answer: typeof input = []
    const started = performance.now()
    // An end mark is kept: random weights give one at any place, and the count asked for is what a watcher waits for.
    for await (const token of sequence.evaluate(input, { temperature: 0, yieldEogToken: true })) {
      answer.push(token)
      if (answer.length >= wanted) break
    }
    const milliseconds = Math.round(performance.now() - started)
    return { text: model.detokenize(answer), promptTokens: input.length, tokens: answer.length, milliseconds }
  }
}
