// The decoy's vocabulary: a real SentencePiece BPE structure as GGUF stores it (pieces, scores, types), small and the same in every
// decoy. Three controls, 256 byte tokens, pieces in merge order, then single characters, as in the Llama tokenizer.

/** `tokenizer.ggml.token_type` of the GGUF specification. */
const TYPE = { normal: 1, unknown: 2, control: 3, byte: 6 } as const
/** U+2581, which SentencePiece writes for a space. */
const SPACE = '\u2581'
const CHARACTERS = `${SPACE}etaoinsrhldcumfpgwybvkxjqzETAOINSRHLDCUMFPGWYBVKXJQZ0123456789.,:;-'"!?()/%$&+=`
const WORDS =
  'the of and to in for that on with as is are was from this quarter revenue costs notes next plan team review budget growth sales risk month year report summary draft meeting action'

export interface Token {
  readonly text: string
  readonly score: number
  readonly type: number
}

/** The tokens in id order. Every piece is a merge of an earlier piece and one character, so that all of them can be reached. */
export function decoyVocabulary(): readonly Token[] {
  const tokens: Token[] = [
    { text: '<unk>', score: 0, type: TYPE.unknown },
    { text: '<s>', score: 0, type: TYPE.control },
    { text: '</s>', score: 0, type: TYPE.control },
  ]
  for (let byte = 0; byte < 256; byte += 1) {
    tokens.push({ text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, score: 0, type: TYPE.byte })
  }
  const pieces = new Set<string>()
  for (const word of WORDS.split(' ')) {
    for (let end = 1; end <= word.length; end += 1) pieces.add(SPACE + word.slice(0, end))
  }
  const texts = [...[...pieces].sort((a, b) => a.length - b.length), ...CHARACTERS.split('')]
  for (const [rank, text] of texts.entries()) tokens.push({ text, score: -rank, type: TYPE.normal })
  return tokens
}
