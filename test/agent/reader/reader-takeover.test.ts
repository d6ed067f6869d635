// What a reader that a file took over, or a busy machine, may not do: last for ever, fill the memory, outlive its task, cost the isolation.
import { mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createHiddenMemory } from '../../../agent/read/hidden-weights.ts'
import type { DraftArtifact, ReadOptions } from '../../../agent/read/read-candidates.ts'
import type { ReaderEnd } from '../../../agent/reader/reader-process.ts'
import {
  createSeparateReader,
  type SeparateReader,
  type SeparateReaderOptions,
} from '../../../agent/reader/separate-reader.ts'
import type { Way } from '../../../agent/reader/start-reader.ts'
import { recallDrafts } from '../../../agent/recall-drafts.ts'
import { candidateAt } from '../../../agent/sense/linux/open-path.ts'
import type { CandidateFile, WalkedFolder } from '../../../contract/observation.ts'
import type { Gap } from '../../../contract/wire.ts'
import { draftOf, hostileReader } from './hostile-reader.ts'

let root = ''
let reader: SeparateReader | null = null
const gaps: Gap[] = []
const lost: ReaderEnd[] = []

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-reader-')))
  gaps.length = 0
  lost.length = 0
})
afterEach(() => {
  reader?.end()
  reader = null
  rmSync(root, { recursive: true, force: true })
})

function start(options: SeparateReaderOptions): SeparateReader {
  reader = createSeparateReader({ onLost: (end) => lost.push(end), ...options })
  return reader
}

function plant(name = 'm.gguf', sizeBytes = 100): CandidateFile {
  const path = join(root, name)
  writeFileSync(path, 'GGUF')
  truncateSync(path, sizeBytes)
  const found = candidateAt(path)
  if (!found.ok) throw new Error(found.failure.detail)
  return found.value
}

function options(given: Partial<ReadOptions> = {}): ReadOptions {
  const onGap = (gap: Gap): number => gaps.push(gap)
  return { deep: false, signal: new AbortController().signal, reportAll: false, onGap, ...given }
}

async function drain(drafts: AsyncGenerator<DraftArtifact>): Promise<readonly DraftArtifact[]> {
  const all: DraftArtifact[] = []
  for await (const draft of drafts) all.push(draft)
  return all
}

/** Ends every task, or does `script` once the first file is open. */
const WITH_FILE = `
  hear()
  const { file } = ask({ op: 'open', index: 0 }).head
  const draft = JSON.parse(${JSON.stringify(JSON.stringify(draftOf('PATH', 'IDENTITY')))}.replaceAll('PATH', file?.path))
  draft.identities = [file?.identity]
`
const HONEST = `for (;;) if (hear().head.do === 'start') tell({ op: 'end' })`

function way(script: string): Way {
  const [only] = hostileReader(root, script)
  if (only === undefined) throw new Error('no way')
  return only
}

