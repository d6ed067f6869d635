// The evasion matrix: every way of hiding a model or the program that runs it, in the order of docs/evasion.md, and the ordinary
// programs about which nothing may be said. What is not detected today stands here by name: a test holds it to that, both ways.

/** Why a case is not detected today. A case that became detected makes its test fail until it is taken out of here. */
export const NOT_DETECTED: Readonly<Record<string, string>> = {
  'small-copied':
    'below 512 MB a copy in memory is no evidence of a model, and nobody answers, so only the engine is told (info)',
}

export type Group = 'weights' | 'program' | 'circumstances'

export interface HidingWay {
  readonly id: string
  readonly title: string
  readonly group: Group
  /** `at-rest`: this runtime cannot load it, so that the file is found is what counts. */
  readonly counts: 'in-use' | 'at-rest'
  /** Harder than the thirty that the project promises something about: two ways at once, or one done better. */
  readonly isHarder: boolean
  /** Only there can the case be made. */
  readonly needs: 'root' | 'python' | null
}

type Rest = Partial<Pick<HidingWay, 'counts' | 'needs' | 'isHarder'>>
const AT_REST = { counts: 'at-rest' } as const
const ROOT = { needs: 'root' } as const

function hiding(id: string, title: string, group: Group, rest: Rest = {}): HidingWay {
  return { id, title, group, counts: 'in-use', needs: null, isHarder: false, ...rest }
}

export const HIDING_WAYS: readonly HidingWay[] = [
  hiding('renamed', 'weights renamed', 'weights'),
  hiding('no-extension', 'no extension', 'weights'),
  hiding('dot-folder', 'dot-folder', 'weights'),
  hiding('stripped', 'metadata stripped', 'weights'),
  hiding('lying', 'metadata lying', 'weights'),
  hiding('altered-magic', 'magic bytes altered at rest', 'weights', AT_REST),
  hiding('shards', 'split in shards', 'weights'),
  hiding('zip', 'inside an uncompressed zip', 'weights', AT_REST),
  hiding('appended', 'appended to another file', 'weights', AT_REST),
  hiding('hard-link', 'hard link', 'weights'),
  hiding('bind-mount', 'read-only bind mount', 'weights', ROOT),
  hiding('unlinked', 'unlinked after load', 'weights'),
  hiding('no-mmap', 'loaded without mmap', 'weights'),
  hiding('mlock', 'mlock', 'weights'),
  hiding('renamed-binary', 'runtime binary renamed', 'program'),
  hiding('argv', 'argv rewritten', 'program'),
  hiding('deleted-binary', 'run from a deleted file', 'program'),
  hiding('memfd', 'run from memfd', 'program', { needs: 'python' }),
  hiding('bundled', 'statically linked or bundled in an Electron/Node app', 'program'),
  hiding('random-port', 'random port', 'program'),
  hiding('unix-socket', 'Unix socket', 'program'),
  hiding('no-listener', 'no listener at all', 'program'),
  hiding('namespace', 'inside a container namespace', 'circumstances', ROOT),
  hiding('other-user', 'other user', 'circumstances', ROOT),
  hiding('niced', 'niced and idle between answers', 'circumstances'),
  hiding('short-lived', 'short-lived (10 s)', 'circumstances'),
  hiding('tmpfs', 'weights on tmpfs', 'circumstances'),
  hiding('other-filesystem', 'weights on another filesystem', 'circumstances', ROOT),
  hiding('adapter', 'adapter loaded over a base', 'circumstances'),
  hiding('two-models', 'two models in one process', 'circumstances'),
  hiding('zip-renamed', 'inside an uncompressed zip, under another name', 'weights', { ...AT_REST, isHarder: true }),
  hiding('small-copied', 'a small model loaded without mmap', 'weights', { isHarder: true }),
  hiding('small-copied-served', 'a small model loaded without mmap, behind an endpoint', 'weights', { isHarder: true }),
  hiding('bundled-copied', 'bundled in an app and loaded without mmap', 'program', { isHarder: true }),
]

export interface Ordinary {
  readonly id: string
  readonly title: string
  /** It really has weights in use, so a story of `info` may be told. */
  readonly hasWeights: boolean
}

export const ORDINARY: readonly Ordinary[] = [
  { id: 'database', title: 'a database with a 4 GB mapped file', hasWeights: false },
  { id: 'browser', title: 'a browser', hasWeights: false },
  { id: 'compiler', title: 'a compiler', hasWeights: false },
  { id: 'numpy', title: 'python with numpy', hasWeights: false },
  { id: 'game', title: 'a game-like GPU client', hasWeights: false },
  { id: 'file-server', title: 'a file server streaming a .gguf', hasWeights: true },
  { id: 'editor', title: 'an editor with a .gguf open', hasWeights: true },
  { id: 'backup', title: 'a backup reading all weights', hasWeights: true },
]
