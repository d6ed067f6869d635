// The Linux sensors on real processes of this machine: what a process maps, holds and listens to, also after unlinking.
import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { existsSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { linuxListeners } from '../../agent/sense/linux/listeners.ts'
import { openHeld, openMapped } from '../../agent/sense/linux/mapped-file.ts'
import { createProcTable } from '../../agent/sense/linux/proc-table.ts'
import { linuxProcesses } from '../../agent/sense/linux/processes.ts'
import { listByPsList } from '../../agent/sense/second-views.ts'
import type { OpenedFile, ProcessObservation } from '../../contract/observation.ts'

const isLinux = process.platform === 'linux'
const python = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'python3'))
  .find((path) => existsSync(path))
if (!isLinux) console.warn('skipped: these sensors are for Linux')
if (python === undefined) console.warn('skipped in part: without python3 no process here can map a file')
const linuxIt = isLinux ? it : it.skip
const pythonIt = isLinux && python !== undefined ? it : it.skip

const UNSHARE = '/usr/bin/unshare'
const mayUnshare = isLinux && process.getuid?.() === 0 && existsSync(UNSHARE)
if (isLinux && !mayUnshare)
  console.warn('skipped in part: only root can make a network namespace (unshare of util-linux)')
const unshareIt = mayUnshare ? it : it.skip

const MEBIBYTES = 3 * 1024 * 1024
let root = ''
let children: ChildProcess[] = []
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-proc-')))
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

/** Starts a program and waits for its first line. */
async function start(
  command: string,
  args: readonly string[],
): Promise<{ readonly pid: number; readonly line: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  return { pid: child.pid ?? -1, line }
}

/** A context of its own for each look: sensors that get the same one share a look. */
const context = () => ({ signal: new AbortController().signal, now: () => new Date() })

async function see(pid: number, table = createProcTable()): Promise<ProcessObservation> {
  const { observations } = linuxProcesses.interpret(await table.look(context()))
  const seen = observations.find((observation) => observation.kind === 'process' && observation.pid === pid)
  if (seen?.kind !== 'process') throw new Error(`process ${pid} was not seen`)
  return seen
}

const HOLD = `
const fs = require('node:fs'), net = require('node:net')
globalThis.fd = fs.openSync(process.argv[1], 'r')
const server = net.createServer().listen(0, '127.0.0.1', () => console.log(server.address().port))
`
const MAP = `
import mmap, sys, time
f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED); f.close(); m[0]
print('mapped', flush=True); time.sleep(600)
`
const firstBytes = (file: OpenedFile): string => {
  const bytes = Buffer.alloc(5)
  file.read(0, bytes)
  return bytes.toString()
}
const plant = (name: string): string => {
  writeFileSync(join(root, name), Buffer.concat([Buffer.from('GGUF!'), Buffer.alloc(MEBIBYTES)]))
  return join(root, name)
}

describe('a process that holds a file', () => {
  linuxIt('is seen with the file, readable after it was unlinked, and with its listener', async () => {
    const path = plant('notes')
    const { pid, line } = await start(process.execPath, ['-e', HOLD, path])
    rmSync(path)

    const seen = await see(pid)
    const link = seen.open?.find((open) => open.path === path)
    if (link === undefined) throw new Error('the held file was not seen')
    const opened = openHeld(pid, seen.startTicks, link)
    const text = opened.ok ? firstBytes(opened.value) : opened.failure.code
    if (opened.ok) opened.value.close()
    const listeners = linuxListeners.interpret(await linuxListeners.collect(context())).observations

    expect(link).toMatchObject({ isDeleted: true, sizeBytes: MEBIBYTES + 5 })
    expect(text).toBe('GGUF!')
    expect(seen.executable?.path).toBe(realpathSync(process.execPath))
    expect(JSON.stringify(seen.commandLine)).not.toContain('createServer')
    expect(listeners).toContainEqual(
      expect.objectContaining({
        protocol: 'tcp',
        address: '127.0.0.1',
        port: Number(line),
        scope: 'loopback',
        pids: [pid],
      }),
    )
  })

  linuxIt('is not believed to be another one that got its number', async () => {
    const { pid } = await start(process.execPath, ['-e', HOLD, plant('notes')])
    const seen = await see(pid)
    const [link] = seen.open ?? []
    if (link === undefined) throw new Error('the held file was not seen')

    expect(openHeld(pid, '1', link)).toMatchObject({ ok: false, failure: { code: 'GNO_SENSE_VANISHED' } })
    expect(openHeld(pid, seen.startTicks, { ...link, inode: '1' })).toMatchObject({
      ok: false,
      failure: { code: 'GNO_SENSE_VANISHED' },
    })
    expect(openHeld(pid, seen.startTicks, { ...link, fdNumber: 0 })).toMatchObject({
      ok: false,
      failure: { code: 'GNO_SENSE_NOT_A_FILE' },
    })
  })
})

