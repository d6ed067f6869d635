// Models that only the processes of another mount namespace see: in a root folder of their own, as a container's, or below a mount that
// this machine does not have. Root only; other tests may have namespaces of their own at the same time.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openPack } from '../../agent/rule-pack.ts'
import { createContainerTurns, findContainers } from '../../agent/sense/linux/container-roots.ts'
import { createFolderTurns, type ElsewhereParts, sweepElsewhere } from '../../agent/sweep-elsewhere.ts'
import { sweepFiles } from '../../agent/sweep-files.ts'
import type { SweepOptions } from '../../agent/sweep-request.ts'
import type { WalkedFolder, WalkSummary } from '../../contract/observation.ts'
import { buildGguf } from '../build-gguf.ts'
import { memoryAskingNothing } from '../sweep-memory.ts'
import { whyNoMounts } from './own-mounts.ts'
import { until } from './programs.ts'
import { runUnprivileged, whyNotUnprivileged } from './unprivileged.ts'

const why = whyNoMounts() ?? whyNotUnprivileged()
if (why !== null) console.warn(`skipped: ${why}`)
const rootIt = why === null ? it : it.skip
const UNSHARE = '/usr/bin/unshare'
const openedPack = openPack(join(dirname(dirname(import.meta.dirname)), 'dist/rules/pack.json'))
const MODEL = buildGguf({ tensors: [{ name: 'token_embd.weight', dims: [256, 1200] }] })

let root = ''
let children: ChildProcess[] = []
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-elsewhere-')))
  children = []
})
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  rmSync(root, { recursive: true, force: true })
})

/** Runs a script in a mount namespace of its own; it says `ready` and ends as a program that waits. Its namespace is the answer. */
async function inNamespace(script: string, ...words: readonly string[]): Promise<string> {
  return await inNamespaces(['--mount', '--propagation', 'private'], script, words)
}

async function inNamespaces(spaces: readonly string[], script: string, words: readonly string[]): Promise<string> {
  const args = [...spaces, 'sh', '-ec', script, 'sh', ...words]
  const child = spawn(UNSHARE, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(createInterface({ input: child.stdout }), 'line')
  return `container:/mnt-${namespaceNumber(child.pid ?? -1)}`
}

/** Empty for a process that has ended. */
function namespaceNumber(pid: number): string {
  try {
    return /[0-9]+/.exec(readlinkSync(`/proc/${pid}/ns/mnt`))?.[0] ?? ''
  } catch {
    return ''
  }
}

/** A root folder of its own, with the programs of this machine bound into it, as an image brings them. */
const CONTAINER = `
  mount -t tmpfs none "$1"
  for name in usr bin lib lib64; do
    if [ -L "/$name" ]; then cp -P "/$name" "$1/$name"
    elif [ -e "/$name" ]; then mkdir "$1/$name"; mount --bind "/$name" "$1/$name"; fi
  done
  mkdir -p "$1/models" "$1/etc" "$1/data"
  cp "$2" "$1/models/first of all"; cp "$2" "$1/etc/odd place"
  mount --bind "$3" "$1/data"
  exec chroot "$1" /bin/sh -c 'echo ready; exec sleep 600'`
/** A folder that looks empty from outside. */
const HIDDEN = 'mount -t tmpfs none "$1"; cp "$2" "$1/model"; echo ready; exec sleep 600'

/** The same, seen by two processes. */
const HIDDEN_TWICE = 'mount -t tmpfs none "$1"; cp "$2" "$1/model"; sleep 600 >/dev/null & echo ready; exec sleep 600'

/** The processes of a namespace that is called like that. */
function processesIn(name: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && `container:/mnt-${namespaceNumber(pid)}` === name)
}

/** Looks into containers alone: where it found files that are worth a look. */
async function lookElsewhere(changes: Partial<ElsewhereParts>) {
  const found: string[] = []
  const read = (walk: Generator<WalkedFolder, WalkSummary>): Promise<WalkSummary> => {
    let step = walk.next()
    for (; step.done !== true; step = walk.next()) found.push(...step.value.candidates.map(({ path }) => path))
    return Promise.resolve(step.value)
  }
  const walk = { excludes: [], isSmallCandidate: () => false, signal: new AbortController().signal }
  return { found, ...(await sweepElsewhere({ platform: 'linux', roots: [root], walk, read, ...changes })) }
}

