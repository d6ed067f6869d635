// Memory of graphics cards as evidence in a story: it supports an engine, it names nothing, and it moves without being news.
import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { correlate } from '../../agent/correlate.ts'
import type { HeldWeights } from '../../agent/held-weights.ts'
import { digestThing } from '../../agent/report/digest.ts'
import type { GraphicsUseObservation, MappedFile, ProcessObservation } from '../../contract/observation.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { realPack } from '../rules/real-pack.ts'

const GIB = 1024 ** 3

function library(name: string): MappedFile {
  const path = `/opt/app/${name}`
  return { path, dev: '8:1', inode: name, mappedBytes: 4096, isDeleted: false, isExecutable: true, range: '7f00-7f01' }
}

const GGML = ['libllama.so', 'libggml.so', 'libggml-base.so'].map(library)
const CUDA = [...GGML, library('libggml-cuda.so')]

interface Scene {
  readonly libraries: readonly MappedFile[]
  readonly card?: Partial<GraphicsUseObservation>
  readonly weights?: readonly HeldWeights[]
}

function tell({ libraries, card, weights = [] }: Scene): Runtime | undefined {
  const process: ProcessObservation = {
    kind: 'process',
    pid: 812,
    startTicks: '5000',
    startedAt: '2026-11-23T01:00:00.000Z',
    parentPid: 1,
    name: 'notes',
    executable: { path: '/opt/notes', isDeleted: false, dev: '8:1', inode: '7' },
    user: { uid: 1000, name: 'ada' },
    commandLine: ['/opt/notes'],
    cgroup: null,
    memory: { residentBytes: 1, anonymousBytes: 1, fileBytes: 0, swapBytes: 0 },
    mapped: libraries,
    open: [],
  }
  const use: GraphicsUseObservation = {
    kind: 'gpu-use',
    pid: 812,
    startTicks: '5000',
    device: '0000:03:00.0',
    driver: 'nvidia',
    source: 'nvidia-smi',
    dedicatedBytes: null,
    sharedBytes: null,
    unifiedBytes: null,
    busyNs: null,
    busyPercent: null,
    ...card,
  }
  const [story] = correlate({
    processes: [process],
    listeners: [],
    weightsOf: () => weights,
    graphicsOf: () => (card === undefined ? [] : [use]),
    closerOf: () => undefined,
    pack: realPack,
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    identified: new WeakMap(),
  })
  return story
}

describe('memory of graphics cards', () => {
  it('makes a loaded engine a running model, where its part for such cards is loaded', () => {
    const told = tell({ libraries: CUDA, card: { dedicatedBytes: 5 * GIB, busyPercent: 90 } })

    expect(told).toMatchObject({ activity: 'inference', identification: { confidence: 'likely' } })
    expect(told?.identification?.evidence.map(({ kind }) => kind)).toContain('graphics-memory')
  })

  it.each<[string, Scene]>([
    ['a player that shows a film with the engine beside it', { libraries: GGML, card: { dedicatedBytes: 2 * GIB } }],
    ['an engine that holds a card and no memory of it', { libraries: CUDA, card: { dedicatedBytes: 20_000_000 } }],
    ['an engine on a card that tells no memory', { libraries: CUDA, card: {} }],
    ['an engine without a card', { libraries: CUDA }],
  ])('does not: %s', (_name, scene) => {
    expect(tell(scene)).toMatchObject({ activity: 'present', identification: { confidence: 'possible' } })
  })

  it('is nothing by itself, however much and busy: a game', () => {
    const card = { dedicatedBytes: 10 * GIB, busyPercent: 99 }

    expect(tell({ libraries: [library('libvulkan.so.1')], card })).toBeUndefined()
  })

  it('is no news while it moves', () => {
    const [before, after] = [5 * GIB, 5 * GIB + 4096].map((dedicatedBytes) =>
      tell({ libraries: CUDA, card: { dedicatedBytes, busyPercent: 1 } }),
    )
    if (before === undefined || after === undefined) throw new Error('no story')

    expect(digestThing({ kind: 'runtime', item: after }).stable).toBe(
      digestThing({ kind: 'runtime', item: before }).stable,
    )
    expect(after.identification?.because).not.toEqual(before.identification?.because)
  })
})