describe('a process that maps a file', () => {
  pythonIt('is seen with it under its new name, and after unlinking', async () => {
    const path = plant('model.gguf')
    const renamed = join(root, 'holiday.jpg')
    const { pid } = await start(python ?? '', ['-c', MAP, path])
    renameSync(path, renamed)

    const before = (await see(pid)).mapped?.find((mapped) => mapped.path === renamed)
    rmSync(renamed)
    const seen = await see(pid)
    const after = seen.mapped?.find((mapped) => mapped.path === renamed)
    if (after === undefined) throw new Error('the mapping was not seen')
    const opened = openMapped(pid, seen.startTicks, after)
    const text = opened.ok ? firstBytes(opened.value) : opened.failure.code
    if (opened.ok) opened.value.close()

    expect(before).toMatchObject({ isDeleted: false, isExecutable: false })
    expect(after).toMatchObject({ isDeleted: true, inode: before?.inode })
    expect(['GGUF!', 'GNO_SENSE_DENIED']).toContain(text)
    if (process.getuid?.() === 0) expect(text).toBe('GGUF!')
  })

  pythonIt('is not confused with a file that was put in its place', async () => {
    const path = plant('model')
    const { pid } = await start(python ?? '', ['-c', MAP, path])
    const seen = await see(pid)
    const mapped = seen.mapped?.find((candidate) => candidate.path === path)
    if (mapped === undefined) throw new Error('the mapping was not seen')
    rmSync(path)
    symlinkSync('/etc/passwd', path)

    const opened = openMapped(pid, seen.startTicks, mapped)
    const text = opened.ok ? firstBytes(opened.value) : opened.failure.code
    if (opened.ok) opened.value.close()

    expect(['GGUF!', 'GNO_SENSE_DENIED']).toContain(text)
    expect(openMapped(pid, seen.startTicks, { ...mapped, range: '../../../etc/passwd' })).toMatchObject({ ok: false })
  })
})

const FLOOD = `
import mmap, os, sys, time
# First, since the kernel gives lower addresses to what is mapped later and lists by address: the decoys stand before it.
f = os.open(sys.argv[2], os.O_RDONLY)
m = mmap.mmap(f, 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED); os.close(f)
os.chdir(sys.argv[1])
for part in range(14):
    os.mkdir('d' * 220); os.chdir('d' * 220)
open('f', 'wb').write(bytes(4096))
decoy = os.open('f', os.O_RDONLY)
kept = [mmap.mmap(decoy, 4096, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED) for each in range(2500)]
print(os.stat('f').st_ino, flush=True); time.sleep(600)
`

describe('a process that maps one file with a very long path some thousand times', () => {
  pythonIt('is seen with its weights and its libraries all the same', async () => {
    const path = plant('model.gguf')
    const { pid, line } = await start(python ?? '', ['-c', FLOOD, root, path])

    const table = createProcTable()
    const { observations, gaps } = linuxProcesses.interpret(await table.look(context()))
    const seen = observations.find((observation) => observation.kind === 'process' && observation.pid === pid)
    const mapped = seen?.kind === 'process' ? (seen.mapped ?? []) : []
    table.close()

    expect(mapped).toContainEqual(expect.objectContaining({ path, isExecutable: false, isDeleted: false }))
    expect(mapped).toContainEqual(expect.objectContaining({ inode: line, mappedBytes: 2_500 * 4_096 }))
    expect(mapped.some((each) => each.isExecutable && /\/libc[.-]/.test(each.path))).toBe(true)
    expect(gaps.filter(({ place }) => place === `/proc/${pid}/maps`)).toEqual([])
  })
})

const UNIX = `
const net = require('node:net')
const listen = (at) => new Promise((resolve) => { const server = net.createServer().listen(at, () => resolve(server)) })
Promise.all([listen(process.argv[1]), listen('\\0' + process.argv[2]), listen({ port: 0, host: '0.0.0.0' })])
  .then(([, , tcp]) => console.log(tcp.address().port))
`

