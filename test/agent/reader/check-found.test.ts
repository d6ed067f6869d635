// What a reader that a file took over may tell of the files that it was given, and what nobody believes.
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { DigestMemory } from '../../../agent/read/digest-memory.ts'
import { boundsOf, checkDraft, checkFind, checkPlace } from '../../../agent/reader/check-found.ts'
import { HandOut } from '../../../agent/reader/hand-out.ts'
import type { Request } from '../../../agent/reader/requests.ts'
import { STEP_LIMITS } from '../../../agent/reader/step-clock.ts'
import { TaskAllowance } from '../../../agent/reader/task-allowance.ts'
import type { Task } from '../../../agent/reader/tasks.ts'
import { stores } from '../../../agent/read/stores.ts'
import { openFolder } from '../../../agent/sense/linux/held-folder.ts'
import { candidateAt } from '../../../agent/sense/linux/open-path.ts'
import { holdForReading } from '../../../agent/sense/linux/opened-folder.ts'
import type { CandidateFile, FileIdentity } from '../../../contract/observation.ts'
import { draftOf } from './hostile-reader.ts'

const APPROVED = Buffer.alloc(2_000, 'a')
const EVIL = Buffer.concat([APPROVED, Buffer.alloc(500, 'e')])

let root = ''
const kept: string[] = []
let handOut: HandOut
let task: Task

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-found-')))
  kept.length = 0
  mkdirSync(join(root, 'sub'))
  writeFileSync(join(root, 'approved.bin'), APPROVED)
  writeFileSync(join(root, 'evil.bin'), EVIL)
  writeFileSync(join(root, 'config.json'), '{}')
  const digests: DigestMemory = {
    find: () => undefined,
    keep: (_identity, sha256) => kept.push(sha256),
    postpone: () => null,
  }
  const options = { deep: true, signal: new AbortController().signal, reportAll: false, digests }
  task = { what: 'candidates', candidates: ['approved.bin', 'evil.bin'].map(candidate), options }
  handOut = new HandOut(task, { refuse: () => null, allowance: new TaskAllowance(STEP_LIMITS, 0) })
})
afterEach(() => {
  handOut.releaseAll()
  rmSync(root, { recursive: true, force: true })
})

function candidate(name: string): CandidateFile {
  const found = candidateAt(join(root, name))
  if (!found.ok) throw new Error(found.failure.detail)
  return found.value
}

async function ask(request: Request): Promise<Readonly<Record<string, unknown>>> {
  return (await handOut.answer(request, new Uint8Array(0))).head
}

interface Handed {
  readonly at: number
  readonly path: string
  readonly identity: FileIdentity
}

async function open(index: number): Promise<Handed> {
  return (await ask({ op: 'open', index }))['file'] as Handed
}

async function digest(at: number, start: number | null, sizeBytes: number): Promise<string> {
  return String((await ask({ op: 'digest', at, start, sizeBytes }))['sha256'])
}

type Part = Readonly<Record<string, unknown>>

function check({ path, identity }: Handed, part: Part, change: Part = {}): ReturnType<typeof checkDraft> {
  const { sizeBytes } = identity
  const parts = [{ path, sizeBytes, role: 'weights', ...part }]
  return checkDraft({ ...draftOf(path, identity), sizeBytes, parts, ...change }, boundsOf(task), handOut)
}

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const content = (sha256: string): Part => ({ fingerprint: { content: { sha256 } } })

describe('a digest', () => {
  it('is believed of the file that it was computed of, as a whole', async () => {
    const evil = await open(1)
    const sha256 = await digest(evil.at, null, 0)

    expect(sha256).toBe(sha256Of(EVIL))
    expect(check(evil, { sha256 }, content(sha256))?.fingerprint.content).toEqual({ sha256 })
    expect(kept).toEqual([sha256])
  })

  it('is not believed of the file beside it', async () => {
    const [approved, evil] = [await open(0), await open(1)]
    const sha256 = await digest(approved.at, null, 0)
    const identities = [evil.identity, approved.identity]

    expect(check(evil, { sha256 }, { identities })).toBeNull()
    expect(check(evil, { sha256, sizeBytes: APPROVED.length }, { identities })).toBeNull()
    expect(check(approved, { sha256 }, { path: evil.path })).toBeNull()
    expect(check(approved, { sha256 }, { identities })).toBeNull()
    expect(check(approved, { sha256 })?.path).toBe(approved.path)
  })

  it('of a part is none of the whole, and is kept for nobody', async () => {
    const evil = await open(1)
    const sha256 = await digest(evil.at, 0, APPROVED.length)

    expect(sha256).toBe(sha256Of(APPROVED))
    expect(check(evil, { sha256 }, content(sha256))).toBeNull()
    expect(check(evil, { sha256, sizeBytes: APPROVED.length }, content(sha256))).toBeNull()
    expect(check(evil, {}, content(sha256))).toBeNull()
    expect(kept).toEqual([])
  })

  it('of a model hidden in a file is told with its place', async () => {
    const evil = await open(1)
    const sha256 = await digest(evil.at, 2_000, 500)
    const place = { sha256, offsetBytes: 2_000, sizeBytes: 500 }

    expect(check(evil, place, content(sha256))?.fingerprint.content).toEqual({ sha256 })
    expect(check(evil, { ...place, offsetBytes: 1_999 }, content(sha256))).toBeNull()
    expect(check(evil, { ...place, sizeBytes: 501 }, content(sha256))).toBeNull()
  })
})

