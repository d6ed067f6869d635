// What a reader that a file took over may tell of the files that it was given, and what nobody believes.
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { DigestMemory } from '../../../agent/read/digest-memory.ts'
import { boundsOf, checkDraft, checkPlace } from '../../../agent/reader/check-found.ts'
import { HandOut } from '../../../agent/reader/hand-out.ts'
import type { Request } from '../../../agent/reader/requests.ts'
import type { Task } from '../../../agent/reader/tasks.ts'
import { candidateAt } from '../../../agent/sense/linux/open-path.ts'
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
  handOut = new HandOut(task, { refuse: () => null })
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