describe('listeners without a port', () => {
  linuxIt('are seen with their path or abstract name, and who holds them', async () => {
    const path = join(root, 'api.sock')
    const { pid } = await start(process.execPath, ['-e', UNIX, path, `gnomon-${root}`])

    const { observations } = linuxListeners.interpret(await linuxListeners.collect(context()))

    const unix = { kind: 'listener', protocol: 'unix', port: 0, scope: 'loopback', pids: [pid] }
    expect(observations).toContainEqual(expect.objectContaining({ ...unix, address: path }))
    expect(observations).toContainEqual(expect.objectContaining({ ...unix, address: `@gnomon-${root}` }))
  })

  unshareIt('are seen in a network namespace of their own as well', async () => {
    const path = join(root, 'hidden.sock')
    const command = ['--net', '--', process.execPath, '-e', UNIX, path, `gnomon-${root}`]
    const { pid, line } = await start(UNSHARE, command)

    const { observations } = linuxListeners.interpret(await linuxListeners.collect(context()))
    const seen = await see(pid)

    const owned = observations.filter((listener) => listener.kind === 'listener' && listener.pids.includes(pid))
    expect(
      owned.map((listener) => listener.kind === 'listener' && [listener.protocol, listener.address, listener.port]),
    ).toEqual(
      expect.arrayContaining([
        ['tcp', '0.0.0.0', Number(line)],
        ['unix', path, 0],
        ['unix', `@gnomon-${root}`, 0],
      ]),
    )
    expect(seen.namespaces?.different).toEqual(['net'])
  })
})

describe('the table of processes', () => {
  linuxIt('sees a file that a known process opens later, and that it is gone when it ended', async () => {
    const table = createProcTable()
    const path = plant('late')
    const source = `process.stdin.resume(); console.log('up'); setTimeout(() => { globalThis.fd = require('node:fs').openSync(process.argv[1], 'r'); console.log('open') }, 1000); setInterval(() => {}, 1e6)`
    const child = spawn(process.execPath, ['-e', source, path], { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    const lines = createInterface({ input: child.stdout })
    const pid = child.pid ?? -1
    await once(lines, 'line')

    const before = await see(pid, table)
    await once(lines, 'line')
    const after = await see(pid, table)
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited

    expect(before.open?.some((open) => open.path === path)).toBe(false)
    expect(after.open?.some((open) => open.path === path)).toBe(true)
    await expect(see(pid, table)).rejects.toThrow('was not seen')
  })

  linuxIt('gives the same record for a process that did nothing', async () => {
    const child = spawn('/usr/bin/sleep', ['600'], { stdio: 'ignore' })
    children.push(child)
    await once(child, 'spawn')
    const table = createProcTable()
    const same: boolean[] = []

    let before = await see(child.pid ?? -1, table)
    for (let look = 0; look < 5; look += 1) {
      const now = await see(child.pid ?? -1, table)
      same.push(now === before)
      before = now
    }

    expect(same.filter(Boolean).length).toBeGreaterThanOrEqual(3)
  })

  linuxIt('leaves out itself and kernel threads, and starts no program', async () => {
    const started: unknown[] = []
    const note = (message: unknown) => started.push(message)
    subscribe('child_process', note)

    const { observations } = linuxProcesses.interpret(await createProcTable().look(context()))
    unsubscribe('child_process', note)
    const pids = observations.map((seen) => (seen.kind === 'process' ? seen.pid : -1))

    expect(started).toEqual([])
    expect(pids).not.toContain(process.pid)
    expect(pids).not.toContain(2)
  })

  linuxIt('knows every process that ps-list knows, kernel threads and short-lived ones aside', async () => {
    const child = spawn('/usr/bin/sleep', ['600'], { stdio: 'ignore' })
    children.push(child)
    await once(child, 'spawn')
    const own = await createProcTable().look(context())
    const known = new Set(own.processes.map((raw) => Number.parseInt(raw.stat, 10)))
    const again = new Set((await listByPsList(context().signal)).map(({ pid }) => pid))

    const missed = [...again].filter((pid) => !known.has(pid) && pid !== process.pid)

    expect(known.has(child.pid ?? -1)).toBe(true)
    expect(again.has(child.pid ?? -1)).toBe(true)
    // What is left are kernel threads and what was started between the two looks.
    expect(missed.length).toBeLessThanOrEqual(own.kernelThreads + 50)
  })

  linuxIt('stops when asked and says how many it left out', async () => {
    const capture = await createProcTable().look({ signal: AbortSignal.abort(), now: () => new Date(0) })

    expect(capture.processes).toEqual([])
    expect(capture.beyondLimit).toBeGreaterThan(0)
  })
})
