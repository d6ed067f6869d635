// What `gnomon explain` prints for a running model is checked as an analyst does: every command is run by bash, and shows what the
// page says. The model lies under a name that would run a command if it were not quoted.
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { scanSchema } from '../../contract/report.ts'
import { buildTinyModel } from '../build-tiny-model.ts'
import { type Started, startRuntime } from './evasion/start-program.ts'
import { gnomon } from './programs.ts'

const missing = ['/bin/bash', '/usr/bin/xxd', '/usr/bin/stat'].filter((path) => !existsSync(path))
const whyNot =
  process.platform === 'linux'
    ? missing.length === 0 && process.getuid?.() === 0
      ? null
      : `needs root and ${missing.join(', ') || 'nothing else'}`
    : 'the commands are those of Linux'
if (whyNot !== null) console.warn(`skipped: ${whyNot}`)
const here = whyNot === null ? it : it.skip
const SETUP_MS = 180_000

let folder = ''
let running: Started | undefined
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-explain-')))
})
afterAll(async () => {
  await running?.stop()
  rmSync(folder, { recursive: true, force: true })
}, SETUP_MS)

const run = (command: string): string => execFileSync('/bin/bash', ['-c', command], { cwd: folder, encoding: 'latin1' })

describe('gnomon explain of a running model', () => {
  here(
    'leads back to the bytes by commands that show what it says',
    async () => {
      const models = join(folder, 'models')
      mkdirSync(models)
      const model = join(models, "it's $(touch pwned) größe.bin")
      writeFileSync(model, buildTinyModel({ seed: 7 }))
      running = await startRuntime({ args: ['--model', model] })
      const { pid } = running
      const state = ['--state', join(folder, 'state')]
      const scanned = await gnomon('scan', models, '--json', ...state)
      const { runtimes, findings } = scanSchema.parse(JSON.parse(scanned.stdout))
      const story = runtimes.find((runtime) => runtime.pid === pid)
      const own = findings.find(
        ({ subject, policyId }) => policyId === 'unapproved-inference' && subject.key === story?.runtimeKey,
      )

      const { stdout, code } = await gnomon('explain', ...state, own?.findingId ?? '')

      expect(code).toBe(0)
      const commands = stdout.split('\n').flatMap((line) => /^ {4}\$ (.+)$/.exec(line)?.[1] ?? [])
      const of = (part: string): string => commands.find((command) => command.includes(part)) ?? `no ${part}`
      const { ino, dev, size } = statSync(model)
      const numbers = `device ${dev}, inode ${ino}`
      expect(stdout).toContain(`${numbers}, ${size} bytes, not deleted`)
      const mapped = run(of('map_files/'))
      expect(mapped).toContain(`${numbers}, ${size} bytes`)
      const firstLine =
        stdout
          .split('\n')
          .find((line) => line.includes('00000000: 4747 5546'))
          ?.trim() ?? 'no bytes'
      expect(mapped).toContain(firstLine)
      expect(run(of('ls -li'))).toContain(firstLine)
      expect(run(of('/exe;'))).toContain(`inode ${statSync(process.execPath).ino},`)
      expect(run(of('lstart'))).toContain(String(pid))
      const engine = story?.engines?.[0]
      const found = readFileSync(engine?.path ?? '').subarray(engine?.offset)
      expect(found.toString('latin1', 0, engine?.text?.length)).toBe(engine?.text)
      const shown = run(of('xxd -s').replace('xxd', 'xxd -p')).replaceAll('\n', '')
      expect(Buffer.from(shown, 'hex').toString('latin1')).toBe(engine?.text)
      expect(existsSync(join(folder, 'pwned'))).toBe(false)
    },
    SETUP_MS,
  )
})
