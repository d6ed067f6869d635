// Reading a file that a process maps and that has no name any more: what it takes, and what is said where it is refused.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { asNobody, runUnprivileged, whyNotUnprivileged } from './unprivileged.ts'

const PYTHON = '/usr/bin/python3'
const why = whyNotUnprivileged() ?? (existsSync(PYTHON) ? null : 'without python3 no process here can map a file')
if (why !== null) console.warn(`skipped: ${why}`)
const rootIt = why === null ? it : it.skip

const MAP = `
import mmap, sys, time
f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED); f.close(); m[0]
print('mapped', flush=True); time.sleep(600)
`
/** What the unit of the package grants: the test holds it to what is needed. */
function grantedByUnit(): readonly string[] {
  const unit = readFileSync(join(import.meta.dirname, '../../installer/debian/gnomon-agent.service'), 'utf8')
  return (/^AmbientCapabilities=(.+)$/m.exec(unit)?.[1] ?? '').split(' ')
}

let root = ''
let children: ChildProcess[] = []
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-unlinked-')))
  chmodSync(root, 0o755)
  children = []
})
afterEach(async () => {
  for (const child of children) {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  rmSync(root, { recursive: true, force: true })
})

/** A process that maps 3 MiB whose file is unlinked at once. */
async function mapUnlinked(owner: 'nobody' | 'root'): Promise<number> {
  const path = join(root, 'model.bin')
  writeFileSync(path, Buffer.concat([Buffer.from('GGUF!'), Buffer.alloc(3 * 1024 * 1024)]))
  const python = [PYTHON, '-c', MAP, path]
  const command = owner === 'root' ? python : ['/usr/bin/setpriv', ...asNobody([]), ...python]
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(createInterface({ input: child.stdout }), 'line')
  rmSync(path)
  return child.pid ?? -1
}

/** What an agent with these capabilities sees of the process. */
function seeAs(capabilities: readonly string[], pid: number): unknown {
  return runUnprivileged(
    capabilities,
    `
    import { createProcTable } from '@/agent/sense/linux/proc-table.ts'
    import { linuxProcesses } from '@/agent/sense/linux/processes.ts'
    import { openMapped } from '@/agent/sense/linux/mapped-file.ts'
    const capture = await createProcTable().look({ signal: new AbortController().signal, now: () => new Date() })
    const processes = capture.processes.filter((raw) => Number.parseInt(raw.stat, 10) === ${pid})
    const { observations, gaps } = linuxProcesses.interpret({ ...capture, processes, vanished: 0 })
    const [seen] = observations
    const mapped = seen.mapped?.find(({ path, isDeleted }) => isDeleted && path.endsWith('model.bin'))
    const opened = mapped === undefined ? null : openMapped(seen.pid, seen.startTicks, mapped)
    const first = Buffer.alloc(5)
    if (opened?.ok) opened.value.read(0, first)
    const content = opened === null ? 'not seen' : opened.ok ? first.toString() : opened.failure.code
    const places = gaps.filter(({ code }) => code === 'GNO_SENSE_DENIED').map(({ place }) => place)
    console.log(JSON.stringify({ content, places: places.sort() }))
    `,
  )
}

describe('an unlinked file that a process maps', () => {
  rootIt('is read with the capabilities of the unit, whoever the process belongs to', async () => {
    const [own, foreign] = [await mapUnlinked('nobody'), await mapUnlinked('root')]

    expect(seeAs(grantedByUnit(), own)).toEqual({ content: 'GGUF!', places: [] })
    expect(seeAs(grantedByUnit(), foreign)).toEqual({ content: 'GGUF!', places: [] })
  })

  rootIt('cannot be read without CAP_CHECKPOINT_RESTORE, and that is said', async () => {
    const [own, foreign] = [await mapUnlinked('nobody'), await mapUnlinked('root')]
    const others = grantedByUnit().filter((name) => name !== 'CAP_CHECKPOINT_RESTORE')

    expect(seeAs([], own)).toEqual({ content: 'GNO_SENSE_DENIED', places: [`/proc/${own}/map_files`] })
    expect(seeAs(others, foreign)).toEqual({ content: 'GNO_SENSE_DENIED', places: [`/proc/${foreign}/map_files`] })
  })

  rootIt('is not even seen in a process of another user without CAP_SYS_PTRACE', async () => {
    const foreign = await mapUnlinked('root')

    expect(seeAs(['CAP_CHECKPOINT_RESTORE'], foreign)).toEqual({
      content: 'not seen',
      places: ['exe', 'fd', 'maps', 'ns/net'].map((what) => `/proc/${foreign}/${what}`),
    })
  })
})
