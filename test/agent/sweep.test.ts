import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { DigestMemory } from '../../agent/read/digest-memory.ts'
import { openPack } from '../../agent/rule-pack.ts'
import { RARE_SENSORS } from '../../agent/sense/sensors.ts'
import { sweep } from '../../agent/sweep.ts'
import { sweepProcesses } from '../../agent/sweep-processes.ts'
import type { SweepOptions } from '../../agent/sweep-request.ts'
import { LOCAL_READER, type WeightsReader } from '../../agent/weights-reader.ts'
import type { Approval } from '../../contract/finding.ts'
import type { ProcessObservation } from '../../contract/observation.ts'
import { scanSchema } from '../../contract/report.ts'
import { array, buildGguf, scalar, text } from '../build-gguf.ts'
import { buildPickle } from '../build-pickle.ts'
import { buildZip } from '../build-zip.ts'
import { memoryAsking, memoryAskingNothing } from '../sweep-memory.ts'

let folder = ''
const openedPack = openPack(join(dirname(dirname(import.meta.dirname)), 'dist/rules/pack.json'))

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-sweep-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A well-formed model above the size floor, so that its name does not matter. */
const MODEL = buildGguf({
  kv: [
    ['general.architecture', text('llama')],
    ['llama.block_count', scalar('uint32', 1)],
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.tokens', array('string', ['<unk>', '<s>'])],
  ],
  tensors: [{ name: 'token_embd.weight', dims: [256, 1200] }],
})
const SHA256 = createHash('sha256').update(MODEL).digest('hex')

function optionsOf(changes: Partial<SweepOptions> = {}): SweepOptions {
  if (!openedPack.ok) throw new Error(openedPack.failure.detail)
  return {
    hostId: 'host1:test',
    hostName: 'test',
    // With a memory that asks no program: this test is about files, whatever runs on the machine.
    platform: 'darwin',
    agentVersion: '0',
    roots: [folder],
    isWholeHost: true,
    changed: [],
    excludes: [],
    ownPlaces: [],
    deep: false,
    digests: { find: () => undefined, keep: () => undefined, postpone: () => null },
    approvals: [],
    pack: openedPack.value,
    decoySizes: new Set(),
    isSimulated: () => false,
    known: new Map(),
    walked: null,
    memory: memoryAskingNothing(),
    ownPid: process.pid,
    digest: (value) => createHash('sha256').update(value).digest('hex'),
    now: () => new Date(),
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...changes,
  }
}

/** Tells a draft of these files that nobody can go on with. */
function readerTellingTooMuch(isSo: (path: string) => boolean): WeightsReader {
  const depth = 1_000_000
  const deep: unknown = JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  return {
    ...LOCAL_READER,
    async *readCandidates(candidates, reading) {
      for await (const draft of LOCAL_READER.readCandidates(candidates, reading)) {
        const more = isSo(draft.path) ? { x: deep } : {}
        yield { ...draft, fingerprint: { ...draft.fingerprint, ...more } }
      }
    },
  }
}

/** This very process, as a sensor would tell that it holds one file. */
function holding(path: string, fd: number): ProcessObservation {
  const { dev, ino, size } = fstatSync(fd, { bigint: true })
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  const held = { path, dev: String(dev), inode: String(ino), fdNumber: fd, isDeleted: false, sizeBytes: Number(size) }
  return {
    kind: 'process',
    pid: process.pid,
    startTicks,
    startedAt: '2026-11-23T01:00:00.000Z',
    parentPid: 1,
    name: 'node',
    executable: null,
    user: { uid: 0, name: null },
    commandLine: [],
    cgroup: null,
    memory: null,
    mapped: [],
    open: [held],
  }
}

