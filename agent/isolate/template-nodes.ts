// What a chat template is made of, whichever of the two readers read it: text, comments, outputs and statements in their order, and
// expressions. Jinja2's grammar (jinja.palletsprojects.com/en/stable/templates), without what tells how things are laid out.

/** Public templates nest under 40 deep; a walk of so many levels fits any stack (CWE-674). */
export const MAX_DEPTH = 400

export interface Argument {
  /** Of a keyword argument. */
  readonly name?: string
  readonly value: Node
}

/** An expression. */
export type Node =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Node, Node])[] }
  /** `of.key`, where the key is a string, or `of[key]`. */
  | { readonly kind: 'member'; readonly of: Node; readonly key: Node; readonly isComputed: boolean }
  | { readonly kind: 'slice'; readonly parts: readonly (Node | null)[] }
  | { readonly kind: 'call'; readonly callee: Node; readonly args: readonly Argument[] }
  /** `of` is null for `{% filter … %}`, which filters the text below it. */
  | { readonly kind: 'filter'; readonly of: Node | null; readonly name: string; readonly args: readonly Argument[] }
  | { readonly kind: 'test'; readonly of: Node; readonly name: string; readonly args: readonly Argument[] }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Node; readonly right: Node }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Node }
  /** `a if test else b`. */
  | { readonly kind: 'choice'; readonly test: Node; readonly values: readonly Node[] }

/** What the plain containers among expressions hold. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'list':
      return node.items
    case 'map':
      return node.entries.flat()
    case 'slice':
      return node.parts.filter((part) => part !== null)
    case 'unary':
      return [node.of]
    case 'choice':
      return [node.test, ...node.values]
    default:
      return []
  }
}

/** One piece of a template. */
export type Part =
  | { readonly kind: 'text' | 'comment'; readonly value: string }
  | { readonly kind: 'output'; readonly value: Node }
  /** `word` is what it begins with; `targets` are what it names or assigns, `values` what it computes. */
  | {
      readonly kind: 'statement'
      readonly word: string
      readonly targets: readonly Node[]
      readonly values: readonly Node[]
    }

/** Trouble with a template, as opposed to a mistake of ours. */
const troubles = new WeakSet<Error>()

/** Makes the error with which a reader of templates stops. */
export function templateTrouble(detail: string): Error {
  const error = new Error(detail)
  troubles.add(error)
  return error
}

/** What a reader of templates stopped at; an error of ours goes on its way. */
export function troubleOf(error: unknown): string {
  if (error instanceof Error && troubles.has(error)) return error.message
  throw error
}
