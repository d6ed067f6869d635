// Sweeps that follow one another: what did not change is neither listed nor read again, and whatever changed is.
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type OpenKeptSweeps, openKeptSweeps } from '../../agent/kept-sweeps.ts'
import { NO_GUARD } from '../../agent/read-guard.ts'
import { openPack } from '../../agent/rule-pack.ts'
import { sweep } from '../../agent/sweep.ts'
import type { SweepOptions } from '../../agent/sweep-request.ts'
import { scanSchema } from '../../contract/report.ts'
import { buildGguf } from '../build-gguf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { ollamaStore, writeStore } from '../build-stores.ts'
import { memoryAskingNothing } from '../sweep-memory.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from './read/sample-models.ts'

const openedPack = openPack(join(dirname(dirname(import.meta.dirname)), 'dist/rules/pack.json'))
const DAY_MS = 24 * 60 * 60 * 1000
const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const GGUF = buildGguf(ggufDecoder(family))
const WEIGHTS = buildSafetensors({ tensors: hfTensors(family) })

let folder = ''
let state = ''
let laterMs = 0
let kept: OpenKeptSweeps

/** What was written a moment ago is trusted after a minute: the clock of the agent runs ahead of that of the files. */
const now = (): Date => new Date(Date.now() + laterMs)

function open(): OpenKeptSweeps {
  return openKeptSweeps({ stateFolder: state, excludes: [], fullSweepIntervalMs: DAY_MS, now, random: () => 0 })
}

beforeEach(() => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-kept-sweeps-')))
  folder = join(root, 'swept')
  state = join(root, 'state')
  mkdirSync(folder)
  mkdirSync(state)
  laterMs = 10 * 60 * 1000
  kept = open()
})
afterEach(() => {
  kept.close()
  rmSync(dirname(folder), { recursive: true, force: true })
})

function optionsOf(changes: Partial<SweepOptions>): SweepOptions {
  if (!openedPack.ok) throw new Error(openedPack.failure.detail)
  return {
    hostId: 'host1:test',
    hostName: 'test',
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
    own: () => ({ coverage: { sensor: 'agent', state: 'complete', places: [], looked: 0, detail: '' }, gaps: [] }),
    ownPid: process.pid,
    digest: (value) => createHash('sha256').update(value).digest('hex'),
    now,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    kept,
    ...changes,
  }
}

interface Looked {
  readonly result: ReturnType<typeof scanSchema.parse>
  /** Folders that had to be listed, and files that had to be opened. */
  readonly listed: readonly string[]
  readonly opened: readonly string[]
}

async function sweepNow(changes: Partial<SweepOptions> = {}): Promise<Looked> {
  const listed: string[] = []
  const opened: string[] = []
  const folders = {
    ...kept.folders,
    keep: (...[listing, trust]: Parameters<typeof kept.folders.keep>) => {
      listed.push(listing.path)
      kept.folders.keep(listing, trust)
    },
  }
  const guard = { ...NO_GUARD, begin: (path: string) => void opened.push(path) }
  const { result } = await sweep(optionsOf({ kept: { ...kept, folders }, guard, ...changes }))
  kept.flush()
  return { result: scanSchema.parse(result), listed, opened }
}

/** What a sweep says, without the times of the sweep. */
function said({ result }: Looked): unknown {
  const { artifacts, gaps, coverage, findings } = result
  return { artifacts, gaps, coverage, findings: findings.map(({ title, severity }) => ({ title, severity })) }
}

function plantModels(): void {
  writeStore(folder, {
    'one/config.json': JSON.stringify(hfConfig(family)),
    'one/model.safetensors': WEIGHTS,
    'two/tiny.gguf': GGUF,
    'three/notes.txt': 'nothing',
    'three/deep/er/notes.txt': 'nothing',
  })
  writeFileSync(join(folder, 'two/video.bin'), Buffer.alloc(1_500_000, 7))
}

