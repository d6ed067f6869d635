// The command line as a person and a script meet it: the built `gnomon`, its exit codes, its one line of trouble, its JSON.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { inspectionSchema } from '../../contract/artifact.ts'
import { scanSchema } from '../../contract/report.ts'
import { runtimeSchema } from '../../contract/runtime.ts'
import { buildGguf, text } from '../build-gguf.ts'
import { gnomon } from './programs.ts'

const root = dirname(dirname(import.meta.dirname))
const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: named pipes and the process sensors are proved on Linux')

const folder = mkdtempSync(join(tmpdir(), 'gnomon-cli-'))
const state = join(folder, 'state')
const papers = join(folder, 'papers')
const model = join(papers, 'minutes of march')

beforeAll(() => {
  mkdirSync(papers)
  const kv = [['general.architecture', text('llama')]] as const
  writeFileSync(model, buildGguf({ kv: [...kv], tensors: [{ name: 'token_embd.weight', dims: [512, 1024] }] }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('what gnomon refuses', () => {
  const settings = join(folder, 'settings.json')
  const broken = join(folder, 'broken.json')
  beforeAll(() => {
    writeFileSync(settings, '{"sweepIntervalSeconds": 1}')
    writeFileSync(broken, '{"roots": [')
    writeFileSync(join(folder, 'key'), Buffer.alloc(32, 7), { mode: 0o600 })
    writeFileSync(join(folder, 'names'), 'q7zadela\n')
  })

  it.each([
    ['an option it does not know', ['scan', '--nope', papers], 2, 'GNO_USAGE'],
    ['a severity it does not know', ['scan', '--fail-on', 'dreadful', papers], 2, 'GNO_USAGE'],
    ['a command it does not know', ['frobnicate'], 2, 'GNO_USAGE'],
    ['a command without its operand', ['inspect'], 2, 'GNO_USAGE'],
    ['a live picture in a pipe', ['ps', '--watch', '--state', state], 2, 'GNO_USAGE'],
    ['an interval without a live picture', ['ps', '--interval', '5', '--state', state], 2, 'GNO_USAGE'],
    ['a setting out of its range', ['scan', '--settings', settings, papers], 2, 'GNO_SETTINGS_INVALID'],
    ['settings that are no JSON', ['scan', '--settings', broken, papers], 2, 'GNO_SETTINGS_UNREADABLE'],
    ['settings that are not there', ['ps', '--settings', join(folder, 'no.json')], 2, 'GNO_SETTINGS_UNREADABLE'],
    ['to show a state that is not there', ['status', '--state', join(folder, 'typo')], 3, 'GNO_NOT_FOUND'],
    ['to scan a path that is not there', ['scan', '--state', state, join(folder, 'gone')], 3, 'GNO_NOT_FOUND'],
    ['to inspect a path that is not there', ['inspect', join(folder, 'gone')], 3, 'GNO_NOT_FOUND'],
    ['to explain a finding that is not there', ['explain', '--state', state, 'fnd1:none'], 3, 'GNO_NOT_FOUND'],
  ])('%s: one line with a code', async (_what, args, code, failure) => {
    const ended = await gnomon(...args)

    expect(ended.stderr).toMatch(new RegExp(`^${failure}: [^\\n]+\\n$`))
    expect(ended.stdout).toBe('')
    expect(ended.code).toBe(code)
  })

  it.each([
    ['a live picture', ['ps', '--watch', '--json', '--state', state], 2, 'GNO_USAGE'],
    ['an option it does not know', ['scan', '--nope', '--json'], 2, 'GNO_USAGE'],
    ['a state that is not there', ['status', '--json', '--state', join(folder, 'typo')], 3, 'GNO_NOT_FOUND'],
    ['a finding that is not there', ['explain', '--json', '--state', state, 'fnd1:none'], 3, 'GNO_NOT_FOUND'],
  ])('%s, as JSON where JSON was asked for', async (_what, args, code, failure) => {
    const ended = await gnomon(...args)

    expect(JSON.parse(ended.stderr)).toEqual({
      error: { code: failure, detail: expect.any(String), next: expect.any(String) },
    })
    expect([ended.stdout, ended.code]).toEqual(['', code])
  })

  it('a service in a line of its log', async () => {
    const ended = await gnomon('run', '--json', '--settings', join(folder, 'no.json'), '--fail-on', 'dreadful')

    expect(JSON.parse(ended.stderr)).toMatchObject({ event: 'refused', level: 'error', code: 'GNO_USAGE' })
    expect(ended.code).toBe(2)
  })

  it.each(['doctor', 'settings'])('makes no folder to show a state that is not there: %s', async (command) => {
    const typo = join(folder, `typo-${command}`)
    const ended = await gnomon(command, '--state', typo)

    expect([existsSync(typo), ended.code]).toEqual([false, 0])
    if (command === 'doctor') expect(ended.stdout).toContain(`there is no state in ${typo}`)
  })

  it.each([
    ['status', []],
    ['explain', []],
    ['explain', ['fnd1:none']],
    ['reidentify', ['--key', join(folder, 'key'), '--names', join(folder, 'names'), 'u-0123456789abcdef']],
    ['simulate', ['--json']],
  ])('makes no folder and refuses where a state is not there: %s %j', async (command, words) => {
    const typo = join(folder, `typo-${command}`)
    const ended = await gnomon(command, ...words, '--state', typo)

    expect(ended.stderr).toContain('GNO_NOT_FOUND')
    expect(ended.stderr).toContain(`there is no state in ${typo}`)
    expect([existsSync(typo), ended.stdout, ended.code]).toEqual([false, '', 3])
  })

  it('no names to whoever holds the key where no agent ever ran', async () => {
    const nowhere = join(folder, 'nowhere.json')
    writeFileSync(nowhere, JSON.stringify({ stateFolder: join(folder, 'never') }))
    const names = ['--key', join(folder, 'key'), '--names', join(folder, 'names')]

    const ended = await gnomon('reidentify', '--settings', nowhere, ...names, 'hello')

    expect([ended.code, ended.stdout, existsSync(join(folder, 'never'))]).toEqual([0, 'hello\n', false])
  })

  onLinux('to open a named pipe, at once and in one line', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('/usr/bin/mkfifo', [pipe])

    const ended = await gnomon('inspect', pipe)

    expect(ended.stderr).toMatch(/^GNO_SENSE_NOT_A_FILE: [^\n]+\n$/)
    expect(ended.code).toBe(3)
  })
})

describe('gnomon scan, explain and ps', () => {
  it('fails on a planted model from the severity that was asked for, and explains it by the beginning of its id', async () => {
    const mild = await gnomon('scan', '--json', '--fail-on', 'critical', '--state', state, papers)
    const strict = await gnomon('scan', '--json', '--fail-on', 'medium', '--state', state, papers)

    expect([mild.code, strict.code]).toEqual([0, 1])
    const { artifacts, findings } = scanSchema.parse(JSON.parse(strict.stdout))
    expect(artifacts.map(({ path }) => path)).toContain(model)
    const found = findings.find(({ subject, evidence }) => {
      return subject.kind === 'artifact' && evidence.some(({ place }) => place.startsWith(model))
    })
    expect(found).toMatchObject({ severity: 'medium', simulated: false })

    const explained = await gnomon('explain', '--state', state, found?.findingId.slice(0, 20) ?? '')

    expect(explained).toMatchObject({ code: 0, stderr: '' })
    expect(explained.stdout).toContain(found?.findingId)
    expect(explained.stdout).toContain(model)
  })

  onLinux('prints the runtimes of now as one JSON document', async () => {
    const ended = await gnomon('ps', '--json', '--state', state)

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(z.array(runtimeSchema).safeParse(JSON.parse(ended.stdout)).error).toBeUndefined()
  })
})

describe('gnomon inspect', () => {
  it('gives one JSON array with an entry for each file, also for one that is gone', async () => {
    const gone = join(folder, 'gone')

    const ended = await gnomon('inspect', '--json', model, gone)

    const inspected = z.array(inspectionSchema).parse(JSON.parse(ended.stdout))
    expect(inspected.map(({ path, format }) => ({ path, format }))).toEqual([
      { path: model, format: 'gguf' },
      { path: gone, format: null },
    ])
    expect(ended.code).toBe(3)
  })

  it('ends without complaint when its reader takes one line of thousands', async () => {
    const operands = Array.from({ length: 3000 }, () => model)
    const program = join(root, 'dist/agent/gnomon.js')
    const child = spawn(process.execPath, [program, 'inspect', '--ndjson', ...operands], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (complaint += piece))
    const ended = new Promise((resolve) => child.once('close', resolve))

    child.stdout.once('data', () => child.stdout.destroy())

    expect(await ended).toBe(0)
    expect(complaint).toBe('')
  })
})
