// `npm start` as a person meets it: one command, findings, a page, and a clean end. Everything here is real programs.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { writeDecoy } from '../../agent/simulate/write-decoy.ts'

const root = dirname(dirname(import.meta.dirname))
const LAUNCHER = join(root, 'installer/launch.cjs')
/** A hang guard, not a budget: the machine may be busy. */
const WITHIN_MS = 120_000
const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux')
  console.warn('skipped: the referee of the quickstart reads /proc, which is Linux only')

let folder = ''
let started: Quickstart[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-quickstart-'))
  started = []
  mkdirSync(join(folder, 'papers'))
  const written = await writeDecoy(join(folder, 'papers/minutes of march'), 'quickstart', new AbortController().signal)
  expect(written.ok).toBe(true)
})

afterEach(() => {
  for (const { child } of started) child.kill('SIGKILL')
  for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Quickstart {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  readonly said: () => string
  /** Resolves with the first match of what it said. */
  readonly until: (pattern: RegExp) => Promise<RegExpExecArray>
}

function quickstart(...args: readonly string[]): Quickstart {
  const child = spawn(process.execPath, [LAUNCHER, 'quickstart', '--state', join(folder, 'state'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const listeners = new Set<() => void>()
  const hear = (piece: Buffer): void => {
    text += piece.toString('utf8')
    for (const listener of listeners) listener()
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const guard = setTimeout(() => reject(new Error(`never said ${String(pattern)}, only:\n${text}`)), WITHIN_MS)
      const look = (): void => {
        const match = pattern.exec(text)
        if (match === null) return
        clearTimeout(guard)
        listeners.delete(look)
        resolve(match)
      }
      listeners.add(look)
      look()
    })
  const one = { child, ended, said: () => text, until }
  started.push(one)
  return one
}

/** The page, with the token of the file that is named in its place: this output is no terminal. */
async function pageOf(run: Quickstart): Promise<{ readonly url: string; readonly token: string }> {
  const pattern = /page\s+(http:\/\/127\.0\.0\.1:\d+)\/ \(admin token in (\S+)\)/
  const [, url = '', file = ''] = await run.until(pattern)
  return { url, token: readFileSync(file, 'utf8').trim() }
}

/** Processes whose command line names the folder of this test: programs of ours that still run. */
function processesNaming(text: string): readonly number[] {
  const pids = (process.platform === 'linux' ? readdirSync('/proc') : []).filter((name) => /^[0-9]+$/.test(name))
  return pids.map(Number).filter((pid) => commandLineOf(pid).includes(text))
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    // It ended between the two looks.
    return ''
  }
}

function processOf(program: string): number {
  const pid = processesNaming(folder).find((candidate) =>
    readFileSync(`/proc/${candidate}/cmdline`, 'utf8').includes(program),
  )
  if (pid === undefined) throw new Error(`${program} does not run`)
  return pid
}

async function vanished(): Promise<readonly number[]> {
  const end = Date.now() + WITHIN_MS
  while (processesNaming(folder).length > 0 && Date.now() < end) await new Promise((wake) => setTimeout(wake, 50))
  return processesNaming(folder)
}

describe('the quickstart', () => {
  onLinux('finds weights under an innocent name, delivers, and ends after the first sweep', async () => {
    const run = quickstart('--once', join(folder, 'papers'))

    expect(await run.ended).toBe(0)
    expect(run.said()).toContain(`state      ${join(folder, 'state')}\n`)
    expect(run.said()).toContain('minutes of march')
    expect(run.said()).toMatch(/Delivered \d+ report/)
    expect(run.said()).not.toContain('\u001b')
    expect(processesNaming(folder)).toEqual([])
    expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700)
  })

  onLinux('shows a page with the finding, keeps watching, and leaves nobody behind after Ctrl-C', async () => {
    const run = quickstart(join(folder, 'papers'))
    const { url, token } = await pageOf(run)

    const page = await fetch(url)
    const answer = await fetch(`${url}/api/v1/findings`, { headers: { authorization: `Bearer ${token}` } })
    const findings = await answer.text()
    const askedAt = Date.now()
    run.child.kill('SIGINT')
    const code = await run.ended
    process.stdout.write(`quickstart: gone ${Date.now() - askedAt} ms after Ctrl-C (promised: 5000)\n`)

    expect(page.headers.get('content-type')).toContain('text/html')
    expect(findings).toContain('minutes of march')
    expect(run.said()).toContain('minutes of march')
    expect(run.said()).toMatch(/stopped\n$/)
    expect(run.said()).not.toContain(token)
    expect(code).toBe(0)
    expect(processesNaming(folder)).toEqual([])
  })

  onLinux('knows itself again at the second start', async () => {
    const first = quickstart('--once', join(folder, 'papers'))
    await first.ended
    const second = quickstart(join(folder, 'papers'))
    const { url, token } = await pageOf(second)

    const answer = await fetch(`${url}/api/v1/hosts`, { headers: { authorization: `Bearer ${token}` } })
    const hosts = (await answer.json()) as { readonly items: readonly unknown[] }
    second.child.kill('SIGTERM')

    expect(hosts.items).toHaveLength(1)
    expect(await second.ended).toBe(0)
  })

  onLinux('takes another port when the usual one is taken', async () => {
    const squatter = await takeUsualPort()
    const run = quickstart('--once', join(folder, 'papers'))

    const code = await run.ended
    squatter?.close()

    expect(code).toBe(0)
    expect(run.said()).toMatch(/collector {2}http:\/\/127\.0\.0\.1:(?!8787)\d+/)
  })

  onLinux.each(['gnomon-collector.js', 'agent/gnomon.js'])('says so and stops when %s dies', async (program) => {
    const run = quickstart(join(folder, 'papers'))
    await run.until(/page\s+http/)

    process.kill(processOf(program), 'SIGKILL')

    expect(await run.ended).toBe(3)
    expect(run.said()).toMatch(/^GNO_PROGRAM_ENDED: the (agent|collector) ended by itself \(SIGKILL\); .*$/m)
    expect(processesNaming(folder)).toEqual([])
  })

  onLinux('does not outlive whoever started it', async () => {
    const run = quickstart(join(folder, 'papers'))
    await run.until(/page\s+http/)

    run.child.kill('SIGKILL')
    await run.ended

    expect(await vanished()).toEqual([])
  })

  onLinux('refuses a state folder that another quickstart uses', async () => {
    const first = quickstart(join(folder, 'papers'))
    await first.until(/page\s+http/)
    const second = quickstart('--once', join(folder, 'papers'))

    const code = await second.ended
    first.child.kill('SIGINT')
    await first.ended

    expect(code).toBe(3)
    expect(second.said()).toMatch(/^GNO_STATE_UNUSABLE: .* is in use by process \d+; stop it, or name another folder/)
  })

  it('refuses an option that it does not know, and explains itself', async () => {
    const wrong = quickstart('--twice')
    const help = quickstart('--help')

    expect(await wrong.ended).toBe(2)
    expect(wrong.said()).toMatch(/^GNO_USAGE: .*'--twice'.*\n$/)
    expect(await help.ended).toBe(0)
    expect(help.said()).toContain('npm start -- [--once]')
  })
})

/** Null only when somebody else keeps the port all along; who holds it for a moment could leave before the quickstart asks for it. */
async function takeUsualPort(): Promise<Server | null> {
  const giveUpAt = Date.now() + WITHIN_MS / 4
  let server = await listenAt(8787)
  while (server === null && Date.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    server = await listenAt(8787)
  }
  return server
}

function listenAt(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
