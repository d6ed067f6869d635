// What running a model takes, and what a host could run: weights plus KV cache, from structure alone.
import type { MemoryNeed } from '../contract/artifact.ts'
import type { Structure } from '../contract/fingerprint.ts'
import type { Host } from '../contract/report.ts'

/** What people chat with; runtimes start between 2,048 and 8,192. */
const USUAL_CONTEXT = 8_192
/** Keys and values are kept as F16 unless somebody asks for less. */
const CACHE_BYTES = 2
const KEYS_AND_VALUES = 2
/** State-space and recurrent decoders keep a state of fixed size instead of a cache. */
const WITHOUT_CACHE = ['mamba', 'rwkv', 'arwkv']
/** Multi-head latent attention keeps one compressed row a token, and beside it the rotated part of one key (DeepSeek V2: 64). */
const LATENT_ROTATED = 64
const LATENT_CACHE = ['deepseek2', 'deepseek3', 'minicpm3', 'kimi', 'plm']

/** The memory need of a text decoder; undefined for what answers nothing alone. */
export function memoryNeedOf(structure: Structure | undefined, weightsBytes: number): MemoryNeed | undefined {
  if (structure?.kind !== 'text' || structure.tensorCount === 0 || weightsBytes === 0) return undefined
  // A hole of exabytes: more than the wire carries, and than any machine has (CWE-190).
  if (!Number.isSafeInteger(weightsBytes)) return undefined
  const contextLength = Math.min(structure.contextLength ?? USUAL_CONTEXT, USUAL_CONTEXT)
  const bytesPerToken = cacheBytesPerToken(structure)
  const weights = `weights of ${weightsBytes} bytes, as they lie on disk`
  if (bytesPerToken === undefined) {
    return {
      weightsBytes,
      totalBytes: weightsBytes,
      because: [weights, 'the size of its cache is not known from the header'],
    }
  }
  const kvCacheBytes = bytesPerToken * contextLength
  const totalBytes = weightsBytes + kvCacheBytes
  // Numbers that lie.
  if (!Number.isSafeInteger(totalBytes)) return undefined
  const because = [weights, `KV cache of ${bytesPerToken} bytes a token (F16) at ${contextLength} tokens`]
  if ((structure.slidingWindow ?? 0) > 0) because.push('layers with a sliding window keep less: an upper bound')
  return { weightsBytes, kvCacheBytes, contextLength, totalBytes, because }
}

/** KV cache of one token at 16 bits; undefined where the structure does not tell. */
export function cacheBytesPerToken(structure: Structure): number | undefined {
  const { architecture = '', layers, embeddingWidth, attentionHeads } = structure
  const isOf = (names: readonly string[]): boolean => names.some((name) => architecture.startsWith(name))
  if (isOf(WITHOUT_CACHE) || layers === undefined) return undefined
  if (structure.kvRank !== undefined) return layers * (structure.kvRank + LATENT_ROTATED) * CACHE_BYTES
  if (isOf(LATENT_CACHE)) return undefined
  if (embeddingWidth === undefined || attentionHeads === undefined) return undefined
  if (attentionHeads === 0) return undefined
  const headWidth = structure.headWidth ?? embeddingWidth / attentionHeads
  const bytes = KEYS_AND_VALUES * CACHE_BYTES * layers * (structure.kvHeads ?? attentionHeads) * headWidth
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Sizes that models are published in. */
const CLASSES: readonly number[] = [1e9, 3e9, 8e9, 14e9, 32e9, 70e9, 120e9, 235e9, 405e9, 671e9, 1e12]
/** Q4_K_M, what most people download, has 4.8 bits a weight. */
const USUAL_BITS = 4.8
const BITS_PER_BYTE = 8
/** Cache, compute buffers and the runtime itself. */
const OVERHEAD_SHARE = 0.1
/** Memory that a person would give up: of RAM and unified memory three quarters, of a graphics card nearly all. */
const RAM_SHARE = 0.75
const VRAM_SHARE = 0.95

type CouldRun = NonNullable<Host['couldRun']>

interface Pool {
  readonly memoryKind: string
  readonly memoryBytes: number
  readonly usableBytes: number
}

/** The largest class of model that fits at 4 bits; undefined where the memory is not known. */
export function couldRun(
  host: Pick<Host, 'platform' | 'architecture' | 'memoryBytes' | 'graphics'>,
): CouldRun | undefined {
  const [best] = poolsOf(host).sort((left, right) => right.usableBytes - left.usableBytes)
  if (best === undefined) return undefined
  const largest = CLASSES.filter((parameters) => bytesFor(parameters) <= best.usableBytes).at(-1)
  if (largest === undefined) return undefined
  return {
    largest: `${largest >= 1e12 ? `${largest / 1e12}T` : `${largest / 1e9}B`} at 4 bits`,
    parameters: largest,
    memoryKind: best.memoryKind,
    memoryBytes: best.memoryBytes,
    because: [
      `${best.memoryKind} of ${best.memoryBytes} bytes, of which ${Math.floor(best.usableBytes)} would be free for a model`,
      `${USUAL_BITS} bits a weight and ${OVERHEAD_SHARE * 100} % for cache and buffers take ${Math.ceil(bytesFor(largest))} bytes`,
    ],
  }
}

function bytesFor(parameters: number): number {
  return ((parameters * USUAL_BITS) / BITS_PER_BYTE) * (1 + OVERHEAD_SHARE)
}

function poolsOf({ platform, architecture, memoryBytes, graphics }: Parameters<typeof couldRun>[0]): Pool[] {
  const isUnified = platform === 'darwin' && architecture === 'arm64'
  const pools: Pool[] = []
  if (memoryBytes > 0) {
    const memoryKind = isUnified ? 'unified memory' : 'RAM'
    pools.push({ memoryKind, memoryBytes, usableBytes: memoryBytes * RAM_SHARE })
  }
  const video = graphics.reduce((sum, card) => sum + (card.memoryBytes ?? 0), 0)
  if (video > 0 && !isUnified) pools.push({ memoryKind: 'VRAM', memoryBytes: video, usableBytes: video * VRAM_SHARE })
  return pools
}