describe('a file that a process uses', () => {
  const onLinux = process.platform === 'linux' ? it : it.skip
  const useOf = async (reader: WeightsReader): ReturnType<typeof sweepProcesses> => {
    const path = join(folder, 'm.gguf')
    writeFileSync(path, MODEL)
    const fd = openSync(path, 'r')
    const processes = [holding(path, fd)]
    const sensed = { processes, listeners: [], graphicsUse: [], host: null, coverage: [], gaps: [] }
    const walked = { coverage: [], gaps: [] }
    const files = { artifacts: [], byIdentity: new Map(), coveredPaths: [], uncoveredPaths: [], walked, gaps: [] }
    const swept = await sweepProcesses(sensed, files, optionsOf({ reader, ownPid: -1 }))
    closeSync(fd)
    return swept
  }

  onLinux('is told where what was read of it could not be gone on with', async () => {
    const swept = await useOf(readerTellingTooMuch(() => true))

    expect(swept.artifacts).toEqual([])
    expect(swept.gaps.map(({ code, place }) => [code, place])).toEqual([
      ['GNO_READ_INTERRUPTED', join(folder, 'm.gguf')],
    ])
  })

  onLinux('is told where it could not be read', async () => {
    const swept = await useOf({
      ...LOCAL_READER,
      async *readCandidates([file], { onGap }) {
        yield* await Promise.resolve([])
        onGap?.({ code: 'GNO_READ_INTERRUPTED', place: file?.path ?? '', count: 1, detail: 'the reader ended' })
      },
    })

    expect(swept.gaps.map(({ code, place }) => [code, place])).toEqual([
      ['GNO_READ_INTERRUPTED', join(folder, 'm.gguf')],
    ])
  })
})

