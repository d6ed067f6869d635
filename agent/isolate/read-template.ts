// Reads one template: with @huggingface/jinja, and where that refuses what Jinja2 takes, with our own reader. Never rendered.
import { Template } from '@huggingface/jinja'
import type { TemplateAnswer } from '../../contract/template-answer.ts'
import { adoptTree } from './adopt-tree.ts'
import type { CountedAction } from './template-actions.ts'
import { readPiece } from './template-grammar.ts'
import { type Node, type Part, troubleOf } from './template-nodes.ts'
import { type Piece, cutTemplate } from './template-tokens.ts'
import { walkTemplate } from './walk-template.ts'

/** A name of a file may be as long as the file (CWE-770). */
const MAX_NAME_CHARS = 200

/** Everything that rendering this template would reach for. */
export function readTemplate(source: string): TemplateAnswer {
  const troubles: string[] = []
  const parts = readParts(source, troubles)
  const { actions, isCut } = walkTemplate(parts)
  if (isCut) troubles.push('it does more different things than are told')
  const [trouble] = troubles
  return {
    actions: actions.map((action) => placed(action, source)),
    ...(trouble === undefined ? {} : { trouble }),
  }
}

/** The place of the word, and where a name of Python's is nowhere to be read, that it was written so as not to be. */
function placed({ needle, ...rest }: CountedAction, source: string): TemplateAnswer['actions'][number] {
  const action = { ...rest, name: rest.name.slice(0, MAX_NAME_CHARS) }
  const at = needle === undefined ? -1 : source.indexOf(needle)
  if (at >= 0) return { ...action, at }
  const { facts } = action
  return facts?.['isHidden'] === false ? { ...action, facts: { ...facts, isHidden: true } } : action
}

function readParts(source: string, troubles: string[]): readonly Part[] {
  const pieces = cut(source, troubles)
  // What our own lexer cannot cut, no other reader gets: the count of its tokens bounds what the parser may build.
  if (troubles.length === 0) {
    try {
      // The class parses when it is made; only its `render` would run anything.
      const template: { readonly parsed: unknown } = new Template(source)
      return adoptTree(template.parsed)
    } catch {
      // The parser throws whatever it likes, a full stack among it: it knows less of Jinja2 than our own reader.
    }
  }
  return pieces.map((piece) => readOwn(piece, troubles))
}

function cut(source: string, troubles: string[]): readonly Piece[] {
  try {
    return cutTemplate(source)
  } catch (error) {
    troubles.push(troubleOf(error))
    return looseWords(source)
  }
}

function readOwn(piece: Piece, troubles: string[]): Part {
  try {
    return readPiece(piece)
  } catch (error) {
    troubles.push(troubleOf(error))
    if (piece.kind === 'text' || piece.kind === 'comment') return piece
    return {
      kind: 'statement',
      word: 'unread',
      targets: [],
      values: piece.tokens.map(({ text }): Node => ({ kind: 'string', value: text })),
    }
  }
}

/** Words of a broken template that are names of Python's own: what a more forgiving reader would reach for. */
function looseWords(source: string): readonly Piece[] {
  const words = source.match(/__\w{1,64}/g) ?? []
  return [
    {
      kind: 'statement',
      tokens: [
        { kind: 'name', text: 'unread' },
        ...words.slice(0, 64).map((text) => ({ kind: 'string' as const, text })),
      ],
    },
  ]
}
