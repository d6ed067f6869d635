import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type CorrelateInput, correlate, identifyAgain, identifyAll } from '../../agent/correlate.ts'
import type { HeldWeights } from '../../agent/held-weights.ts'
import type { Closer } from '../../agent/look-closer.ts'
import type { Artifact } from '../../contract/artifact.ts'
import type { ListenerObservation, MappedFile, ProcessObservation } from '../../contract/observation.ts'
import { runtimeSchema } from '../../contract/runtime.ts'
import type { Pack } from '../../rules/pack.ts'
import { openPack } from '../../agent/rule-pack.ts'

let pack: Pack

beforeAll(() => {
  const opened = openPack(join(dirname(dirname(import.meta.dirname)), 'dist/rules/pack.json'))
  if (!opened.ok) throw new Error(opened.failure.detail)
  pack = opened.value
})

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

function mapped(path: string, isExecutable = true): MappedFile {
  return {
    path,
    dev: '8:1',
    inode: String(path.length),
    mappedBytes: 4096,
    isDeleted: false,
    isExecutable,
    range: '7f00-7f01',
  }
}

function running(changes: Partial<ProcessObservation> = {}): ProcessObservation {
  return {
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
    mapped: [],
    open: [],
    ...changes,
  }
}

const LLAMA = ['/opt/lib/libllama.so', '/opt/lib/libggml.so', '/opt/lib/libggml-base.so'].map((path) => mapped(path))
const HELD: HeldWeights = {
  how: 'mapped',
  path: '/home/ada/x',
  isDeleted: false,
  sizeBytes: 9,
  format: 'gguf',
  artifact: null,
}
const LISTENER: ListenerObservation = {
  kind: 'listener',
  protocol: 'tcp',
  address: '127.0.0.1',
  port: 9999,
  scope: 'loopback',
  inode: '3',
  pids: [812],
}

interface Scene {
  readonly processes: readonly ProcessObservation[]
  readonly weights?: Readonly<Record<number, readonly HeldWeights[]>>
  readonly listeners?: readonly ListenerObservation[]
}

function tell({ processes, weights = {}, listeners = [] }: Scene) {
  return correlate({
    processes,
    listeners,
    weightsOf: ({ pid }) => weights[pid] ?? [],
    pack,
    digest,
    graphicsOf: () => [],
    closerOf: () => undefined,
    identified: new WeakMap(),
  })
}

