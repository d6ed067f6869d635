// What of an inventory leads to a process, and what must not: files on disk are real, processes are told as a sensor tells them.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type InstalledJoin, joinProcess, lookNear, refreshJoin } from '../../agent/join-installed.ts'
import { senseInventory } from '../../agent/sense-inventory.ts'
import { containerOf } from '../../agent/sense/linux/container-of.ts'
import type { ListenerObservation, ProcessObservation } from '../../contract/observation.ts'
import { identifyRuntime, type InstalledFacts } from '../../rules/identify-runtime.ts'
import { realPack } from '../rules/real-pack.ts'

const ID = 'c'.repeat(64)
const LATER = 'd'.repeat(64)
const SITE = '/home/ann/ml/.venv/lib/python3.12/site-packages'
const uid = process.getuid?.() ?? 0
let root = ''
let ann = ''

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-join-')))
  ann = join(root, 'home/ann')
})
beforeEach(() => {
  rmSync(join(root, 'home'), { recursive: true, force: true })
  rmSync(join(root, 'usr'), { recursive: true, force: true })
  rmSync(join(root, 'var'), { recursive: true, force: true })
  mkdirSync(ann, { recursive: true })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, content: string | object): string {
  const place = join(root, path)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content))
  return place
}

function putPackage(name: string, record: string, site = SITE): void {
  put(`${site}/${name}-1.2.3.dist-info/METADATA`, `Metadata-Version: 2.4\nName: ${name}\nVersion: 1.2.3\n`)
  put(`${site}/${name}-1.2.3.dist-info/RECORD`, record)
}

async function inventory(): Promise<InstalledJoin> {
  const { join: made } = await senseInventory({
    platform: 'linux',
    pack: realPack,
    excludes: [],
    ownPlaces: [],
    signal: new AbortController().signal,
    homes: [ann],
    root,
  })
  if (made === null) throw new Error('an inventory on Linux makes a join')
  refreshJoin(made)
  return made
}

function running(executable: string, changes: Partial<ProcessObservation> = {}): ProcessObservation {
  return {
    kind: 'process',
    pid: 812,
    startTicks: '5000',
    startedAt: '2026-11-23T01:00:00.000Z',
    parentPid: 1,
    name: 'notes',
    executable: { path: executable, isDeleted: false, dev: '8:1', inode: '7' },
    user: { uid, name: 'ann' },
    commandLine: [executable],
    cgroup: null,
    memory: null,
    mapped: [],
    open: [],
    ...changes,
  }
}

function listening(changes: Partial<ListenerObservation> = {}): ListenerObservation {
  return {
    kind: 'listener',
    protocol: 'tcp',
    address: '127.0.0.1',
    port: 41_300,
    scope: 'loopback',
    inode: '3',
    pids: [812],
    ...changes,
  }
}

function identify(installed: InstalledFacts, more: { readonly weights?: true } = {}) {
  const weights = more.weights === true ? [{ how: 'mapped', format: 'gguf' } as const] : []
  return identifyRuntime(
    {
      name: 'notes',
      executablePath: '/opt/notes',
      commandLine: ['/opt/notes'],
      libraries: [],
      weights,
      listeners: [],
      parent: null,
      memory: null,
      ...installed,
    },
    realPack,
  )
}