describe('sweep', () => {
  it('finds a model by its content under an innocent name without extension, and gives a valid document', async () => {
    mkdirSync(join(folder, 'Documents'))
    writeFileSync(join(folder, 'Documents/minutes of march'), MODEL)

    const { result } = await sweep(optionsOf())

    expect(result.artifacts).toMatchObject([
      { path: join(folder, 'Documents/minutes of march'), format: 'gguf', verdict: 'clean', simulated: false },
    ])
    expect(result.findings.map((finding) => finding.policyId)).toContain('unapproved-local-model')
    const {
      coveredPaths: _paths,
      uncoveredPaths: _not,
      coveredProcesses: _processes,
      coveredHost: _host,
      ...scan
    } = result
    expect(scanSchema.safeParse(scan).error).toBeUndefined()
  })

  it('goes on after a draft of another process that it cannot go on with, and tells where', async () => {
    for (const name of ['m.gguf', 'other.gguf']) writeFileSync(join(folder, name), MODEL)
    const reader = readerTellingTooMuch((path) => path.endsWith('m.gguf'))

    const { result } = await sweep(optionsOf({ reader }))

    expect(result.artifacts.map(({ path }) => path)).toEqual([join(folder, 'other.gguf')])
    expect(result.gaps.map(({ code, place }) => [code, place])).toContainEqual([
      'GNO_READ_INTERRUPTED',
      join(folder, 'm.gguf'),
    ])
  })

  it('looks at a changed file whose name and folder are no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9])])
    mkdirSync(bytes)
    writeFileSync(Buffer.concat([bytes, Buffer.from('/m'), Buffer.from([0xff])]), MODEL)

    const { result } = await sweep(optionsOf({ roots: [], changed: [`${folder}/caf\\xe9/m\\xff`] }))

    expect(result.artifacts.map(({ path }) => path)).toEqual([`${folder}/caf\\xe9/m\\xff`])
    expect(result.findings.map(({ title }) => title)).toContainEqual(expect.stringMatching(/ in m\\xff$/))
  })

  it('tells a tiny pickle that runs a program, in a folder of any name, and no pickled list', async () => {
    writeFileSync(join(folder, 'evil.pkl'), buildPickle({ call: 'os.system', args: ['id'] }))
    writeFileSync(join(folder, 'list.pkl'), buildPickle([1, 2, 'three']))
    writeFileSync(join(folder, 'unknown.pkl'), buildPickle({ call: 'shop.Basket', args: ['apples'] }))

    const { result } = await sweep(optionsOf())

    expect(result.artifacts.map(({ path, verdict }) => [path, verdict])).toEqual([
      [join(folder, 'evil.pkl'), 'malicious'],
    ])
    expect(result.findings).toContainEqual(
      expect.objectContaining({ policyId: 'malicious-model', severity: 'critical' }),
    )
  })

  it('tells an archive without weights by the pickle in it', async () => {
    const members = [
      { name: 'notes.txt', data: Buffer.alloc(1_100_000, 'a line of text\n') },
      { name: 'minutes/seed.pkl', data: buildPickle({ call: 'os.system', args: ['id'] }) },
    ]
    writeFileSync(join(folder, 'minutes of march'), buildZip(members))

    const { result } = await sweep(optionsOf())

    expect(result.artifacts).toMatchObject([{ format: 'zip', verdict: 'malicious' }])
    expect(result.artifacts[0]?.threats[0]?.places?.[0]?.member).toBe('minutes/seed.pkl')
  })

  it('honours excludes before descending and follows no link', async () => {
    mkdirSync(join(folder, 'private'))
    writeFileSync(join(folder, 'private/model'), MODEL)
    symlinkSync(join(folder, 'private'), join(folder, 'link'))
    symlinkSync(join(folder, 'private/model'), join(folder, 'file-link'))

    const { result } = await sweep(optionsOf({ excludes: [join(folder, 'private')] }))

    expect(result.artifacts).toEqual([])
    expect(result.gaps.some((gap) => gap.code === 'GNO_SENSE_EXCLUDED')).toBe(true)
  })

  it('silences the finding of a model that is approved by SHA-256, and of no other', async () => {
    writeFileSync(join(folder, 'approved'), MODEL)
    writeFileSync(join(folder, 'poisoned'), Buffer.concat([MODEL, Buffer.from([0])]))
    const approvals: readonly Approval[] = [{ kind: 'sha256', value: SHA256, reason: 'reviewed' }]

    const { result } = await sweep(optionsOf({ deep: true, approvals }))

    const models = result.findings.filter((finding) => finding.subject.kind === 'artifact')
    expect(models.map((finding) => finding.subject.key)).toEqual([join(folder, 'poisoned')])
  })

  it('takes the digest that it knows of a file, and keeps what it had to compute', async () => {
    writeFileSync(join(folder, 'known'), MODEL)
    writeFileSync(join(folder, 'unknown'), Buffer.concat([MODEL, Buffer.from([0])]))
    const kept: string[] = []
    const digests: DigestMemory = {
      find: ({ sizeBytes }) => (sizeBytes === MODEL.length ? 'a'.repeat(64) : undefined),
      keep: (_, sha256) => kept.push(sha256),
      postpone: () => null,
    }

    const { result } = await sweep(optionsOf({ deep: true, digests }))

    const digestOf = (name: string): string | undefined =>
      result.artifacts.find(({ path }) => path === join(folder, name))?.fingerprint.content?.sha256
    expect(digestOf('known')).toBe('a'.repeat(64))
    expect(kept).toEqual([digestOf('unknown')])
  })

  it('says that a file is hashed in the background, or what came of it there', async () => {
    writeFileSync(join(folder, 'waiting'), MODEL)
    writeFileSync(join(folder, 'broken'), Buffer.concat([MODEL, Buffer.from([0])]))
    const waits = { code: 'GNO_READ_SKIPPED', detail: 'rung 6: later' } as const
    const failed = { code: 'GNO_READ_IO', detail: 'EIO at byte 7' } as const
    const postpone: DigestMemory['postpone'] = ({ path }) => (path.endsWith('waiting') ? waits : failed)

    const { result } = await sweep(
      optionsOf({ deep: true, digests: { find: () => undefined, keep: () => undefined, postpone } }),
    )

    const rung6 = (name: string): readonly string[] => {
      const artifact = result.artifacts.find(({ path }) => path === join(folder, name))
      return (artifact?.gaps ?? []).map(({ detail }) => detail).filter((detail) => /rung 6|EIO/.test(detail))
    }
    expect(rung6('waiting')).toEqual(['rung 6: later'])
    expect(rung6('broken')).toEqual(['EIO at byte 7'])
  })

  it('keeps finding ids from sweep to sweep', async () => {
    writeFileSync(join(folder, 'model'), MODEL)
    const idsOf = async (): Promise<readonly string[]> =>
      (await sweep(optionsOf())).result.findings.map((finding) => finding.findingId)

    expect(await idsOf()).toEqual(await idsOf())
  })

  it('believes a decoy only when the state knows its digest', async () => {
    writeFileSync(join(folder, 'decoy'), MODEL)
    writeFileSync(join(folder, 'gnomon-simulated-decoy'), Buffer.concat([MODEL, Buffer.from('simulated: true')]))

    const { result } = await sweep(
      optionsOf({ decoySizes: new Set([MODEL.length]), isSimulated: (sha256) => sha256 === SHA256 }),
    )

    const simulated = result.findings.filter((finding) => finding.simulated)
    expect(simulated.map((finding) => finding.subject.key)).toEqual([join(folder, 'decoy')])
    expect(result.artifacts).toHaveLength(2)
  })

  it('looks at a changed file without walking below its folder, and covers just that file', async () => {
    mkdirSync(join(folder, 'below'))
    writeFileSync(join(folder, 'new'), MODEL)
    writeFileSync(join(folder, 'below/other'), MODEL)

    const { result } = await sweep(optionsOf({ roots: [], isWholeHost: false, changed: [join(folder, 'new')] }))

    expect(result.artifacts.map((artifact) => artifact.path)).toEqual([join(folder, 'new')])
    expect(result.coveredPaths).toEqual([join(folder, 'new')])
    expect(result.coveredHost).toBe(false)
  })

  it('does not take a changed file for covered when its folder cannot be entered', async () => {
    // Root may enter every folder, but nobody one with such a name.
    const closed = join(folder, 'n'.repeat(300))

    const { result } = await sweep(optionsOf({ roots: [], isWholeHost: false, changed: [join(closed, 'model')] }))

    expect(result.gaps.filter((gap) => gap.sensor === 'files').map((gap) => gap.place)).toEqual([closed])
    expect(result.uncoveredPaths).toEqual([closed])
  })

  it('says which sensors another system lacks, and that its processes were not all seen', async () => {
    const { result } = await sweep(
      optionsOf({ memory: memoryAsking(RARE_SENSORS.filter(({ platform }) => platform === 'linux')) }),
    )

    expect(result.coveredProcesses).toBe(false)
    expect(result.coverage.filter((entry) => entry.state === 'unsupported').map((entry) => entry.sensor)).toEqual([
      'process-views',
      'linux-nvidia',
    ])
  })

  it('names a root that is not there as a gap and goes on', async () => {
    writeFileSync(join(folder, 'model'), MODEL)
    chmodSync(folder, 0o755)

    const { result } = await sweep(optionsOf({ roots: [join(folder, 'missing'), folder] }))

    expect(result.artifacts).toHaveLength(1)
    expect(result.uncoveredPaths).toContain(join(folder, 'missing'))
  })
})

describe('a sweep of a machine where somebody hides', () => {
  it('keeps every large model though small crafted ones flood a folder', async () => {
    mkdirSync(join(folder, 'flood'))
    const tiny = buildGguf({ kv: [['general.architecture', text('llama')]] })
    for (let index = 0; index < 2_200; index += 1) writeFileSync(join(folder, 'flood', `a${index}.gguf`), tiny)
    writeFileSync(join(folder, 'real'), MODEL)

    const { result } = await sweep(optionsOf())

    expect(result.artifacts.map((artifact) => artifact.path)).toContain(join(folder, 'real'))
    expect(result.artifacts.length).toBe(2_001)
    expect(result.gaps.some((gap) => gap.code === 'GNO_SENSE_LIMIT')).toBe(true)
    expect(result.coverage.find((entry) => entry.sensor === 'files')?.state).toBe('partial')
  })
})
