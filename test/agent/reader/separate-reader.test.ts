import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type DraftArtifact, type ReadOptions, readCandidates } from '../../../agent/read/read-candidates.ts'
import type { OpenJob } from '../../../agent/reader/hand-out.ts'
import type { ReaderEnd } from '../../../agent/reader/reader-process.ts'
import {
  createSeparateReader,
  type SeparateReader,
  type SeparateReaderOptions,
} from '../../../agent/reader/separate-reader.ts'
import { readerProgram } from '../../../agent/reader/start-reader.ts'
import { candidateAt, openFile } from '../../../agent/sense/linux/open-path.ts'
import type { CandidateFile } from '../../../contract/observation.ts'
import type { Gap } from '../../../contract/wire.ts'
import { draftOf, hostileReader } from './hostile-reader.ts'

let root = ''
let reader: SeparateReader | null = null
const gaps: Gap[] = []
const lost: { readonly end: ReaderEnd; readonly job: OpenJob | null }[] = []

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

const onLinux = process.platform === 'linux' ? it : it.skip

function start(options: SeparateReaderOptions = {}): SeparateReader {
  reader = createSeparateReader({ onLost: (end, job) => lost.push({ end, job }), ...options })
  return reader
}

/** A minimal GGUF with one tensor of zeros. */
function plantModel(name: string, tensors = 1): string {
  const text = (value: string): Buffer => Buffer.concat([uint64(value.length), Buffer.from(value)])
  const infos = Array.from({ length: tensors }, (_, index) =>
    Buffer.concat([text(`blk.${index}.ffn_up.weight`), uint32(1), uint64(32), uint32(0), uint64(index * 128)]),
  )
  const head = Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(tensors), uint64(0), ...infos])
  const data = Buffer.alloc(Math.ceil(head.length / 32) * 32 - head.length + tensors * 128)
  const path = join(root, name)
  writeFileSync(path, Buffer.concat([head, data]))
  return path
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function candidate(path: string): CandidateFile {
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

const bare = (drafts: readonly DraftArtifact[]): unknown => JSON.parse(JSON.stringify(drafts))

describe('a reader in a process of its own', () => {
  it('finds what is found in this process, digests included', async () => {
    const candidates = [plantModel('many.gguf', 700), plantModel('one.gguf')].map(candidate)
    writeFileSync(join(root, 'notes.bin'), Buffer.alloc(3_000_000, 'x'))
    candidates.push(candidate(join(root, 'notes.bin')))

    const here = await drain(readCandidates(candidates, options({ deep: true })))
    const there = await drain(start().readCandidates(candidates, options({ deep: true })))

    expect(bare(there)).toEqual(bare(here))
    expect(there.map(({ fingerprint }) => fingerprint.content?.sha256)).toEqual(
      [candidates[0], candidates[1]].map((file) => sha256Of(file?.path ?? '')),
    )
    expect(gaps).toEqual([])
  })

  it('reads one folder while another waits for whoever takes its models', async () => {
    const [one, other] = [plantModel('a.gguf'), plantModel('b.gguf')]
    const third = plantModel('c.gguf')
    const separate = start()
    const outer = separate.readCandidates([one, other].map(candidate), options())

    const first = await outer.next()
    const inner = await drain(separate.readCandidates([candidate(third)], options()))
    const rest = await drain(outer)

    const paths = [first.value, ...inner, ...rest].map((draft) => (draft as DraftArtifact).path)
    expect(paths).toEqual([one, third, other])
  })

  it('knows weights by their first bytes', async () => {
    const opened = openFile(plantModel('x'))
    if (!opened.ok) throw new Error(opened.failure.detail)

    expect(await start().sniffFormat(opened.value)).toBe('gguf')
    opened.value.close()
  })

  onLinux('blames no file and forgets none where no reader starts, and tries again after a while', async () => {
    const opened = openFile(plantModel('x'))
    if (!opened.ok) throw new Error(opened.failure.detail)
    let nowMs = 0
    const refusing = { isolation: 'own-user', command: ['/bin/false'] } as const
    const separate = start({ ways: [refusing], nowMs: () => nowMs })

    expect(await separate.sniffFormat(opened.value)).toBeUndefined()
    expect(await separate.sniffFormat(opened.value)).toBeUndefined()
    expect(lost).toEqual([{ end: expect.objectContaining({ detail: 'it could not be started' }), job: null }])

    nowMs = 60_000
    expect(await separate.sniffFormat(opened.value)).toBeUndefined()
    expect(lost).toHaveLength(2)
    opened.value.close()
  })

  onLinux('says when it started with more rights than the first way leaves', async () => {
    const told: unknown[] = []
    const refusing = { isolation: 'own-user', command: ['/bin/false'] } as const
    const honest = { isolation: 'permission-model', command: readerProgram() } as const
    const separate = start({ ways: [refusing, honest], onStarted: (...said) => told.push(said) })
    const models = await drain(separate.readCandidates([candidate(plantModel('m.gguf'))], options()))

    expect(models).toHaveLength(1)
    expect(told).toEqual([['permission-model', true]])
  })

  onLinux('has no capabilities, gains none, and is nobody where we are root', async () => {
    const separate = start()
    await drain(separate.readCandidates([candidate(plantModel('m.gguf'))], options()))

    const running = separate.running()
    const status = readFileSync(`/proc/${running?.pid ?? 0}/status`, 'latin1')
    const environment = readFileSync(`/proc/${running?.pid ?? 0}/environ`, 'latin1')

    expect(/^CapEff:\s+(\w+)$/m.exec(status)?.[1]).toBe('0000000000000000')
    expect(environment).toBe('')
    if (!existsSync('/usr/bin/setpriv')) return
    expect(/^NoNewPrivs:\s+(\d)$/m.exec(status)?.[1]).toBe('1')
    if (process.getuid?.() !== 0) return
    expect(['own-user', 'no-capabilities']).toContain(running?.isolation)
    if (running?.isolation === 'own-user') expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe('65534')
  })

  onLinux('ends when it is ended, and by itself when nobody asks', async () => {
    const separate = start({ idleMs: 1 })
    await drain(separate.readCandidates([candidate(plantModel('m.gguf'))], options()))
    const pid = separate.running()?.pid

    await until(() => separate.running() === null)
    if (pid !== undefined) await until(() => !existsSync(`/proc/${pid}/exe`))
  })

  onLinux('goes on with the next one when it is killed amid a file, and tries that file once more', async () => {
    const candidates = [plantModel('a.gguf'), plantModel('b.gguf')].map(candidate)
    const separate = start()
    let kills = 0
    const killed = candidates.map((file) => ({
      ...file,
      open: () => {
        const pid = separate.running()?.pid
        if (file.name === 'b.gguf' && kills < 1 && pid !== undefined) {
          kills += 1
          process.kill(pid, 'SIGKILL')
        }
        return file.open()
      },
    }))

    const drafts = await drain(separate.readCandidates(killed, options()))

    expect(drafts.map(({ path }) => path)).toEqual(candidates.map(({ path }) => path))
    expect(lost.map(({ end, job }) => [end.signal, job?.path])).toEqual([['SIGKILL', candidates[1]?.path]])
  })
})

describe('a reader that a file took over', () => {
  const taken = async (script: string, given: Partial<ReadOptions> = {}): Promise<readonly DraftArtifact[]> => {
    const path = plantModel('m.gguf')
    const patience = { silentProcessorMs: 100, silentMs: 4_000 }
    const separate = start({ ways: hostileReader(root, script), patience })
    return await drain(separate.readCandidates([candidate(path)], options(given)))
  }

  it('gets no file beside by a path, and no candidate that is none', async () => {
    mkdirSync(join(root, 'below'))
    writeFileSync(join(root, 'secret'), 'secret')
    const drafts = await taken(`
      hear()
      const { head } = ask({ op: 'open', index: 0 })
      const at = head.file.at
      const names = ['../../etc/passwd', '/etc/passwd', '..', '.', '', 'below/../secret', 'a\\0b']
      const opened = names.flatMap((name) => [
        ask({ op: 'sibling', at, name, below: null }), ask({ op: 'sibling', at, name: 'secret', below: name }),
        ask({ op: 'open-file', at, name }), ask({ op: 'enter', at, name }),
      ])
      opened.push(ask({ op: 'open', index: 1 }), ask({ op: 'open-file', at: 77, name: 'secret' }))
      const stray = [ask({ op: 'read', at: 99, position: 0, count: 4 }), ask({ op: 'identity', at: 99 })]
      const got = opened.filter(({ head }) => (head.file ?? head.folder ?? null) !== null).length
      const read = stray.filter(({ head, data }) => data.length > 0 || head.identity != null).length
      const beside = ask({ op: 'sibling', at, name: 'secret', below: null }).head.file !== null
      tell({ op: 'end', notes: [{ kind: 'gap', gap: { code: 'GNO_READ_IO', place: 'x', count: 1, detail: got + ' ' + read + ' ' + beside } }] })
    `)

    expect(drafts).toEqual([])
    // A plain name beside the file is what every parser of a model folder asks for.
    expect(gaps.map(({ detail }) => detail)).toEqual(['0 0 true'])
  })

  it.each([
    ['of a file elsewhere', `{ path: '/etc/passwd' }`],
    ['of a folder above', `{ path: file.path.replace(/[/\\\\][^/\\\\]*$/, '/../m.gguf') }`],
    ['of a file that it was not given', `{ identities: [{ ...file.identity, inode: '1' }] }`],
    ['with a part elsewhere', `{ parts: [{ path: '/etc/passwd', sizeBytes: 4, role: 'weights' }] }`],
    ['with a digest that it made up', `{ fingerprint: { content: { sha256: 'a'.repeat(64) } } }`],
    [
      'with a digest of a part that it made up',
      `{ parts: [{ path: file.path, sizeBytes: 4, role: 'weights', sha256: 'a'.repeat(64) }] }`,
    ],
    ['without a shape', `{ parts: 7, marks: {}, identities: null }`],
    ['with marks that are none', `{ marks: [{ name: 'x' }] }`],
  ])('tells no model %s', async (_what, change) => {
    const draft = JSON.stringify(draftOf('PATH', 'IDENTITY'))
    const drafts = await taken(`
      hear()
      const { file } = ask({ op: 'open', index: 0 }).head
      const draft = JSON.parse(${JSON.stringify(draft)}.replaceAll('PATH', file.path))
      draft.identities = [file.identity]
      found({ ...draft, ...${change} })
      hear()
      found(draft)
      hear()
      tell({ op: 'end' })
    `)

    expect(drafts.map(({ path }) => path)).toEqual([join(root, 'm.gguf')])
    expect(gaps.map(({ code }) => code)).toEqual(['GNO_READ_INTERRUPTED'])
  })

  it('decides nothing that is not read: no name, no origin, no relation elsewhere, no identity of its own', async () => {
    const draft = JSON.stringify(draftOf('PATH', 'IDENTITY'))
    const [found] = await taken(`
      hear()
      const { file } = ask({ op: 'open', index: 0 }).head
      const draft = JSON.parse(${JSON.stringify(draft)}.replaceAll('PATH', file.path))
      const identities = [{ ...file.identity, sizeBytes: 1, mtimeNs: '1', extra: 1 }]
      found({ ...draft, identities, simulated: true, identifications: [{}], threats: [{}], arrival: { marks: [] }, summary: 'safe' })
      hear()
      tell({ op: 'end' })
    `)

    expect(found?.identities).toEqual([candidate(join(root, 'm.gguf')).identity])
    expect(Object.keys(found ?? {})).not.toEqual(expect.arrayContaining(['simulated']))
    expect(found).not.toHaveProperty('identifications')
    expect(found).not.toHaveProperty('arrival')
    expect(found).not.toHaveProperty('summary')
    expect(found?.threats).toEqual([])
  })

  it.each([
    ['writes no frame', `hear(); raw(Buffer.alloc(64, 0xff)); for (;;) hear()`],
    [
      'writes a head that is no JSON',
      `hear(); raw(Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7b])); for (;;) hear()`,
    ],
    ['announces a frame of gigabytes', `hear(); raw(Buffer.from([0, 0, 0, 0x7f, 0, 0, 0, 0])); for (;;) hear()`],
    ['asks for what nobody asks for', `hear(); tell({ op: 'write', at: 1, path: '/etc/passwd' }); for (;;) hear()`],
    ['asks for more than a piece', `hear(); tell({ op: 'read', at: 1, position: 0, count: 1e12 }); for (;;) hear()`],
    ['tells a draft that is no JSON', `hear(); tell({ op: 'found' }, Buffer.from('{')); for (;;) hear()`],
    ['spins', `hear(); for (;;) {}`],
    ['sleeps for ever', `hear(); readSync(0, Buffer.alloc(1))`],
    ['ends itself', `hear(); process.exit(7)`],
    ['says that it failed', `hear(); tell({ op: 'failed', value: 'TypeError: x' }); process.exit(1)`],
  ])('is ended and told when it %s', async (_what, script) => {
    expect(await taken(script)).toEqual([])
    // Once more, since no file was open.
    expect(lost).toHaveLength(2)
    expect(gaps.map(({ code, place }) => [code, place])).toEqual([['GNO_READ_INTERRUPTED', join(root, 'm.gguf')]])
  })

  it('does not take the other files of a folder with it', async () => {
    const paths = ['a.gguf', 'bad.gguf', 'c.gguf'].map((name) => plantModel(name))
    const draft = JSON.stringify(draftOf('PATH', 'IDENTITY'))
    const script = `
      const { head } = hear()
      for (let index = 0; index < head.task.count; index += 1) {
        const opened = ask({ op: 'open', index }).head
        if (opened.failure) continue
        const { file } = opened
        if (file.path.endsWith('bad.gguf')) process.abort()
        found({ ...JSON.parse(${JSON.stringify(draft)}.replaceAll('PATH', file.path)), identities: [file.identity] })
        if (hear().head.do === 'drop') break
        ask({ op: 'must-hash', sizeBytes: 1, closed: [file.at] })
      }
      tell({ op: 'end' })
      hear()
    `
    const separate = start({ ways: hostileReader(root, script) })

    const drafts = await drain(separate.readCandidates(paths.map(candidate), options()))

    expect(drafts.map(({ path }) => path)).toEqual([paths[0], paths[2]])
    expect(lost.map(({ end, job }) => [end.signal, job?.path])).toEqual([['SIGABRT', paths[1]]])
  })

  it('holds no more than a few hundred files open', async () => {
    await taken(`
      hear()
      let refused = 0
      for (let turn = 0; turn < 400; turn += 1) if (ask({ op: 'open', index: 0 }).head.failure) refused += 1
      tell({ op: 'end', notes: [{ kind: 'gap', gap: { code: 'GNO_READ_IO', place: 'x', count: 1, detail: String(refused) } }] })
    `)

    expect(gaps.map(({ detail }) => Number(detail))).toEqual([400 - 256])
  })
})

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

async function until(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error('it did not come')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