describe('a path', () => {
  it('is believed of files that were handed out, and of no others below', async () => {
    const approved = await open(0)
    const never = join(root, 'sub', 'never-handed.gguf')
    const neighbour = { path: join(root, 'config.json'), sizeBytes: 2, role: 'config' }
    const weights = { path: approved.path, sizeBytes: APPROVED.length, role: 'weights' }

    expect(check(approved, { path: never }, { path: never })).toBeNull()
    expect(check(approved, {}, { path: never })).toBeNull()
    expect(check(approved, {}, { path: root })).toBeNull()
    expect(check(approved, {}, { parts: [weights, neighbour] })).toBeNull()
    await ask({ op: 'sibling', at: approved.at, name: 'config.json', below: null })
    expect(check(approved, {}, { kind: 'folder', path: root, parts: [weights, neighbour] })?.path).toBe(root)
  })

  it('of what could not be looked at lies in the folder of the task', () => {
    const bounds = boundsOf(task)
    const placed = (place: string): string =>
      checkPlace({ code: 'GNO_READ_IO', place, count: 1, detail: '' }, bounds).place

    expect(placed(join(root, 'evil.bin'))).toBe(join(root, 'evil.bin'))
    for (const place of ['/', '/etc', '(the whole disk)', `${root}/../x`, '']) expect(placed(place)).toBe(root)
  })
})

describe('a draft', () => {
  it('goes on without what no schema knows, however deep that is', async () => {
    const approved = await open(0)
    const depth = 1_000_000
    const deep: unknown = JSON.parse('['.repeat(depth) + ']'.repeat(depth))
    const mark = { name: 'x', type: 'F32', shape: [1], mark: 'abcd', x: deep }
    const found = check(approved, { x: deep }, { fingerprint: { x: deep }, marks: [mark] })

    expect(JSON.stringify(found)).not.toContain('[[[')
    expect(found?.fingerprint).toEqual({})
    expect(found?.marks).toEqual([{ name: 'x', type: 'F32', shape: [1], mark: 'abcd' }])
  })

  it('has every identity once', async () => {
    const approved = await open(0)

    expect(check(approved, {}, { identities: Array(50_000).fill(approved.identity) })?.identities).toEqual([
      approved.identity,
    ])
  })
})