describe('correlate', () => {
  it('joins process, weights, libraries and listener into one story', () => {
    const [story, ...others] = tell({
      processes: [running({ mapped: LLAMA })],
      weights: { 812: [HELD] },
      listeners: [LISTENER],
    })

    expect(others).toEqual([])
    expect(story).toMatchObject({
      pid: 812,
      name: 'notes',
      activity: 'inference',
      weights: [{ path: '/home/ada/x', how: 'mapped' }],
      listeners: [{ port: 9999 }],
    })
    expect(story?.identification?.confidence).toBe('likely')
    expect(runtimeSchema.safeParse(story).error).toBeUndefined()
  })

  it('calls a process that merely holds weights a user of them, never inference', () => {
    const [story] = tell({ processes: [running({ name: 'rsync' })], weights: { 812: [{ ...HELD, how: 'open' }] } })

    expect(story?.activity).toBe('in-use-by')
  })

  it('says nothing about a process without weights and without a known runtime', () => {
    expect(tell({ processes: [running()], listeners: [LISTENER] })).toEqual([])
  })

  it('gives the same key to the same server after a restart, and another to another model', () => {
    const keyOf = (pid: number, path: string): string | undefined =>
      tell({ processes: [running({ pid, mapped: LLAMA })], weights: { [pid]: [{ ...HELD, path }] } })[0]?.runtimeKey

    expect(keyOf(99, '/home/ada/x')).toBe(keyOf(812, '/home/ada/x'))
    expect(keyOf(812, '/home/ada/y')).not.toBe(keyOf(812, '/home/ada/x'))
  })

  it('is simulated only when all weights that it uses are, so that a decoy hides no real model', () => {
    const decoy = { artifactId: 'art1:1', simulated: true, identifications: [], fingerprint: {} } as unknown as Artifact
    const [story] = tell({ processes: [running({ mapped: LLAMA })], weights: { 812: [{ ...HELD, artifact: decoy }] } })
    const [other] = tell({
      processes: [running({ mapped: LLAMA, name: 'gnomon-simulated' })],
      weights: { 812: [HELD] },
    })

    const both = [
      { ...HELD, artifact: decoy },
      { ...HELD, path: '/home/ada/real' },
    ]
    const [hiding] = tell({ processes: [running({ mapped: LLAMA })], weights: { 812: both } })

    expect(story?.simulated).toBe(true)
    expect(other?.simulated).toBe(false)
    expect(hiding?.simulated).toBe(false)
  })

  it('keeps two processes of one user, program and model apart, the older one under the plain key', () => {
    const twins = [
      running({ pid: 20, startedAt: '2026-11-23T02:00:00.000Z', mapped: LLAMA }),
      running({ pid: 30, startedAt: '2026-11-23T01:00:00.000Z', mapped: LLAMA }),
    ]
    const stories = tell({ processes: twins, weights: { 20: [HELD], 30: [HELD] } })
    const [alone] = tell({ processes: twins.slice(1), weights: { 30: [HELD] } })

    expect(stories.map((story) => story.pid)).toEqual([30, 20])
    expect(stories[0]?.runtimeKey).toBe(alone?.runtimeKey)
    expect(stories[1]?.runtimeKey).toBe(`${alone?.runtimeKey ?? ''}-2`)
  })

  it('names each look that was refused as a gap of the story', () => {
    const [story] = tell({
      processes: [running({ mapped: null, open: null, executable: null })],
      weights: { 812: [HELD] },
    })

    expect(story?.gaps.map((gap) => gap.detail)).toEqual([
      'the executable of this process could not be looked at',
      'the mapped files of this process could not be looked at',
      'the open files of this process could not be looked at',
    ])
  })

  it('survives a loop of parents that was read at two moments', () => {
    const loop = [running({ pid: 5, parentPid: 6 }), running({ pid: 6, parentPid: 5, mapped: LLAMA })]

    expect(tell({ processes: loop, weights: { 6: [HELD] } })).toHaveLength(1)
  })
})

describe('identifyAgain', () => {
  const input = (closers: ReadonlyMap<number, Closer>): CorrelateInput => ({
    processes: [
      running({ pid: 900, name: 'notes', parentPid: 1 }),
      running({ pid: 812, name: 'llama-server', parentPid: 900, mapped: LLAMA }),
      running({ pid: 813, name: 'bystander', parentPid: 1 }),
    ],
    listeners: [],
    weightsOf: () => [],
    graphicsOf: () => [],
    closerOf: ({ pid }) => closers.get(pid),
    pack,
    digest,
    identified: new WeakMap(),
  })
  const answering = (): Closer => ({
    look: null,
    footprint: null,
    engines: [],
    answered: (pack.runtimes.find(({ id }) => id === 'ollama')?.probes ?? [])
      .filter(({ strength }) => strength === 'strong')
      .map(({ id }) => id),
    told: { version: '0.17.1' },
    api: undefined,
    processorPercent: null,
    gaps: [],
  })

  it('says what a first look with the same facts would say, of children too', () => {
    const first = identifyAll(input(new Map()))
    const looked = input(new Map([[900, answering()]]))
    const again = identifyAgain(first, looked)
    const entriesOf = (identities: typeof first) =>
      identities.map(({ process, identification }) => [process.pid, identification])

    expect(entriesOf(again)).toEqual(entriesOf(identifyAll(looked)))
    expect(again.find(({ process }) => process.pid === 900)?.identification?.entryId).toBe('ollama')
    expect(again.find(({ process }) => process.pid === 812)?.facts.parent?.entryId).toBe('ollama')
    expect(again.find(({ process }) => process.pid === 813)).toBe(first.find(({ process }) => process.pid === 813))
  })
})