describe('packages', () => {
  it('belong to an executable in their folder, whatever it is called, and tell their version', async () => {
    put('usr/local/lib/node_modules/@openai/codex/package.json', { name: '@openai/codex', version: '0.50.0' })
    const joined = await inventory()
    const program = join(root, 'usr/local/lib/node_modules/@openai/codex/vendor/x86_64/codex/notes')

    const facts = joinProcess(running(program), [], joined)

    expect(facts.packages).toEqual(['npm:@openai/codex'])
    const named = identify(facts)
    expect(named).toMatchObject({ entryId: 'codex-cli', version: '0.50.0' })
    expect(named?.evidence[0]?.detail).toContain(`npm:@openai/codex (the executable ${program} belongs to it, by `)
  })

  it('belong to a program of Homebrew, snap and cargo', async () => {
    put('home/linuxbrew/.linuxbrew/Cellar/llama.cpp/6000/INSTALL_RECEIPT.json', {})
    put('snap/lemonade-server/7/meta/snap.yaml', "name: lemonade-server\nversion: '8.1.2'\n")
    put('home/ann/.cargo/.crates2.json', {
      installs: { 'mistralrs 0.6.0 (registry+x)': { bins: ['served', '../sh'] } },
    })
    const joined = await inventory()
    const packagesOf = (path: string): unknown => joinProcess(running(join(root, path)), [], joined).packages

    expect(packagesOf('home/linuxbrew/.linuxbrew/Cellar/llama.cpp/6000/bin/x')).toEqual(['brew:llama.cpp'])
    expect(packagesOf('snap/lemonade-server/7/bin/x')).toEqual(['snap:lemonade-server'])
    expect(packagesOf('home/ann/.cargo/bin/served')).toEqual(['cargo:mistralrs'])
    expect(packagesOf('home/ann/.cargo/bin/other')).toBeUndefined()
    rmSync(join(root, 'snap'), { recursive: true })
  })

  it('own no interpreter, nothing outside of their environment, and no namespace that others share', async () => {
    const claims = [
      '../../../bin/vllm',
      '../../../bin/python3.12',
      '../../../bin/../../../../../usr/bin/cat',
      '/usr/bin/env',
    ]
    putPackage('vllm', [...claims, 'vllm/__init__.py', 'google/cloud/x.py', '../other/__init__.py'].join(',,\n'))
    const { links } = await inventory()
    const environment = join(root, 'home/ann/ml/.venv')

    expect([...links.packages.keys()]).toEqual([
      `${environment}/bin/vllm`,
      `${environment}/lib/python3.12/site-packages/vllm/`,
    ])
  })

  it('own nothing that two of them claim, and nothing at the root', async () => {
    putPackage('vllm', '../../../bin/serve,,\nvllm/__init__.py,,\n')
    putPackage('sglang', '../../../bin/serve,,\nsglang/__init__.py,,\n')
    const joined = await inventory()

    expect(joined.links.packages.get(join(ann, 'ml/.venv/bin/serve'))).toBeNull()
    expect(joinProcess(running(join(ann, 'ml/.venv/bin/serve')), [], joined)).toEqual({})
    expect(joinProcess(running('/vllm'), [], joined)).toEqual({})
  })

  it('are not those of a container that sees other files under the same names', async () => {
    put('usr/local/lib/node_modules/n8n/package.json', { name: 'n8n', version: '1.0.0' })
    const joined = await inventory()
    const program = join(root, 'usr/local/lib/node_modules/n8n/bin/n8n')
    const namespaces = { mnt: '2', pid: '2', net: '1', user: '1', different: ['mnt', 'pid'] as const }

    expect(joinProcess(running(program), [], joined).packages).toEqual(['npm:n8n'])
    expect(joinProcess(running(program, { namespaces }), [], joined)).toEqual({})
  })

  it('survive a list of two million lines, and own a bounded number of places', async () => {
    putPackage('vllm', Array.from({ length: 200_000 }, (_, at) => `m${at}/__init__.py`).join(',,\n'))
    const { links } = await inventory()

    expect(links.packages.size).toBe(64)
  })
})

