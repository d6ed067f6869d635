// Which of whisper.cpp's layouts a file with ggml's first magic has: they share it with language models, and name themselves only
// by numbers that repeat (ggml-org/whisper.cpp:src/whisper.cpp).

export const GGML_MAGIC = 'lmgg'

export const WHISPER_WORDS: readonly string[] =
  'nVocab nAudioCtx nAudioState nAudioHead nAudioLayer nTextCtx nTextState nTextHead nTextLayer nMels ftype'.split(' ')
export const PARAKEET_WORDS: readonly string[] = (
  'nVocab nAudioCtx nAudioState nAudioHead nAudioLayer nMels ftype nFft subsamplingFactor subsamplingChannels ' +
  'convKernel predictorState predictorLayers nDurations maxTokens'
).split(' ')
/** Longest name of a kind of voice detector. */
export const MAX_KIND_BYTES = 64

/** Whisper hears 1500 positions, and has one of three vocabularies. */
const AUDIO_POSITIONS = 1_500
const WHISPER_VOCABULARIES: ReadonlySet<number> = new Set([51_864, 51_865, 51_866])

export type SpeechLayout = 'whisper' | 'parakeet' | 'silero'

/** Judges the first bytes; null for language models. */
export function findSpeechLayout(head: Uint8Array): SpeechLayout | null {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  const number = (index: number): number => (bytes.length >= index * 4 + 8 ? bytes.readInt32LE(4 + index * 4) : -1)
  if (bytes.toString('latin1', 0, 4) !== GGML_MAGIC) return null
  const kindBytes = number(0)
  const isNamed = kindBytes > 0 && kindBytes <= MAX_KIND_BYTES
  if (isNamed && bytes.toString('latin1', 8, 8 + kindBytes).startsWith('silero')) return 'silero'
  // The bank of mel filters states its bands again.
  const repeats = (place: number, filters: number): boolean =>
    number(place) > 0 && number(place) === number(filters) && number(filters + 1) > 0
  if (number(1) === AUDIO_POSITIONS || WHISPER_VOCABULARIES.has(number(0))) return 'whisper'
  if (repeats(WHISPER_WORDS.indexOf('nMels'), WHISPER_WORDS.length)) return 'whisper'
  return repeats(PARAKEET_WORDS.indexOf('nMels'), PARAKEET_WORDS.length) ? 'parakeet' : null
}
