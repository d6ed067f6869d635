// `gnomon inspect` of every known format as the kernel sees it: reading opens no socket and starts no program. The two programs
// are getfattr, which agent/sense/arrival.ts declares, and our own parser of chat templates, which has no rights (agent/isolate/). The
// linter forbids it by import; this sees what runs.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { inspectionSchema } from '../../contract/artifact.ts'

const root = dirname(dirname(import.meta.dirname))
const folder = mkdtempSync(join(tmpdir(), 'gnomon-quiet-'))
afterAll(() => rmSync(folder, { recursive: true }))

const STRACE = '/usr/bin/strace'
const canWatch = spawnSync(STRACE, ['-qq', '-o', join(folder, 'first'), '/bin/true']).status === 0
if (!canWatch) console.warn(`skipped: system calls are watched with ${STRACE}, which is not here or may not trace`)
const whereWatched = canWatch ? describe : describe.skip

/** A hang guard, not a budget. */
const WITHIN_MS = 120_000
const GETFATTR = '/usr/bin/getfattr'
const ISOLATE = 'isolated parser'
/** How Node.js looks at its own pipes and talks to a child it has started; a pair has no address, so it leads nowhere else. */
const OWN_PIPES: ReadonlySet<string> = new Set([
  'getsockname',
  'setsockopt',
  'getsockopt',
  'shutdown',
  'socketpair(AF_UNIX',
])

interface Watched {
  readonly stdout: string
  /** Programs that were started by the watched one. */
  readonly programs: readonly string[]
  /** Calls of the network family, without those on its own pipes. */
  readonly network: readonly string[]
}

/** Runs Node.js and everything it starts under strace. */
function watch(...args: readonly string[]): Watched {
  const log = join(folder, 'calls')
  const options = { encoding: 'utf8', timeout: WITHIN_MS, killSignal: 'SIGKILL', maxBuffer: 1e8 } as const
  const trace = ['-f', '-qq', '-e', 'trace=network,execve,execveat', '-e', 'signal=none', '-o', log]
  const { stdout } = spawnSync(STRACE, [...trace, process.execPath, ...args], options)
  // A call that was interrupted goes on in a line "<... name resumed>", which tells nothing new.
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /^\d+ +\w/.test(line))
    .map((line) => line.replace(/^\d+ +/, ''))
  const starts = calls.filter((call) => call.startsWith('exec'))
  const network = calls
    .filter((call) => !call.startsWith('exec'))
    .map((call) => /^socketpair\(\w+/.exec(call)?.[0] ?? call.slice(0, call.indexOf('(')))
  return {
    stdout,
    programs: starts.slice(1).map(nameOf),
    network: network.filter((name) => !OWN_PIPES.has(name)),
  }
}

/** The path; of this very Node.js without rights another word. */
function nameOf(call: string): string {
  const program = /"([^"]*)"/.exec(call)?.[1] ?? call
  return program === process.execPath && call.includes('"--permission"') ? ISOLATE : program
}

const corpus = join(root, 'test/corpus/read')
const formats = readdirSync(corpus).sort()
const samples = formats.flatMap((format) =>
  readdirSync(join(corpus, format))
    .filter((name) => name !== 'ORIGIN.md')
    .map((name) => join(corpus, format, name)),
)

whereWatched('gnomon inspect, watched by the kernel', () => {
  it.each([
    ['as usual', [] as readonly string[]],
    ['with --deep', ['--deep']],
  ])('of every format opens no socket and starts nothing but getfattr and the isolated parser, %s', (_how, flags) => {
    const { stdout, programs, network } = watch(
      join(root, 'dist/agent/gnomon.js'),
      'inspect',
      '--ndjson',
      ...flags,
      ...samples,
    )

    const told = stdout.trim().split('\n')
    const read = told.map((line) => inspectionSchema.parse(JSON.parse(line)).format)
    expect([...new Set(read)].sort()).toEqual(formats)
    expect(network).toEqual([])
    expect(programs.filter((program) => program !== GETFATTR && program !== ISOLATE)).toEqual([])
    expect(programs.filter((program) => program === ISOLATE).length).toBeLessThanOrEqual(1)
  })
})

whereWatched('the watch itself', () => {
  it('sees a connection and a program', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined

    const { programs, network } = watch(
      '-e',
      `require('node:child_process').spawnSync('/bin/true')
require('node:net').connect(${port}, '127.0.0.1', function () { this.destroy() }).on('error', () => undefined)`,
    )
    server.close()

    expect(programs).toEqual(['/bin/true'])
    expect(network).toEqual(expect.arrayContaining(['socket', 'connect']))
  })
})