async function look(swept: string, changes: Partial<SweepOptions> = {}) {
  if (!openedPack.ok) throw new Error(openedPack.failure.detail)
  return sweepFiles({
    hostId: 'host1:test',
    hostName: 'test',
    platform: 'linux',
    agentVersion: '0',
    roots: [swept],
    everywhere: true,
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
  })
}

describe('places that only other processes see', () => {
  rootIt(
    'are swept: the root folder of a container once, and nothing of this machine that is bound into it',
    async () => {
      const [place, swept] = [join(root, 'rootfs'), join(root, 'swept')]
      for (const folder of [place, swept]) mkdirSync(folder)
      const source = join(swept, 'on this machine')
      writeFileSync(source, MODEL)
      const name = await inNamespace(CONTAINER, place, source, swept)

      const { artifacts, coveredPaths, walked } = await look(swept)

      const here = artifacts.map(({ path }) => path).filter((path) => path === source || path.startsWith(name))
      expect(here.sort()).toEqual([`${name}/etc/odd place`, `${name}/models/first of all`, source].sort())
      expect(coveredPaths).toContain('container:')
      expect(walked.coverage.find(({ sensor }) => sensor === 'containers')?.places).toContain(name)
      expect(walked.gaps.filter(({ place: at }) => at.startsWith(name))).toEqual([])
    },
  )

  rootIt('are swept: a mount that hides a model from everybody else', async () => {
    const [hidden, swept, source] = [join(root, 'hidden'), join(root, 'swept'), join(root, 'source')]
    for (const folder of [hidden, swept]) mkdirSync(folder)
    writeFileSync(source, MODEL)
    const name = await inNamespace(HIDDEN, hidden, source)

    const { artifacts } = await look(swept)

    expect(artifacts.map(({ path }) => path).filter((path) => path.startsWith(name))).toEqual([
      `${name}${hidden}/model`,
    ])
  })

  rootIt('are named and not entered where anybody may have mounted them', async () => {
    const [hidden, swept, source] = [join(root, 'hidden'), join(root, 'swept'), join(root, 'source')]
    for (const folder of [hidden, swept]) mkdirSync(folder)
    writeFileSync(source, MODEL)
    const name = await inNamespaces(['--user', '--map-root-user', '--mount'], HIDDEN, [hidden, source])

    const { artifacts, gaps } = await look(swept)

    expect(artifacts.filter(({ path }) => path.startsWith(name))).toEqual([])
    expect(gaps).toContainEqual(expect.objectContaining({ code: 'GNO_SENSE_UNSUPPORTED', place: name }))
  })

  rootIt('are left out by an exclude, which is told', async () => {
    const [hidden, swept, source] = [join(root, 'hidden'), join(root, 'swept'), join(root, 'source')]
    for (const folder of [hidden, swept]) mkdirSync(folder)
    writeFileSync(source, MODEL)
    const name = await inNamespace(HIDDEN, hidden, source)

    const { artifacts, gaps } = await look(swept, { excludes: [hidden] })

    expect(artifacts.filter(({ path }) => path.startsWith(name))).toEqual([])
    expect(gaps).toContainEqual(
      expect.objectContaining({ code: 'GNO_SENSE_EXCLUDED', place: hidden, sensor: 'containers' }),
    )
  })

  rootIt('are seen through another process where the first one ended, and are a gap where all have', async () => {
    const hidden = join(root, 'hidden')
    mkdirSync(hidden)
    const source = join(root, 'source')
    writeFileSync(source, MODEL)
    const name = await inNamespace(HIDDEN_TWICE, hidden, source)
    const [first] = children
    const kill = async (pid: number): Promise<void> => {
      process.kill(pid, 'SIGKILL')
      await until(() => (namespaceNumber(pid) === '' ? true : undefined))
    }
    const others = processesIn(name).filter((pid) => pid !== first?.pid)

    await kill(first?.pid ?? -1)
    const seen = await lookElsewhere({})
    // Held for the sweep, and ended before its turn.
    const { views, ...rest } = findContainers([])
    for (const pid of others) await kill(pid)
    const after = await lookElsewhere({ find: () => ({ views, ...rest }) })

    expect(others).toHaveLength(1)
    expect(seen.found).toContain(`${name}${hidden}/model`)
    expect(seen.gaps.filter(({ place }) => place.startsWith(name))).toEqual([])
    expect(after.found.filter((path) => path.startsWith(name))).toEqual([])
    expect(after.gaps).toContainEqual(expect.objectContaining({ code: 'GNO_SENSE_VANISHED', place: name }))
    expect(after.uncoveredPaths).toContain(name)
  })

  rootIt('beyond a limit of folders are told, and reached by later sweeps', async () => {
    const [place, swept] = [join(root, 'rootfs'), join(root, 'swept')]
    for (const folder of [place, swept]) mkdirSync(folder)
    const source = join(swept, 'on this machine')
    writeFileSync(source, MODEL)
    const name = await inNamespace(CONTAINER, place, source, swept)
    const parts = { turns: createFolderTurns(), maxFolders: { ofOne: 2, ofAll: 4_000 } }

    const first = await lookElsewhere(parts)
    const later: string[] = []
    for (let sweep = 0; sweep < 8; sweep += 1) later.push(...(await lookElsewhere(parts)).found)

    expect(first.found).not.toContain(`${name}/etc/odd place`)
    expect(first.gaps).toContainEqual(expect.objectContaining({ code: 'GNO_SENSE_LIMIT', place: name }))
    expect(later).toContain(`${name}/etc/odd place`)
    // Where others used up the folders of all, it still begins with the usual folders the next time.
    const none = { turns: createFolderTurns(), maxFolders: { ofOne: 2, ofAll: 0 } }
    await lookElsewhere(none)
    expect(none.turns.ofOne.get(name)).toBe(0)
  })

  rootIt('beyond a limit of namespaces and mounts are counted, and come first the next time', async () => {
    const folders = ['one', 'two'].map((folder) => join(root, folder))
    for (const folder of folders) mkdirSync(folder)
    const source = join(root, 'source')
    writeFileSync(source, MODEL)
    const script = `mount -t tmpfs none "$1"; mount -t tmpfs none "$2"; echo ready; exec sleep 600`
    const names = [await inNamespace(script, ...folders), await inNamespace(script, ...folders)]
    const turns = createContainerTurns()
    const seen = new Set<string>()
    const cut = { namespaces: 0, mounts: 0 }

    // Other tests may have namespaces of their own at the same time.
    for (let sweep = 0; sweep < 40; sweep += 1) {
      const { views, others } = findContainers([], turns, { processes: 32_768, namespaces: 1, places: 1 })
      const [view] = views
      view?.close()
      cut.namespaces += others
      cut.mounts += view?.others ?? 0
      for (const point of view?.points ?? []) seen.add(`${view?.name}${point}`)
    }

    expect([...seen]).toEqual(expect.arrayContaining(names.flatMap((name) => folders.map((folder) => name + folder))))
    expect(cut.namespaces).toBeGreaterThan(0)
    expect(cut.mounts).toBeGreaterThan(0)
  })

  rootIt('are told as not seen by an agent without rights, and nothing there is called gone', async () => {
    const { views, denied } = runUnprivileged(
      [],
      `
      import { findContainers } from '@/agent/sense/linux/container-roots.ts'
      const { views, denied } = findContainers([])
      console.log(JSON.stringify({ views: views.length, denied }))
      `,
    ) as { views: number; denied: number }
    expect({ views, isDenied: denied > 0 }).toEqual({ views: 0, isDenied: true })

    const find = () => ({ views: [], denied, others: 0, unasked: 0, closed: [] })
    const told = await sweepElsewhere({
      platform: 'linux',
      roots: [root],
      walk: { excludes: [], isSmallCandidate: () => false, signal: new AbortController().signal },
      read: () => Promise.reject(new Error('there is nothing to read')),
      find,
    })

    expect(told.uncoveredPaths).toContain('container:')
    expect(told.coverage.find(({ sensor }) => sensor === 'containers')).toMatchObject({ state: 'partial' })
  })
})