describe('a second sweep', () => {
  it('says the same, lists no folder and opens no file', async () => {
    plantModels()
    const first = await sweepNow()

    const second = await sweepNow()

    expect(first.listed).toHaveLength(6)
    expect(first.opened.length).toBeGreaterThan(2)
    expect(first.result.artifacts).toHaveLength(2)
    expect(said(second)).toEqual(said(first))
    expect(second.listed).toEqual([])
    expect(second.opened).toEqual([])
  })

  it('goes on after a restart with what was kept', async () => {
    plantModels()
    const first = await sweepNow()
    kept.close()
    kept = open()

    const second = await sweepNow()

    expect(said(second)).toEqual(said(first))
    expect([second.listed, second.opened]).toEqual([[], []])
  })

  it('forgets what was listed under other excludes, and keeps what was listed under the same', async () => {
    plantModels()
    const first = await sweepNow()

    kept.follow([])
    const same = await sweepNow()
    kept.follow(['tiny.gguf'])
    const other = await sweepNow()

    expect(same.listed).toEqual([])
    expect(other.listed).toEqual(first.listed)
  })

  it('sees a new file, a new folder, and that both are gone', async () => {
    plantModels()
    await sweepNow()
    writeStore(folder, { 'three/deep/new/tiny.gguf': GGUF, 'three/other.gguf': GGUF })

    const more = await sweepNow()
    rmSync(join(folder, 'three/deep/new'), { recursive: true })
    rmSync(join(folder, 'three/other.gguf'))
    const less = await sweepNow()

    expect(more.result.artifacts).toHaveLength(4)
    expect([...more.listed].sort()).toEqual(['three', 'three/deep', 'three/deep/new'].map((name) => join(folder, name)))
    expect(less.result.artifacts).toHaveLength(2)
  })

  it('reads weights again that were overwritten in place with their old times', async () => {
    plantModels()
    const place = join(folder, 'two/tiny.gguf')
    const first = await sweepNow()
    const other = buildGguf(ggufDecoder(FAMILIES[1] ?? family))
    writeFileSync(place, other)
    utimesSync(place, 1, 1)

    const second = await sweepNow()

    expect(second.opened).toContain(place)
    expect(said(second)).not.toEqual(said(first))
  })

  it('reads a model again when the configuration beside it was overwritten in place', async () => {
    plantModels()
    await sweepNow()
    const config = {
      ...hfConfig(family),
      num_attention_heads: 2,
      model_type: 'mistral',
      architectures: ['MistralForCausalLM'],
    }
    writeFileSync(join(folder, 'one/config.json'), JSON.stringify(config))

    const second = await sweepNow()

    expect(second.opened).toContain(join(folder, 'one/model.safetensors'))
    expect(JSON.stringify(second.result.artifacts)).toContain('MistralForCausalLM')
  })

  it('tells models at their new place after a folder above was renamed', async () => {
    plantModels()
    await sweepNow()
    renameSync(join(folder, 'two'), join(folder, 'moved'))

    const second = await sweepNow()

    expect(second.result.artifacts.map(({ path }) => path)).toContain(join(folder, 'moved/tiny.gguf'))
    expect(second.result.artifacts).toHaveLength(2)
  })

  it('reads stores anew, since they span folders', async () => {
    const tag = 'registry.ollama.ai/library/tiny/8b'
    const layers = [{ mediaType: 'application/vnd.ollama.image.model', content: GGUF }]
    writeStore(join(folder, 'models'), ollamaStore({ [tag]: { layers } }))
    const first = await sweepNow()

    const second = await sweepNow()

    expect(first.result.artifacts).toMatchObject([{ kind: 'store' }])
    expect(said(second)).toEqual(said(first))
  })
})

describe('what a sweep does not trust', () => {
  it('is a folder in which a small file was written to a moment ago: it may grow in place', async () => {
    laterMs = 30_000
    plantModels()
    const place = join(folder, 'three/arriving')
    writeFileSync(place, 'x')
    const first = await sweepNow()
    writeFileSync(place, Buffer.concat([GGUF, Buffer.alloc(1_100_000)]))
    laterMs = 600_000

    const second = await sweepNow()

    expect(first.result.artifacts).toHaveLength(2)
    expect(second.result.artifacts).toHaveLength(3)
  })

  it('is any folder for longer than the setting says', async () => {
    plantModels()
    const place = join(folder, 'three/notes.txt')
    await sweepNow()
    appendFileSync(place, Buffer.concat([GGUF, Buffer.alloc(1_100_000)]))
    const blind = await sweepNow()
    laterMs += DAY_MS

    const full = await sweepNow()

    expect(blind.opened).toEqual([])
    expect(full.listed).toHaveLength(6)
    expect(full.opened).toContain(place)
  })

  it('is what an agent kept whose clock was ahead', async () => {
    plantModels()
    await sweepNow()
    laterMs -= 60_000

    const second = await sweepNow()

    expect(second.listed).toHaveLength(6)
  })

  it('is what was kept under other excludes', async () => {
    plantModels()
    await sweepNow()
    kept.close()
    kept = openKeptSweeps({
      stateFolder: state,
      excludes: ['three'],
      fullSweepIntervalMs: DAY_MS,
      now,
      random: () => 0,
    })

    const second = await sweepNow({ excludes: ['three'] })

    expect(second.listed).toHaveLength(3)
  })

  it('is reading that waits for a digest in the background', async () => {
    plantModels()
    const failure = { code: 'GNO_READ_SKIPPED', detail: 'later' } as const
    const digests = { find: () => undefined, keep: () => undefined, postpone: () => failure }
    await sweepNow({ deep: true, digests })

    const second = await sweepNow({ deep: true })

    expect(second.opened).toContain(join(folder, 'two/tiny.gguf'))
    expect(JSON.stringify(second.result.artifacts)).toContain(createHash('sha256').update(GGUF).digest('hex'))
  })
})

describe('a cache that cannot be used', () => {
  it.each([
    ['is no database', (file: string) => writeFileSync(file, 'nonsense'.repeat(1_000))],
    ['was cut', (file: string) => writeFileSync(file, Buffer.alloc(0))],
    [
      'is a folder',
      (file: string) => {
        rmSync(file)
        mkdirSync(join(file, 'x'), { recursive: true })
      },
    ],
  ])('only means reading again when it %s', async (_, spoil) => {
    plantModels()
    const first = await sweepNow()
    kept.close()
    for (const ending of ['-wal', '-shm']) rmSync(join(state, `cache.db${ending}`), { force: true })
    spoil(join(state, 'cache.db'))
    kept = open()

    const second = await sweepNow()

    expect(said(second)).toEqual(said(first))
    expect(second.opened.length).toBeGreaterThan(2)
  })
})
