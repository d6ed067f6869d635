// What is wrong with the header of a GGUF file in just the way that a known weakness of a loader needs (shared/notes/corpora.md
// section 4). The names are ours; rules/threats/gguf says which weakness each of them aims at. What an accident does to a file
// (a cut download, a transfer as text) has names of its own.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { STRING_TYPE } from '../gguf-types.ts'
import { damageAt } from './gguf-damage.ts'
import { checkSums } from './gguf-sums.ts'
import { type GgufSight, type Place, type WalkedTensor, walkGguf } from './gguf-walk.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { type GgufList, tellGgufTexts } from './tell-gguf-texts.ts'

const ALIGNMENT_KEY = 'general.alignment'
const DEFAULT_ALIGNMENT = 32
const UINT16_TYPE = 2
const UINT32_TYPE = 4
/** The padding wraps in 32 bits from here (llama.cpp pull 24997, CWE-190). */
const WRAPPING_ALIGNMENT = 1n << 31n
/** LLAMA_MAX_LAYERS: arrays of llama.cpp have so many places (llama.cpp pulls 25821 and 26051, CWE-787). */
const MAX_LAYERS = 512n
/** `<0x-1>`: a byte of the vocabulary that is written as a negative number (llama.cpp issue 27226, CWE-129). */
const HEX_TOKEN = Buffer.from('<0x')
const MINUS = 0x2d
const CLOSING = 0x3e
const LONGEST_HEX_TOKEN = 16
/** Tokens are under a kilobyte; what is longer is no byte of a vocabulary, and one window of the cursor holds this. */
const MAX_TOKEN_BYTES = 262_144

/** The scanner of GGUF headers. */
export const scanGguf: Scanner = { id: 'gguf', formats: ['gguf'], scan }

interface Draft {
  readonly keys: Map<string, bigint | null>
  readonly tensors: WalkedTensor[]
  alignment: number
  readonly texts: (readonly [key: string, place: Place])[]
  readonly lists: GgufList[]
  model: Place | null
  tokens: { readonly start: number; readonly count: number } | null
}

const UNKNOWN = { alignment: DEFAULT_ALIGNMENT, model: null, tokens: null }

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const draft: Draft = { keys: new Map(), tensors: [], texts: [], lists: [], ...UNKNOWN }
  const sight = sightOf(cursor, report, draft)
  try {
    walkGguf(cursor, sight)
    const { alignment, tensors } = draft
    const dataStart = Math.ceil(cursor.position / alignment) * alignment
    checkSums(tensors, { dataStart, fileSize: cursor.size, alignment }, sight)
  } finally {
    // What stands before the trouble is told all the same.
    checkKeys(draft, sight)
    checkDoubles(draft.tensors, sight)
    checkAdapter(draft.tensors, sight)
    if (draft.tokens !== null) checkTokens(cursor, draft.tokens, draft.model, sight)
    await tellGgufTexts(cursor, draft, { report, gaps, context, cursor })
  }
}

function sightOf(cursor: Cursor, report: LoadReport, draft: Draft): GgufSight {
  const lie: GgufSight['lie'] = (name, at, shown, facts) => {
    const damage = damageAt(cursor, name, at)
    const isAccident = damage !== null
    report.tell({
      kind: 'malformed-field',
      name: isAccident ? 'gguf-damaged' : name,
      shown: isAccident ? `${damage}: ${shown}` : shown,
      at,
      ...(facts === undefined ? {} : { facts }),
    })
  }
  return {
    lie,
    key: (key, type, at, value) => {
      // A hole of zeros reads as keys without a name.
      if (draft.keys.has(key) && key !== '') lie('gguf-duplicate-key', at, `"${key}" is there twice`)
      if (key === ALIGNMENT_KEY && !draft.keys.has(key)) believeAlignment({ type, at, value }, draft, lie)
      if (key.endsWith('.block_count') && value !== null && (value > MAX_LAYERS || value < 0n)) {
        lie('gguf-block-count', at, `"${key}" is ${value}`)
      }
      if (!draft.keys.has(key)) draft.keys.set(key, value)
    },
    text: (key, place) => {
      if (key === 'tokenizer.ggml.model') draft.model ??= place
      draft.texts.push([key, place])
    },
    list: (key, start, count) => draft.lists.push({ key, start, count }),
    tokens: (start, count) => {
      draft.tokens ??= { start, count }
    },
    tensor: (tensor) => draft.tensors.push(tensor),
  }
}

