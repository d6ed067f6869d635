// As much of a browser's document as the page's building blocks use: nodes that are elements or texts, and nothing that parses.

/** An element (`tag` is its name) or a text (`tag` is null). It has no innerHTML: whoever sets one adds an unknown field. */
export class FakeNode {
  readonly tag: string | null
  readonly attributes = new Map<string, string>()
  readonly children: FakeNode[] = []
  readonly listeners = new Map<string, unknown>()
  text: string

  constructor(tag: string | null, text = '') {
    this.tag = tag
    this.text = text
  }

  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value))
  }

  addEventListener(type: string, listener: unknown): void {
    this.listeners.set(type, listener)
  }

  append(...nodes: readonly (FakeNode | string)[]): void {
    this.children.push(...nodes.map((node) => (typeof node === 'string' ? new FakeNode(null, node) : node)))
  }

  get textContent(): string {
    return this.text + this.children.map((child) => child.textContent).join('')
  }

  set textContent(value: string) {
    this.children.splice(0, this.children.length, new FakeNode(null, value))
  }
}

/** Puts the document where the page looks for it; each test file has globals of its own. */
export function installFakePage(): void {
  const document = {
    createElement: (tag: string) => new FakeNode(tag),
    createTextNode: (text: string) => new FakeNode(null, text),
  }
  const kept = new Map<string, string>()
  const sessionStorage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  }
  Object.assign(globalThis, { document, Node: FakeNode, sessionStorage, location: { hash: '#/' } })
}

/** Lets the page's addresses, which name no host, reach a collector; gives back what undoes it. */
export function fetchFrom(url: string): () => void {
  const real = globalThis.fetch
  globalThis.fetch = (path, init) => {
    if (typeof path !== 'string') throw new Error('the page asks by addresses alone')
    return real(new URL(path, url), init)
  }
  return () => {
    globalThis.fetch = real
  }
}

/** The node that the page made. */
export function made(node: object): FakeNode {
  if (!(node instanceof FakeNode)) throw new Error('the page made something that is no node')
  return node
}

/** Every node below this one, itself included. */
export function everyNode(root: FakeNode): readonly FakeNode[] {
  return [root, ...root.children.flatMap(everyNode)]
}
