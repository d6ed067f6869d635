// What the table of processes remembers between looks: it may save work, and must not miss what changed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createProcTable, type ProcTable } from '../../agent/sense/linux/proc-table.ts'
import { linuxProcesses } from '../../agent/sense/linux/processes.ts'
import type { ProcessObservation } from '../../contract/observation.ts'

const PYTHON = '/usr/bin/python3'
const isLinux = process.platform === 'linux'
if (!isLinux) console.warn('skipped: the table of processes is for Linux')
else if (!existsSync(PYTHON)) console.warn('skipped in part: without python3 no process here can map a file')
const linuxIt = isLinux ? it : it.skip
const pythonIt = isLinux && existsSync(PYTHON) ? it : it.skip

let root = ''
let table: ProcTable
let children: ChildProcess[] = []
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-table-')))
  table = createProcTable()
  children = []
})
afterEach(async () => {
  table.close()
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  rmSync(root, { recursive: true, force: true })
})

/** A context of its own for each look: sensors that get the same one share a look. */
const context = () => ({ signal: new AbortController().signal, now: () => new Date() })

async function see(pid: number): Promise<ProcessObservation> {
  const { observations } = linuxProcesses.interpret(await table.look(context()))
  const seen = observations.find((observation) => observation.kind === 'process' && observation.pid === pid)
  if (seen?.kind !== 'process') throw new Error(`process ${pid} was not seen`)
  return seen
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // The descriptor that listed the others is closed by now.
    return ''
  }
}

describe('the table of processes', () => {
  pythonIt('sees a mapping that a known and busy process makes later, and large memory without a file', async () => {
    const path = join(root, 'late.gguf')
    writeFileSync(path, Buffer.alloc(3 * 1024 * 1024))
    const source = `
import mmap, sys, time
def work():
    end = time.process_time() + 0.05
    while time.process_time() < end: pass
print('up', flush=True); sys.stdin.readline(); work(); print('worked', flush=True); sys.stdin.readline()
f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); m[0]
big = mmap.mmap(-1, 80 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); big[0] = 1
print('mapped', flush=True); time.sleep(600)
`
    const child = spawn(PYTHON, ['-c', source, path], { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    const lines = createInterface({ input: child.stdout })
    const pid = child.pid ?? -1
    const next = async () => {
      const line = once(lines, 'line')
      child.stdin.write('on\n')
      await line
    }
    await once(lines, 'line')

    const first = await see(pid)
    await next()
    const worked = await see(pid)
    await next()
    const mapped = await see(pid)

    expect(worked.mapped).toEqual(first.mapped)
    expect(worked.largeMemory?.anonymous.count).toBe(0)
    expect(mapped.mapped?.some((file) => file.path === path)).toBe(true)
    expect(mapped.largeMemory?.anonymous).toEqual({ count: 1, bytes: expect.any(Number) })
    expect(mapped.largeMemory?.anonymous.bytes).toBeGreaterThanOrEqual(80 * 1024 * 1024)
  })

  linuxIt('is not misled when a known process becomes another program', async () => {
    const child = spawn('/bin/sh', ['-c', 'read line; exec /usr/bin/sleep 600'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    children.push(child)
    await once(child, 'spawn')
    const pid = child.pid ?? -1

    for (let look = 0; look < 3; look += 1) await see(pid)
    child.stdin.write('go\n')
    const limit = Date.now() + 20_000
    let seen = await see(pid)
    while (seen.name !== 'sleep' && Date.now() < limit) seen = await see(pid)

    expect(seen.executable?.path).toBe(realpathSync('/usr/bin/sleep'))
    expect(seen.mapped?.some(({ path }) => path === realpathSync('/usr/bin/sleep'))).toBe(true)
    expect(seen.mapped?.some(({ path }) => path === realpathSync('/bin/sh'))).toBe(false)
  })

  linuxIt('holds descriptors of known processes only, gives them back and looks once at a time', async () => {
    const own = (): number => readdirSync('/proc/self/fd').length
    const child = spawn('/usr/bin/sleep', ['600'], { stdio: 'ignore' })
    children.push(child)
    await once(child, 'spawn')
    const pid = child.pid ?? -1
    const held = (): boolean =>
      readdirSync('/proc/self/fd').some((fd) => linkOf(`/proc/self/fd/${fd}`) === `/proc/${pid}/stat`)
    const atFirst = own()

    await table.look(context())
    const afterOne = own()
    await Promise.all([table.look(context()), table.look(context()), table.look(context())])
    const isHeld = held()
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    const capture = await table.look(context())
    const isHeldAfterwards = held()
    table.close()
    table.close()

    expect([isHeld, isHeldAfterwards]).toEqual([true, false])
    expect(capture.processes.some(({ stat }) => stat.startsWith(`${pid} `))).toBe(false)
    expect(afterOne - atFirst).toBeLessThan(3)
    expect(own() - atFirst).toBeLessThan(3)
  })
})
