// The daemon that reads in a process of its own: finds what it finds without, lives on when a file ends its reader, and leaves none behind.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { buildGguf, text } from '../build-gguf.ts'
import { gnomon, until } from './programs.ts'
import {
  childrenOf,
  type Places,
  placesIn,
  processesNaming,
  runs,
  startSupervised,
  type SupervisedDaemon,
} from './supervised-daemon.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: who runs is read from /proc, which is Linux only')

/** Nobody's files but ours are looked at after the start, and nobody ends the worker for what a busy machine does to it. */
const calm = { watch: false, processIntervalSeconds: 3600, limits: 'off' }

let folder = ''
let places: Places

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-reader-'))
  places = placesIn(folder)
})
afterEach(async () => {
  for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  await until(() => (processesNaming(folder).length === 0 ? true : undefined))
  rmSync(folder, { recursive: true, force: true })
})

function plant(name: string): void {
  const bytes = buildGguf({
    kv: [
      ['general.architecture', text('llama')],
      ['general.name', text(name)],
    ],
    tensors: [{ name: 'token_embd.weight', dims: [32, 4 + (name.length % 7)] }],
  })
  writeFileSync(join(places.models, `${name}.gguf`), bytes)
}

/** Runs a program as soon as it is loaded. */
const PICKLE = Buffer.from('cposix\nsystem\n(S"id"\ntR.')

/** A header that keeps a parser busy for seconds. */
function plantSlow(): string {
  const tensors = 200_000
  const entries = Array.from(
    { length: tensors },
    (_, index) => `"t.${index}":{"dtype":"F32","shape":[1],"data_offsets":[${index * 4},${index * 4 + 4}]}`,
  )
  const header = Buffer.from(`{${entries.join(',')}}`)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const path = join(places.models, 'slow.safetensors')
  writeFileSync(path, Buffer.concat([length, header]))
  truncateSync(path, 8 + header.length + tensors * 4)
  return path
}

async function readerOf(daemon: SupervisedDaemon): Promise<number | undefined> {
  const worker = await daemon.worker()
  return childrenOf(worker).find((pid) => textOf(`/proc/${pid}/cmdline`).includes('reader-program'))
}

/** What is read now: the first line of the record; what stands behind it is of yesterday. */
function jobIn(record: string): string {
  return textOf(record).split('\n')[0] ?? ''
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // It ended a moment ago.
    return ''
  }
}

interface StoredFinding {
  readonly policyId: string
  readonly subject: { readonly kind: string; readonly key: string }
}

/** Policy and path of what was found in this test's own folder: other tests run beside this one. */
async function findingsOf(separateReader: string): Promise<readonly string[]> {
  const state = join(folder, separateReader)
  const daemon = startSupervised({ ...places, state }, { ...calm, separateReader })
  await daemon.told('swept')
  const reader = await readerOf(daemon)
  expect(reader !== undefined).toBe(separateReader === 'always')
  daemon.kill('SIGTERM')
  expect((await daemon.ended).code).toBe(0)
  if (reader !== undefined) await until(() => (runs(reader) ? undefined : true))
  const listed = JSON.parse((await gnomon('explain', '--json', '--state', state)).stdout) as readonly StoredFinding[]
  const own = listed.filter(({ subject }) => subject.kind === 'artifact' && subject.key.startsWith(`${places.models}/`))
  return own.map(({ policyId, subject }) => `${policyId} ${subject.key}`).sort()
}

describe('a daemon that reads in a process of its own', () => {
  onLinux('finds what it finds by itself, and takes its reader with it', async () => {
    for (const name of ['small', 'other']) plant(name)
    writeFileSync(join(places.models, 'bad.pkl'), PICKLE)

    const itself = await findingsOf('never')
    const apart = await findingsOf('always')

    expect(apart).toEqual(itself)
    expect(itself.filter((found) => found.endsWith('/bad.pkl')).length).toBeGreaterThan(0)
  })

  onLinux('has a reader without capabilities, which no killed worker leaves behind', async () => {
    plant('small')
    const daemon = startSupervised(places, { ...calm, separateReader: 'always' })
    await daemon.told('swept')
    const reader = await until(() => readerOf(daemon))
    const status = textOf(`/proc/${reader}/status`)

    expect(/^CapEff:\s+(\w+)$/m.exec(status)?.[1]).toBe('0000000000000000')
    expect(textOf(`/proc/${reader}/environ`)).toBe('')
    process.kill(await daemon.worker(), 'SIGKILL')
    await until(() => (runs(reader) ? undefined : true))
    daemon.kill('SIGTERM')
    await daemon.ended
  })

  onLinux('sets a file aside that ends its reader, and reads the others with the next one', async () => {
    for (const name of ['before', 'zzz']) plant(name)
    const slow = plantSlow()
    const daemon = startSupervised(places, { ...calm, separateReader: 'always' })
    const worker = await daemon.worker()
    const record = join(places.state, 'job')
    const isSetAside = (): boolean => daemon.log().some(({ fields }) => fields.get('policyId') === 'own-file-set-aside')
    // One an opening of the file: the next reader begins to start before the record says that the file is closed.
    const aborted = new Set<string>()
    const endMs = performance.now() + 120_000
    while (!daemon.log().some(({ message }) => message === 'swept') && performance.now() < endMs) {
      const reader = await readerOf(daemon)
      const opening = jobIn(record)
      if (reader !== undefined && !aborted.has(opening) && opening.includes(slow)) {
        aborted.add(opening)
        process.kill(reader, 'SIGABRT')
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }

    const [swept] = await daemon.told('swept')
    await until(() => (isSetAside() ? true : undefined))
    expect(aborted.size).toBeGreaterThan(0)
    expect(swept?.fields.get('artifacts')).toBeGreaterThanOrEqual(2)
    expect(await daemon.worker()).toBe(worker)
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  })
})
