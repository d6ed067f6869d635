// Privacy level `pseudonymous` on real programs: every byte that reaches the collector, held against the names of a home, its folders and
// files, in models that are whole, broken or not all there, in places that cannot be looked at, and in a process that runs one of them.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { artifactRecordSchema, pageSchema } from '../../contract/collector-api.ts'
import { buildGguf, text } from '../build-gguf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { buildTinyModel } from '../build-tiny-model.ts'
import { type Started, startRuntime } from './evasion/start-program.ts'
import { type Ended, type RunningCollector, startCollector, startProgram } from './programs.ts'
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: named pipes and the process sensors are proved on Linux')

/** Every piece of a name below the home: none may leave, in capitals or not. */
const PLANTED = ['q7zadela', 'therapy', 'divorce', 'custody', 'mistress', 'alimony', 'lawyer', 'hideout']
const LIMIT_MS = 300_000

let folder = ''
let home = ''
let settings = ''
let collector: RunningCollector
let proxy: RecordingProxy
let running: Started | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-wire-'))
  home = join(folder, 'home/q7zadela')
  settings = join(folder, 'settings.json')
  mkdirSync(home, { recursive: true })
  const key = join(folder, 'key')
  writeFileSync(key, Buffer.alloc(32, 7), { mode: 0o600 })
  writeFileSync(settings, JSON.stringify({ privacyLevel: 'pseudonymous', pseudonymKeyFile: key, pace: 'full' }))
  collector = await startCollector(join(folder, 'collector'))
  proxy = await startRecordingProxy(collector.url)
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  await proxy.close()
  await collector.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function model(name: string): Buffer {
  const kv = [
    ['general.architecture', text('llama')],
    ['general.name', text(name)],
  ] as const
  return buildGguf({ kv: [...kv], tensors: [{ name: 'token_embd.weight', dims: [512, 1024] }] })
}

/** A home with models, and with all that makes a look say what it could not see. */
function furnish(): void {
  const notes = join(home, 'Therapy Notes (old)')
  const parts = join(home, 'custody')
  const repository = join(home, '.cache/huggingface/hub/models--someone--ordinary')
  for (const each of [notes, parts, join(repository, 'blobs'), join(repository, 'snapshots/1234')])
    mkdirSync(each, { recursive: true })
  writeFileSync(join(notes, 'divorce, final.gguf'), model('tiny'))
  writeFileSync(join(notes, 'mistress letters.gguf'), model('other').subarray(0, 4000))
  truncateSync(join(notes, 'mistress letters.gguf'), 2_000_000)
  execFileSync('/usr/bin/mkfifo', [join(notes, 'alimony.gguf')])
  const tensors = [{ name: 'model.layers.0.self_attn.q_proj.weight', dtype: 'F32', shape: [512, 1024] }]
  writeFileSync(join(parts, 'custody papers-00001-of-00003.safetensors'), buildSafetensors({ tensors }))
  symlinkSync('../../blobs/lawyer', join(repository, 'snapshots/1234/hideout.safetensors'))
  writeFileSync(join(repository, 'blobs/lawyer.incomplete'), 'x'.repeat(5000))
  writeFileSync(join(repository, 'snapshots/1234/model.safetensors'), buildSafetensors({ tensors }))
}

/** The agent as that person would start it by hand. */
async function agent(command: string, ...words: readonly string[]): Promise<Ended> {
  const environment = ['USER=q7zadela', `HOME=${home}`, `OLDPWD=${home}/hideout`, 'LOGNAME=q7zadela']
  const all = [command, ...words, '--settings', settings, '--state', join(folder, 'agent')]
  return startProgram('agent/gnomon.js', all, LIMIT_MS, ['/usr/bin/env', ...environment]).ended
}

/** Where a planted name stands in what was sent, with what is around it. */
function leaks(): readonly string[] {
  const told = proxy.sent().join('\n')
  const names = [...PLANTED, `(?<![a-z0-9])${hostname()}(?![a-z0-9])`]
  return [...told.matchAll(new RegExp(`.{0,80}(?:${names.join('|')}).{0,80}`, 'gi'))].map(([around]) => around)
}

describe('what reaches a collector at level pseudonymous', () => {
  onLinux(
    'holds no name of a home, of what lies below it, or of this machine, in any byte',
    async () => {
      furnish()
      const own = join(home, 'Therapy Notes (old)/hideout')
      writeFileSync(own, buildTinyModel({ seed: 7 }))
      running = await startRuntime({ args: ['--model', own], cwd: home })
      const token = await collector.enrolmentToken()
      expect(await agent('enroll', '--collector', proxy.url, '--token', token)).toMatchObject({ code: 0, stderr: '' })

      const first = await agent('run', '--once', home)
      rmSync(join(home, 'custody'), { recursive: true })
      const second = await agent('run', '--once', home)

      expect([first.code, second.code]).toEqual([0, 0])
      expect(leaks()).toEqual([])
      const found = pageSchema(artifactRecordSchema).parse(await collector.ask('/api/v1/artifacts'))
      expect(found.items.length).toBeGreaterThan(3)
      expect(proxy.sent().join()).toMatch(/\/home\/u-[0-9a-f]{16}\/p-[0-9a-f]{16}\/p-[0-9a-f]{16}\.gguf/)
    },
    LIMIT_MS,
  )
})
