// One daemon for a state folder; a lock that dies with its holder.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { findDaemon, takeDaemonLock } from '../../../agent/report/daemon-lock.ts'
import { makeFolder, removeFolder, valueOf } from './sample-sweep.ts'

const MODULE = join(import.meta.dirname, '../../../agent/report/daemon-lock.ts')
const who = { pid: 12, supervisorPid: 11, since: '2026-11-23T10:00:00.000Z' }
let folder = ''

beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => {
  removeFolder(folder)
})

/** A process that takes the lock and holds it until it is killed. */
async function startHolder() {
  const program = `
    const { takeDaemonLock } = await import(${JSON.stringify(MODULE)})
    const taken = takeDaemonLock(${JSON.stringify(folder)}, { ...${JSON.stringify(who)}, pid: process.pid }, 0)
    process.stdout.write(taken.ok ? 'taken' : taken.failure.code)
    setInterval(() => taken, 1000)`
  const words = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = await new Promise<string>((resolve) =>
    child.stdout.once('data', (piece: Buffer) => resolve(piece.toString())),
  )
  expect(said).toBe('taken')
  return child
}

async function kill(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return
  const gone = new Promise((resolve) => holder.once('close', resolve))
  holder.kill('SIGKILL')
  await gone
}

describe('the lock of a state folder', () => {
  it('is refused while another process holds it, and says which one', async () => {
    const holder = await startHolder()
    const taken = takeDaemonLock(folder, who, 50)
    expect(taken).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_IN_USE' } })
    expect(taken.ok ? '' : taken.failure.detail).toContain(`pid ${holder.pid}`)
    expect(valueOf(findDaemon(folder))).toEqual({ ...who, pid: holder.pid })

    await kill(holder)
    expect(valueOf(findDaemon(folder))).toBeNull()
    valueOf(takeDaemonLock(folder, who, 0)).release()
  })

  it('waits for a predecessor that is about to end', async () => {
    const holder = await startHolder()
    // The wait below blocks this process, so another one ends the holder meanwhile.
    const killer = spawn('/bin/sh', ['-c', `sleep 0.3; kill -9 ${holder.pid}`], { stdio: 'ignore' })
    valueOf(takeDaemonLock(folder, who, 60_000)).release()
    await new Promise((resolve) => killer.once('close', resolve))
    await kill(holder)
  })

  it('can be taken again after it was given back, and nobody holds it in between', () => {
    valueOf(takeDaemonLock(folder, who, 0)).release()
    expect(valueOf(findDaemon(folder))).toBeNull()
    valueOf(takeDaemonLock(folder, who, 0)).release()
    expect(statSync(join(folder, 'daemon.lock')).mode & 0o777).toBe(0o600)
  })

  it('is no daemon where none ever ran', () => {
    expect(valueOf(findDaemon(folder))).toBeNull()
    expect(valueOf(findDaemon(join(folder, 'absent')))).toBeNull()
  })

  it('still tells that somebody runs when the note beside it is damaged', async () => {
    const holder = await startHolder()
    writeFileSync(join(folder, 'daemon.json'), '{"pid":')
    expect(valueOf(findDaemon(folder))).toMatchObject({ pid: 0 })
    await kill(holder)
  })

  it('says what is wrong with a folder that it cannot use', () => {
    writeFileSync(join(folder, 'daemon.lock'), 'no database, and longer than the header of one'.repeat(100))
    chmodSync(join(folder, 'daemon.lock'), 0o600)
    expect(takeDaemonLock(folder, who, 0)).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
  })
})