describe('containers', () => {
  const inside = (id: string): Partial<ProcessObservation> => ({
    container: { engine: 'docker', id, pod: null },
    namespaces: { mnt: '2', pid: '2', net: '1', user: '1', different: ['mnt', 'pid'] },
  })

  it('lend their image, its version and the names of asked labels to the processes in them', async () => {
    put(`var/lib/docker/containers/${ID}/config.v2.json`, {
      Config: {
        Image: 'quay.io/ramalama/cuda:0.12.3',
        Labels: { 'ai.ramalama.model': 'secret', maintainer: 'secret' },
      },
    })
    const joined = await inventory()

    const facts = joinProcess(running('/usr/bin/llama-server', inside(ID)), [], joined)

    expect(facts.containerLabels).toEqual([{ name: 'ai.ramalama.model', value: '' }])
    expect(facts.containerImage).toBe('quay.io/ramalama/cuda')
    expect(identify(facts)).toMatchObject({ entryId: 'ramalama', confidence: 'likely', version: '0.12.3' })
    expect(JSON.stringify(facts)).not.toContain('secret')
  })

  it.each([
    ['docker with systemd', `0::/system.slice/docker-${ID}.scope\n`],
    ['docker with cgroupfs, version 1', `4:memory:/docker/${ID}\n1:cpu:/\n`],
  ])('are found by the control group of %s, as /proc/PID/cgroup tells it', async (_, text) => {
    put(`var/lib/docker/containers/${ID}/config.v2.json`, { Config: { Image: 'x', Labels: { 'ai.ramalama': '' } } })
    const joined = await inventory()
    const process = running('/usr/bin/llama-server', { ...inside(ID), container: containerOf(text) })

    expect(identify(joinProcess(process, [], joined))).toMatchObject({ entryId: 'ramalama', confidence: 'likely' })
  })

  it('of Podman are known by the name of their image', async () => {
    const podman = { engine: 'podman', id: ID, pod: null } as const
    put('home/ann/.local/share/containers/storage/overlay-containers/containers.json', [
      { id: ID, metadata: JSON.stringify({ 'image-name': 'quay.io/ramalama/ramalama:0.12.1' }) },
    ])
    const joined = await inventory()
    const facts = joinProcess(running('/usr/bin/x', { ...inside(ID), container: podman }), [], joined)

    expect(identify(facts, { weights: true })).toMatchObject({
      entryId: 'ramalama',
      confidence: 'likely',
      version: '0.12.1',
    })
  })

  it('lend their version only to the product that their image means', async () => {
    put(`var/lib/docker/containers/${ID}/config.v2.json`, { Config: { Image: 'ollama/ollama:0.16.2', Labels: {} } })
    const joined = await inventory()
    const facts = joinProcess(running('/usr/bin/n8n', inside(ID)), [], joined)

    expect(identify(facts)).toMatchObject({ entryId: 'ollama', version: '0.16.2' })
    const answered = identifyRuntime(
      {
        ...facts,
        name: 'x',
        executablePath: null,
        commandLine: [],
        libraries: [],
        weights: [],
        listeners: [],
        parent: null,
        memory: null,
        httpAnswers: ['koboldcpp-version'],
      },
      realPack,
    )
    expect([answered?.entryId, answered?.version]).toEqual(['koboldcpp', undefined])
  })

  it('give a process outside of every namespace nothing, whatever its control group is called', async () => {
    put(`var/lib/docker/containers/${ID}/config.v2.json`, { Config: { Image: 'ollama/ollama:0.16.2', Labels: {} } })
    const joined = await inventory()
    const namespaces = { mnt: '1', pid: '1', net: '1', user: '1', different: [] }

    expect(joinProcess(running('/bin/x', { ...inside(ID), namespaces }), [], joined)).toEqual({})
    expect(joinProcess(running('/bin/x', inside(ID)), [], joined).containerImage).toBe('ollama/ollama')
    expect(joinProcess(running('/bin/x', inside(LATER)), [], joined)).toEqual({})
  })

  it('cannot hide an asked label behind fifty thousand others, and one that is too large is told', async () => {
    const crowd = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`a${at}`, '']))
    put(`var/lib/docker/containers/${ID}/config.v2.json`, {
      Config: { Image: 'x', Labels: { ...crowd, 'ai.ramalama': '' } },
    })
    const million = Object.fromEntries(Array.from({ length: 1_000_000 }, (_, at) => [`ai.ramalama.a${at}`, '']))
    put(`var/lib/docker/containers/${LATER}/config.v2.json`, { Config: { Image: 'x', Labels: million } })
    const joined = await inventory()

    expect(joinProcess(running('/bin/x', inside(ID)), [], joined).containerLabels).toMatchObject([
      { name: 'ai.ramalama' },
    ])
    expect(joined.links.containers.has(LATER)).toBe(false)
  })

  it('that came after the inventory are read once, when a candidate runs in one', async () => {
    const joined = await inventory()
    put(`var/lib/docker/containers/${LATER}/config.v2.json`, { Config: { Image: 'ollama/ollama:0.16.2', Labels: {} } })
    const process = running('/bin/x', inside(LATER))
    const near = { platform: 'linux', signal: new AbortController().signal, now: () => new Date(0) } as const

    await lookNear([process, running('/bin/x', inside('e'.repeat(64)))], joined, near)

    expect(joinProcess(process, [], joined).containerImage).toBe('ollama/ollama')
    expect(joined.links.containers.get('e'.repeat(64))).toBeNull()
  })
})

