// Where real processes run their script from and what they write to: only places that were asked for are told.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type ProcessPlaces, processPlaces } from '../../agent/sense/linux/process-places.ts'
import { ownsListener } from '../../agent/sense/linux/socket-owner.ts'
import { parseStat } from '../../agent/sense/linux/proc-text.ts'

const onLinux = process.platform === 'linux' ? describe : describe.skip
const PROGRAM = `
const { openSync } = require('node:fs')
const [, , written, read] = process.argv
openSync(written, 'a')
openSync(read, 'r')
for (let at = 0; at < 300; at += 1) openSync('/dev/null', 'r')
const server = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit(0))
`
let folder = ''
let child: ChildProcess | undefined
let port = 0

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-places-')))
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/tool.cjs'), PROGRAM)
  for (const name of ['written', 'read']) writeFileSync(join(folder, name), '')
  const args = ['bin/../bin/tool.cjs', join(folder, 'written'), join(folder, 'read')]
  child = spawn(process.execPath, args, { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('no standard output')
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  port = Number(said.toString())
})
afterAll(() => {
  child?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function startTicks(): string {
  return parseStat(readFileSync(`/proc/${child?.pid ?? 0}/stat`, 'latin1'))?.startTicks ?? ''
}

function look(
  isAsked: (path: string) => boolean,
  changes: { executable?: string; startTicks?: string } = {},
): ProcessPlaces {
  const whole = { pid: child?.pid ?? 0, startTicks: startTicks(), executable: '/usr/bin/node', ...changes }
  return processPlaces({ ...whole, isScript: isAsked, isState: isAsked })
}

onLinux('processPlaces', () => {
  it('tells the script that an interpreter runs, by its own folder, and the file that it writes to', () => {
    expect(look((path) => path.startsWith(folder))).toEqual({
      script: join(folder, 'bin/tool.cjs'),
      written: [join(folder, 'written')],
    })
  })

  it('tells nothing that was not asked for, of no program that merely has a script among its arguments, and of no other process', () => {
    const nothing = { script: null, written: [] }

    expect(look(() => false)).toEqual(nothing)
    expect(look((path) => path.startsWith(folder), { executable: '/usr/bin/vim' }).script).toBeNull()
    expect(look(() => true, { startTicks: '1' })).toEqual(nothing)
  })
})

onLinux('ownsListener', () => {
  it('finds a socket among hundreds of descriptors, and says no for another inode', () => {
    const pid = child?.pid ?? 0
    const inodes = Array.from({ length: 512 }, (_, fd) => socketOf(pid, fd)).flatMap((inode) => inode ?? [])

    expect(inodes.some((inode) => ownsListener({ pid, startTicks: startTicks(), inode, port }))).toBe(true)
    expect(ownsListener({ pid, startTicks: startTicks(), inode: '1', port })).toBe(false)
  })
})

function socketOf(pid: number, fd: number): string | null {
  try {
    return /^socket:\[([0-9]+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? null
  } catch {
    return null
  }
}