describe('a model of a store', () => {
  let at = 0
  const repository = (): string => join(root, 'models--o--n')
  const shown = (): string => join(repository(), 'snapshots', 'c0', 'm.gguf')
  const blob = (): string => join(repository(), 'blobs', 'b0')

  beforeEach(() => {
    for (const folder of ['blobs', 'snapshots/c0', 'refs']) mkdirSync(join(repository(), folder), { recursive: true })
    writeFileSync(blob(), APPROVED)
    writeFileSync(join(repository(), 'blobs', 'other'), EVIL)
    symlinkSync('../../blobs/b0', shown())
    symlinkSync('../../blobs/other', join(repository(), 'snapshots', 'c0', 'other.gguf'))
    symlinkSync('../../../../approved.bin', join(repository(), 'snapshots', 'c0', 'away.gguf'))
    const [reader] = stores
    const held = openFolder(repository())
    if (!held.ok || reader === undefined) throw new Error('no folder')
    const folder = holdForReading(held.value, () => false)
    held.value.close()
    if (folder === null) throw new Error('no folder')
    const options = { deep: true, signal: new AbortController().signal, mustHash: () => false }
    task = { what: 'store', reader, folder, options }
    handOut = new HandOut(task, { refuse: () => null, allowance: new TaskAllowance(STEP_LIMITS, 0) })
    at = handOut.lend({ folder })
  })
  afterEach(() => {
    if (task.what === 'store') task.folder.close()
  })

  const enter = async (from: number, name: string): Promise<number> =>
    ((await ask({ op: 'enter', at: from, name }))['folder'] as { at: number }).at

  const openBlob = async (name: string): Promise<Handed> =>
    (await ask({ op: 'open-file', at: await enter(at, 'blobs'), name }))['file'] as Handed

  const link = async (name: string): Promise<unknown> =>
    await ask({ op: 'link', at: await enter(await enter(at, 'snapshots'), 'c0'), name })

  const find = (file: Handed, part: Part, change: Part = {}): ReturnType<typeof checkFind> => {
    const parts = [{ path: shown(), sizeBytes: file.identity.sizeBytes, role: 'weights', ...part }]
    const draft = { ...draftOf(shown(), file.identity), kind: 'store', parts, ...change }
    return checkFind({ draft, claimed: [file.identity] }, boundsOf(task), handOut)
  }

  it('has the path of a link that leads to a file which was opened, and the digest of that file', async () => {
    const file = await openBlob('b0')
    await link('m.gguf')
    const sha256 = await digest(file.at, null, 0)

    expect(find(file, { sha256 }, content(sha256))?.draft.path).toBe(shown())
    expect(find(file, { path: blob(), sha256 }, content(sha256))?.draft.parts[0]?.path).toBe(blob())
    expect(find(file, {}, { path: join(repository(), 'snapshots', 'c0') })?.draft.parts).toHaveLength(1)
    expect(find(file, {}, { path: repository() })?.draft.parts).toHaveLength(1)
  })

  it('has no path of a file or folder that was never looked at', async () => {
    const file = await openBlob('b0')
    await link('m.gguf')
    await link('other.gguf')
    await link('away.gguf')
    const never = ['blobs/other', 'blobs/none', 'snapshots/c0/other.gguf', 'snapshots/c0/away.gguf', 'refs/main']

    for (const path of [...never, 'blobs', 'refs', 'snapshots/c0'].map((each) => join(repository(), each)))
      expect([path, find(file, { path })]).toEqual([path, null])
    for (const path of [...never, 'refs'].map((each) => join(repository(), each)))
      expect([path, find(file, {}, { path })]).toEqual([path, null])
    const relation = { kind: 'adapter-of', path: join(repository(), 'blobs/other'), artifactId: 'x', because: ['x'] }
    expect(find(file, {}, { relations: [relation] })).toBeNull()
    expect(find(file, {}, { relations: [{ ...relation, path: blob() }] })?.draft.relations).toHaveLength(1)
  })

  it('has no digest of another file of the store', async () => {
    const [file, other] = [await openBlob('b0'), await openBlob('other')]
    await link('m.gguf')
    await link('other.gguf')
    const sha256 = await digest(file.at, null, 0)
    const path = join(repository(), 'snapshots', 'c0', 'other.gguf')
    const identities = [other.identity, file.identity]

    expect(find(other, { path, sha256 }, { identities })).toBeNull()
    expect(find(other, { path, sha256, sizeBytes: APPROVED.length }, { identities })).toBeNull()
    expect(find(other, { path }, { identities })?.draft.parts).toHaveLength(1)
  })
})

describe('what a taken-over reader tells', () => {
  it('is held against what was handed out in one go, however many parts and files it names', async () => {
    const file = await open(0)
    const sha256 = await digest(file.at, null, 0)
    const many = Array.from({ length: 50_000 }, (_, index) => ({ ...file.identity, inode: `9${index}` }))
    for (const identity of many) handOut.files.note({ identity, path: file.path })
    const part = { path: file.path, sizeBytes: APPROVED.length, role: 'weights', sha256 }
    const parts = Array<typeof part>(4_096).fill(part)
    const told = { ...draftOf(file.path, null), parts, identities: [...many, file.identity] }

    expect(checkDraft(told, boundsOf(task), handOut)).toBeNull()
    handOut.files.note(file)
    expect(checkDraft(told, boundsOf(task), handOut)?.parts).toHaveLength(4_096)
  }, 30_000)

  it('may have paths of thousands of folders', async () => {
    const file = await open(0)
    const deep = '/a'.repeat(2_047)
    const parts = [file.path, ...Array<string>(4_095).fill(deep)].map((path) => ({
      path,
      sizeBytes: 1,
      role: 'weights',
    }))

    expect(check(file, {}, { parts })).toBeNull()
    const bounds = boundsOf(task)
    for (let turn = 0; turn < 20_000; turn += 1) expect(bounds.isWithin(deep)).toBe(false)
    expect(bounds.isWithin(`${root}${deep.slice(0, 3_000)}`)).toBe(true)
  }, 30_000)
})