describe('state files', () => {
  const STATE = 'home/ann/.lmstudio/.internal/http-server.json'

  it('lead to the process of the same user that listens where they say, and to no other', async () => {
    put(STATE, { port: 41_300 })
    const joined = await inventory()
    const facts = joinProcess(running('/opt/notes'), [listening()], joined)

    expect(facts.stateFiles).toEqual(['lm-studio'])
    expect(identify(facts, { weights: true })).toMatchObject({ entryId: 'lm-studio', confidence: 'likely' })
    expect(identify(facts)).toMatchObject({ entryId: 'lm-studio', confidence: 'possible' })
    expect(joinProcess(running('/opt/notes'), [listening({ port: 41_301 })], joined)).toEqual({})
    expect(joinProcess(running('/opt/notes'), [], joined)).toEqual({})
  })

  it('that name a port of somebody else lead nowhere', async () => {
    put(STATE, { port: 5432 })
    const joined = await inventory()
    const postgres = { user: { uid: uid + 70, name: 'postgres' } }

    expect(joinProcess(running('/usr/bin/postgres', postgres), [listening({ port: 5432 })], joined)).toEqual({})
  })

  it('that are older than the process lead nowhere: the port passed to another', async () => {
    const place = put(STATE, { port: 41_300 })
    utimesSync(place, 1_700_000_000, 1_700_000_000)
    const joined = await inventory()

    expect(joinProcess(running('/opt/notes'), [listening()], joined)).toEqual({})
  })

  it('are read anew at every look, and what they say is no longer believed when they are gone', async () => {
    const joined = await inventory()
    const facts = (): InstalledFacts => joinProcess(running('/opt/notes'), [listening()], joined)

    const before = facts()
    put(STATE, { port: 41_300 })
    refreshJoin(joined)
    const then = facts()
    rmSync(join(root, STATE))
    refreshJoin(joined)

    expect([before, then.stateFiles, facts()]).toEqual([{}, ['lm-studio'], {}])
  })

  it.each([
    '',
    'null',
    '[41300]',
    '{"port": {"__proto__": 41300}}',
    '{"__proto__": {"port": 41300}}',
    '['.repeat(9_000),
  ])('that hold %j say nothing', async (content) => {
    put(STATE, content)
    const joined = await inventory()

    expect(joinProcess(running('/opt/notes'), [listening()], joined)).toEqual({})
  })

  it('that name a program lead to it, and never to an interpreter', async () => {
    const install = 'home/ann/.lmstudio/.internal/llmster-install-location.json'
    put(install, { path: '/opt/hidden/llmster', argv: [] })
    const joined = await inventory()
    const found = joinProcess(running('/opt/hidden/llmster'), [], joined).stateFiles
    put(install, { path: '/usr/bin/python3.12' })
    refreshJoin(joined)

    expect(found).toEqual(['llmster'])
    expect(joinProcess(running('/usr/bin/python3.12'), [], joined)).toEqual({})
  })

  it('that are sockets lead to who listens at them; one claimed by two entries speaks for both', async () => {
    const joined = await inventory()
    const socket = listening({ protocol: 'unix', port: 0, address: '/run/model-runner/model-runner.sock' })
    const install = join(ann, '.lmstudio/.internal/llmster-install-location.json')
    const shared = listening({ protocol: 'unix', port: 0, address: install })

    expect(joinProcess(running('/opt/x'), [socket], joined).stateFiles).toEqual(['docker-model-runner'])
    expect(joinProcess(running('/opt/x'), [shared], joined).stateFiles?.toSorted()).toEqual(['llmster', 'lm-studio'])
  })
})
