// Attempts to hide a model behind another file of the same name, with real processes that hold or map it.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { scanSchema } from '../../contract/report.ts'
import { buildGguf, text } from '../build-gguf.ts'
import { gnomon } from './programs.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: the sensors for processes exist for Linux only')

function model(width: number): Buffer {
  const kv = [['general.architecture', text('llama')]] as const
  return buildGguf({ kv, tensors: [{ name: 'token_embd.weight', dims: [256, width] }] })
}

const APPROVED = model(1200)
const OTHER = model(1300)
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

let folder = ''
let holder: ChildProcess | null = null

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-hiding-')))
})
afterEach(() => {
  holder?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a process that holds the file open, whatever happens to its name. */
function hold(path: string): void {
  const fd = openSync(path, 'r')
  holder = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: [fd, 'ignore', 'ignore'] })
  closeSync(fd)
}

async function scan() {
  const settings = join(folder, 'settings.json')
  const approvals = [{ kind: 'sha256', value: sha256(APPROVED), reason: 'reviewed' }]
  writeFileSync(settings, JSON.stringify({ deep: true, approvals }))
  const ended = await gnomon('scan', '--json', '--settings', settings, '--state', join(folder, 'state'), folder)
  return scanSchema.parse(JSON.parse(ended.stdout))
}

describe('a model on disk', () => {
  onLinux('is judged as it lies there, though a process holds an approved file that had its name', async () => {
    const path = join(folder, 'model')
    writeFileSync(path, APPROVED)
    hold(path)
    rmSync(path)
    writeFileSync(path, OTHER)

    const { artifacts, findings } = await scan()

    expect(artifacts.find((artifact) => artifact.path === path)?.fingerprint.content?.sha256).toBe(sha256(OTHER))
    expect(findings.map((finding) => finding.subject.key)).toContain(path)
    expect(artifacts.find((artifact) => artifact.path === `unlinked:${path}`)?.fingerprint.content?.sha256).toBe(
      sha256(APPROVED),
    )
  })

  onLinux('is not silenced by an approved file whose name poses as the mark of an unlinked one', async () => {
    const path = join(folder, 'model')
    writeFileSync(path, OTHER)
    hold(path)
    rmSync(path)
    writeFileSync(`${path} (deleted)`, APPROVED)

    const { findings } = await scan()

    expect(findings.map((finding) => finding.subject.key)).toContain(`unlinked:${path}`)
    expect(findings.map((finding) => finding.subject.key)).not.toContain(`${path} (deleted)`)
  })
})