describe('a start of the reader', () => {
  const read = async (separate: SeparateReader): Promise<unknown> =>
    await drain(separate.readCandidates([plant()], options()))
  const silent: Way = { isolation: 'own-user', command: [process.execPath, '-e', 'setInterval(() => 0, 1e6)'] }
  const killed: Way = {
    isolation: 'own-user',
    command: [process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'],
  }
  const busy: Way = { isolation: 'own-user', command: [process.execPath, '-e', 'for (;;);'] }
  const gone: Way = { isolation: 'own-user', command: ['/nowhere/unshare'] }
  const refused: Way = { isolation: 'own-user', command: [process.execPath, '-e', 'process.exit(126)'] }

  it.each([
    ['is slow', silent, { startMs: 500 }],
    ['works without end', busy, { startMs: 600_000, startProcessorMs: 300 }],
    ['is killed', killed, { startMs: 60_000 }],
  ])('gives no right away when it %s', async (_what, first, patience) => {
    const separate = start({ ways: [first, way(HONEST)], patience })

    await read(separate)

    expect(separate.isolation()).toBeNull()
    expect(gaps.map(({ code }) => code)).toEqual(['GNO_READ_INTERRUPTED'])
  })

  it('is tried once more at once where somebody ended it', async () => {
    const mark = JSON.stringify(join(root, 'first'))
    const [program = ''] = way(HONEST).command.slice(1)
    const script = `const fs = require('node:fs'); if (fs.existsSync(${mark})) import(${JSON.stringify(program)}); else { fs.writeFileSync(${mark}, ''); process.kill(process.pid, 'SIGABRT') }`
    const once: Way = { isolation: 'own-user', command: [process.execPath, '-e', script] }
    const separate = start({ ways: [once], patience: { startMs: 60_000 } })

    await read(separate)

    expect([separate.isolation(), gaps]).toEqual(['own-user', []])
  })

  it.each([
    ['is not there', gone],
    ['is refused', refused],
  ])('goes on with the next way where the first one %s', async (_what, first) => {
    const separate = start({ ways: [first, way(HONEST)], patience: { startMs: 60_000 } })

    await read(separate)

    expect([separate.isolation(), gaps]).toEqual(['permission-model', []])
  })

  it('tries the fewest rights again after an hour, and not before', async () => {
    const closed = join(root, 'closed')
    writeFileSync(closed, '')
    const [program = ''] = way(HONEST).command.slice(1)
    const load = `if (require('node:fs').existsSync(${JSON.stringify(closed)})) process.exit(1); import(${JSON.stringify(program)})`
    const first: Way = { isolation: 'own-user', command: [process.execPath, '-e', load] }
    let now = 5
    const separate = start({
      ways: [first, way(HONEST)],
      nowMs: () => now,
      idleMs: 0,
      patience: { startMs: 60_000 },
    })
    const again = async (): Promise<unknown> => {
      await read(separate)
      await until(() => separate.running() === null)
      return separate.isolation()
    }

    const seen = [await again()]
    rmSync(closed)
    now += 3_599_999
    seen.push(await again())
    now += 1
    seen.push(await again())

    expect(seen).toEqual(['permission-model', 'permission-model', 'own-user'])
  })
})

describe('a step of a reader that was taken over', () => {
  const once = (script: string): readonly Way[] => {
    const mark = JSON.stringify(join(root, 'second'))
    return hostileReader(
      root,
      `const fs = await import('node:fs')
       if (fs.existsSync(${mark})) { ${HONEST} }
       fs.writeFileSync(${mark}, '')
       const rest = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
       ${script}`,
    )
  }

  it('ends although it asks something now and then', async () => {
    const script = `hear(); for (;;) { ask({ op: 'must-hash', sizeBytes: 0 }); rest() }`
    await drain(start({ ways: once(script), patience: { stepMs: 1_000 } }).readCandidates([plant()], options()))

    expect(lost.map(({ endedFor }) => endedFor)).toEqual(['nonsense'])
    expect(gaps.map(({ code }) => code)).toEqual(['GNO_READ_INTERRUPTED'])
  })

  it('ends when it takes no answer', async () => {
    const script = `${WITH_FILE}
      for (let turn = 0; turn < 20; turn += 1) tell({ op: 'read', at: file.at, position: 0, count: 1048576 })
      for (;;) rest()`
    const patience = { silentMs: 4_000 }
    await drain(start({ ways: once(script), patience }).readCandidates([plant('m.gguf', 3_000_000)], options()))

    expect(lost.map(({ endedFor }) => endedFor)).toEqual(['silence'])
  })

  it('tells no more than so many models and gaps', async () => {
    const gap = { code: 'GNO_READ_IO', place: 'x', count: 1, detail: '' }
    const script = `${WITH_FILE}
      const notes = Array.from({ length: 5000 }, () => (${JSON.stringify({ kind: 'gap', gap })}))
      for (let turn = 0; turn < 21; turn += 1) ask({ op: 'must-hash', sizeBytes: 0, notes })
      for (;;) { found(draft); hear() }`
    const models = await drain(start({ ways: once(script) }).readCandidates([plant()], options()))

    expect(models).toHaveLength(10_000)
    expect(gaps.filter(({ code }) => code === 'GNO_READ_IO')).toHaveLength(100_000)
    expect(gaps.filter(({ code }) => code === 'GNO_READ_INTERRUPTED')).toHaveLength(2)
  }, 120_000)
})

describe('a task of a reader that was taken over', () => {
  const once = (script: string): readonly Way[] => {
    const mark = JSON.stringify(join(root, 'second'))
    return hostileReader(
      root,
      `const fs = await import('node:fs')
       if (fs.existsSync(${mark})) { ${HONEST} }
       fs.writeFileSync(${mark}, '')
       const rest = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
       ${script}`,
    )
  }

  it('ends although every step is short', async () => {
    const script = `${WITH_FILE} for (;;) { rest(); found(draft); hear() }`
    const models = await drain(
      start({ ways: once(script), patience: { stepMs: 1_500 } }).readCandidates([plant()], options()),
    )

    expect(models.length).toBeGreaterThan(1)
    expect(lost.map(({ endedFor, detail }) => [endedFor, /for 1 files/.test(detail)])).toEqual([['nonsense', true]])
    expect(gaps.map(({ code }) => code)).toEqual(['GNO_READ_INTERRUPTED'])
  }, 30_000)

  it.each([
    ['bytes', `for (;;) ask({ op: 'read', at: file.at, position: 0, count: 1048576 })`],
    [
      'bytes',
      `const piece = Buffer.alloc(8e6, '1'); for (;;) { found(draft); hear(); ask({ op: 'template' }, piece) }`,
    ],
    ['questions', `for (;;) ask({ op: 'list', at: 0 })`],
    ['questions', `for (;;) ask({ op: 'candidates', from: 0 })`],
    ['questions', `for (;;) ask({ op: 'template' }, Buffer.alloc(0))`],
    ['digests', `for (let start = 0; ; start += 1) ask({ op: 'digest', at: file.at, start, sizeBytes: 2000000 })`],
  ])(
    'ends when it asks for %s without end',
    async (what, script) => {
      const separate = start({ ways: once(`${WITH_FILE} ${script}`) })
      await drain(separate.readCandidates([plant('m.gguf', 3_000_000)], options()))

      expect(lost.map(({ endedFor, detail }) => [endedFor, detail])).toEqual([
        ['nonsense', `SIGKILL: it asked for more ${what} than 1 files have`],
      ])
      expect(gaps.map(({ code }) => code)).toEqual(['GNO_READ_INTERRUPTED'])
    },
    60_000,
  )
})

describe('the processor time of a reader that was taken over', () => {
  const onLinux = process.platform === 'linux' ? it : it.skip
  const work = `do { for (let at = 0; at < 1e6; at += 1); } while (process.cpuUsage().user < 400_000)`

  onLinux.each([
    ['less', 0],
    ['more', 1e12],
  ])('is what the system tells, though it says %s', async (_what, processorMs) => {
    const separate = start({
      ways: hostileReader(root, `hear(); ${work}; tell({ op: 'end', processorMs: ${processorMs} })`),
    })
    await drain(separate.readCandidates([plant()], options()))

    expect(separate.processorMs()).toBeGreaterThanOrEqual(300)
    expect(separate.processorMs()).toBeLessThan(60_000)
    separate.end()
    expect(separate.processorMs()).toBeGreaterThanOrEqual(300)
    expect(separate.processorMs()).toBeLessThan(60_000)
  })
})

describe('a takeover', () => {
  const unfit = `${WITH_FILE}
    found({ ...draft, path: '/etc/passwd' })
    hear()
    tell({ op: 'end' })
    ${HONEST}`

  it('ends with its task after a draft that does not fit', async () => {
    const separate = start({ ways: hostileReader(root, unfit) })
    await drain(separate.readCandidates([plant()], options()))

    expect(separate.running()).toBeNull()
    expect(lost).toEqual([])
    expect(await drain(separate.readCandidates([plant()], options()))).toEqual([])
    expect(gaps.map(({ code }) => code)).toEqual(['GNO_READ_INTERRUPTED', 'GNO_READ_INTERRUPTED'])
  })

  it.each([
    ['a draft that does not fit', `found({ ...draft, path: '/etc/passwd' }); hear(); tell({ op: 'end' })`, 0],
    ['nonsense', `tell({ op: 'nonsense' })`, 0],
    ['nothing strange', `tell({ op: 'end' })`, 1],
  ])('leaves nothing for the next sweep after %s', async (_what, script, kept) => {
    const mark = JSON.stringify(join(root, 'second'))
    const ways = hostileReader(
      root,
      `import { existsSync, writeFileSync } from 'node:fs'
       if (existsSync(${mark})) { ${HONEST} }
       writeFileSync(${mark}, '')
       ${WITH_FILE}
       const { dev, inode, sizeBytes, mtimeNs, ctimeNs } = file.identity
       const keys = [[dev, inode, sizeBytes, mtimeNs, ctimeNs], [dev, inode, 'x'], [dev, inode, 1, mtimeNs, ctimeNs]]
       const notes = keys.map((key) => ({ kind: 'hidden', key: key.join(':'), found: null }))
       tell({ op: 'found', closed: [file.at], notes }, Buffer.from(JSON.stringify(draft)))
       hear()
       ${script}
       for (;;) hear()`,
    )
    const texts: string[] = []
    const hidden = createHiddenMemory()
    const memory = {
      nowMs: () => 1e15,
      find: () => undefined,
      keep: (_path: string, _stamp: string, text: string) => texts.push(text),
    }
    const folder = { path: root, stamp: () => ({ digest: 'd', newestMs: 0 }) } as unknown as WalkedFolder
    const drafts = await drain(recallDrafts(folder, [plant()], options({ hidden }), memory, start({ ways })))

    expect(drafts).toHaveLength(1)
    expect(texts).toHaveLength(kept)
    expect(hidden.found.size).toBe(kept)
  })
})

describe('gaps of a folder', () => {
  it('are kept up to a bound', async () => {
    const keptOf = async (count: number): Promise<number> => {
      const texts: string[] = []
      const memory = {
        nowMs: () => 1e15,
        find: () => undefined,
        keep: (_path: string, _stamp: string, text: string) => texts.push(text),
      }
      const folder = { path: root, stamp: () => ({ digest: 'd', newestMs: 0 }) } as unknown as WalkedFolder
      const gap: Gap = { code: 'GNO_READ_INVALID', place: 'x', count: 1, detail: '' }
      const readCandidates = async function* (_files: unknown, { onGap }: ReadOptions): AsyncGenerator<DraftArtifact> {
        for (let told = 0; told < count; told += 1) onGap?.(gap)
        yield* await Promise.resolve([])
      }
      await drain(recallDrafts(folder, [], options(), memory, { readCandidates }))
      return texts.length
    }

    expect([await keptOf(10_000), await keptOf(10_001)]).toEqual([1, 0])
  })
})

async function until(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error('it did not come')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