interface Alignment {
  readonly type: number
  readonly at: number
  readonly value: bigint | null
}

function believeAlignment({ type, at, value }: Alignment, draft: Draft, lie: NonNullable<GgufSight['lie']>): void {
  if (type !== UINT32_TYPE && type !== UINT16_TYPE) {
    const word = type === STRING_TYPE ? 'a text' : `of value type ${type}`
    lie('gguf-alignment-type', at, `"${ALIGNMENT_KEY}" is ${word}`)
  }
  if (value === null) return
  const isPowerOfTwo = value > 0n && (value & (value - 1n)) === 0n
  if (value >= WRAPPING_ALIGNMENT) lie('gguf-alignment-wrap', at, `"${ALIGNMENT_KEY}" is ${value}`)
  else if (!isPowerOfTwo) lie('gguf-alignment', at, `"${ALIGNMENT_KEY}" is ${value}`)
  else if (type === UINT32_TYPE || type === UINT16_TYPE) draft.alignment = Number(value)
}

/** A model without layers divides by their number; a file of words alone has none to divide. */
function checkKeys({ keys, tensors }: Draft, sight: GgufSight): void {
  const [key] = [...keys].find(([name, value]) => name.endsWith('.block_count') && value === 0n) ?? []
  if (key !== undefined && tensors.length > 0) {
    sight.lie?.('gguf-block-count-zero', tensors[0]?.at ?? 0, `"${key}" is 0 and there are tensors`)
  }
}

/** Only the loader of plamo2 reads such tokens as numbers with a sign. */
function checkTokens(
  cursor: Cursor,
  { start, count }: NonNullable<Draft['tokens']>,
  model: Draft['model'],
  sight: GgufSight,
): void {
  if (model === null || model.sizeBytes > MAX_TOKEN_BYTES) return
  cursor.seek(model.start)
  if (!Buffer.from(cursor.view(model.sizeBytes)).toString('latin1').startsWith('plamo')) return
  cursor.seek(start)
  cursor.visitStrings(count, MAX_TOKEN_BYTES, (bytes, from, to, index) => {
    if (!isNegativeByte(bytes, from, to)) return
    const token = Buffer.from(bytes.subarray(from, to)).toString('latin1')
    sight.lie?.('gguf-token-hex-negative', start, `token ${index} is ${token}`)
  })
}

function isNegativeByte(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > LONGEST_HEX_TOKEN || bytes[to - 1] !== CLOSING) return false
  return HEX_TOKEN.every((byte, index) => bytes[from + index] === byte) && bytes.subarray(from, to).includes(MINUS)
}

function checkDoubles(tensors: readonly WalkedTensor[], sight: GgufSight): void {
  const names = new Set<string>()
  for (const { name, at } of tensors) {
    if (names.has(name) && name !== '') sight.lie?.('gguf-duplicate-tensor', at, `tensor "${name}" is there twice`)
    names.add(name)
  }
}

/** Both halves of an adapter have one slice for each expert; loaders take the number of one for that of the other (issue 29128). */
function checkAdapter(tensors: readonly WalkedTensor[], sight: GgufSight): void {
  const halves = new Map(
    tensors.filter(({ name }) => name.endsWith('.lora_a')).map(({ name, dims }) => [name.slice(0, -2), dims[2] ?? 1n]),
  )
  for (const { name, dims, at } of tensors) {
    const other = name.endsWith('.lora_b') ? halves.get(name.slice(0, -2)) : undefined
    const own = dims[2] ?? 1n
    if (other !== undefined && other !== own) {
      sight.lie?.('gguf-adapter-experts', at, `"${name}" is for ${own} experts, its other half for ${other}`)
    }
  }
}
