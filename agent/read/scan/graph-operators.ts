// Operators of TensorFlow graphs, and the texts that they are given: names of files, addresses, registered functions. Told once each,
// where they stand first, so that a graph of a million nodes is as short as its vocabulary.
import { readTrouble } from '../cursor.ts'
import { type LoadReport, showText } from './load-report.ts'

/** TensorFlow has some 1,500 operators; the largest public graphs use 160 (CWE-770). */
const MAX_OPERATORS = 4_096
/** Nodes with a path or address of their own, which are told one by one. */
const MAX_PLACES = 64
/** Names of constants with a text, so that what a node is given can be shown. */
const MAX_CONSTANTS = 4_096
const MAX_INPUTS = 4
const MAX_TEXT_CHARS = 96

export interface NodeDetail {
  readonly name: string
  readonly inputs: readonly string[]
}

export interface GraphNode {
  readonly op: string
  /** Texts among its attributes. */
  readonly texts: readonly string[]
  readonly at: number
  /** Byte of the function it belongs to, whose names are its own; 0 for the graph itself. */
  readonly scope: number
  /** Asked only where the node is told. */
  readonly readDetail: () => NodeDetail
}

interface Kept {
  readonly node: GraphNode
  readonly detail: NodeDetail
  count: number
}

/** The operators of one file. */
export class GraphOperators {
  readonly #kept = new Map<string, Kept>()
  readonly #constants = new Map<string, string>()
  readonly #functions = new Set<string>()
  #places = 0
  #hasPlaces = false
  #isWhole = true

  /** A function of the graph's own library: to call it is nothing by itself. */
  addFunction(name: string): void {
    if (this.#functions.size < MAX_OPERATORS * 16) this.#functions.add(name)
    else throw readTrouble('GNO_READ_LIMIT', `a graph of more than ${MAX_OPERATORS * 16} functions`)
  }

  /** The text of a constant. Nodes stand in any order, so what it is given to is only known once all were added. */
  addConstant(name: string, text: string, scope: number): void {
    if (this.#constants.size >= MAX_CONSTANTS) return
    this.#constants.set(`${scope} ${name}`, text)
    this.#hasPlaces ||= isPlace(text)
  }

  /** True where a constant holds a path or an address. */
  get hasPlaces(): boolean {
    return this.#hasPlaces
  }

  addNode(node: GraphNode): void {
    this.#keep(node, node.texts.filter(isPlace))
  }

  /** A node that was added before: told by itself where a constant gives it a place. */
  addGiven(node: GraphNode): void {
    const places = this.#given(node, node.readDetail()).filter(isPlace)
    if (places.length > 0) this.#keep(node, places)
  }

  #keep(node: GraphNode, places: readonly string[]): void {
    const key = [node.op, ...places.slice(0, MAX_INPUTS)].join('\0')
    const known = this.#kept.get(key)
    if (known !== undefined) {
      known.count += 1
      return
    }
    if (places.length > 0) this.#places += 1
    if (this.#kept.size >= MAX_OPERATORS || this.#places > MAX_PLACES) this.#isWhole = false
    else this.#kept.set(key, { node, detail: node.readDetail(), count: 1 })
  }

  /** Tells them; what the graph's own functions are called is none of TensorFlow's. */
  tellTo(report: LoadReport, container: string, member?: string): void {
    if (!this.#isWhole) report.break()
    for (const { node, detail, count } of this.#kept.values()) {
      const { op, at } = node
      const { name } = detail
      if (this.#functions.has(op)) continue
      const told = this.#given(node, detail).map((text) => showText(text, MAX_TEXT_CHARS))
      const shown = told.length === 0 ? `${op} at node ${name}` : `${op} at node ${name}: ${told.join(', ')}`
      const facts = { container, ...(told.length === 0 ? {} : { given: told.join(' ').slice(0, 512) }) }
      const within = member === undefined ? {} : { member }
      report.tell({ kind: 'graph-operator', name: op, shown, facts, at, ...within, ...(count > 1 ? { count } : {}) })
    }
  }

  /** Texts that a node gets from constants, and places among its attributes. */
  #given({ texts, scope }: GraphNode, { inputs }: NodeDetail): readonly string[] {
    return [...inputs.flatMap((input) => this.#constants.get(`${scope} ${input}`) ?? []), ...texts.filter(isPlace)]
  }
}

/** Names of variables have slashes as well; a place begins with one, or says how it is reached. */
function isPlace(text: string): boolean {
  return text.includes('://') || /^(?:[/\\]{1,2}\w|[A-Za-z]:[/\\]|~|\.\.?[/\\])/.test(text)
}
