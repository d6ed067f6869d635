// Labelled folders with real inference: a model runs with files of such a folder open, also under another name in a namespace of its
// own, and the whole program tells label and number, and nothing else of these files.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { scanSchema } from '../../contract/report.ts'
import { buildTinyModel } from '../build-tiny-model.ts'
import { canMount } from './evasion/run-group.ts'
import { type Started, startOrdinary, startRuntime } from './evasion/start-program.ts'
import { gnomon } from './programs.ts'

const isLinux = process.platform === 'linux'
if (!isLinux) console.warn('skipped: open files are counted through /proc, which is Linux only')
const linuxIt = isLinux ? it : it.skip
const mountIt = isLinux && canMount() ? it : it.skip
const SETUP_MS = 180_000
const SECRET = 'a-name-that-nobody-tells'

let folder = ''
const running: Started[] = []
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-labelled-system-')))
  for (const name of ['records', 'records-old', 'nothing']) mkdirSync(join(folder, name))
  for (const path of [`records/${SECRET}`, 'records/second', `records-old/${SECRET}`])
    writeFileSync(join(folder, path), 'x')
  const labelledFolders = [{ path: join(folder, 'records'), label: 'patients' }]
  writeFileSync(join(folder, 'on.json'), JSON.stringify({ labelledFolders }))
  writeFileSync(join(folder, 'off.json'), '{}')
})
afterAll(async () => {
  await Promise.all(running.map((each) => each.stop()))
  rmSync(folder, { recursive: true, force: true })
}, SETUP_MS)

/** A shell opens files and becomes the runtime, which inherits them. */
async function infer(name: string, opens: string, before: readonly string[] = []): Promise<Started> {
  const model = join(folder, name)
  writeFileSync(model, buildTinyModel({ seed: name.length }))
  const command = [...before, '/bin/sh', '-c', `${opens}; exec "$@"`, 'sh', process.execPath]
  const started = await startRuntime({ command, args: ['--model', model], cwd: folder })
  running.push(started)
  return started
}

async function look(settings: string) {
  const place = ['--settings', join(folder, settings), '--state', join(folder, 'state')]
  const ended = await gnomon('scan', join(folder, 'nothing'), '--json', ...place)
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' })
  return { text: ended.stdout, seen: scanSchema.parse(JSON.parse(ended.stdout)) }
}

describe('labelled folders of a running model', () => {
  linuxIt(
    'are told by label and number, with a finding, and only while the setting names them',
    async () => {
      const opens = `exec 7<records/${SECRET} 8<records/second 9<records-old/${SECRET}`
      const { pid } = await infer('model', opens)
      running.push(await startOrdinary('/bin/sh', ['-c', `exec 7<${folder}/records/${SECRET}; echo ready; read wait`]))

      const on = await look('on.json')
      const off = await look('off.json')

      const story = on.seen.runtimes.find((runtime) => runtime.pid === pid)
      expect(story).toMatchObject({ activity: 'inference', labelledFolders: [{ label: 'patients', openFiles: 2 }] })
      const finding = on.seen.findings.find(({ policyId }) => policyId === 'inference-near-regulated-data')
      expect(finding?.subject.key).toBe(story?.runtimeKey)
      expect(finding?.because).toContain('has 2 open files in folders with the label "patients"')
      expect(on.text).not.toContain(SECRET)
      expect(on.seen.runtimes.filter((runtime) => (runtime.labelledFolders ?? []).length > 0)).toHaveLength(1)
      expect(off.seen.runtimes.some((runtime) => runtime.pid === pid)).toBe(true)
      expect(off.text).not.toContain('labelledFolders')
      expect(off.text).not.toContain('inference-near-regulated-data')
    },
    SETUP_MS,
  )

  mountIt(
    'are known under another name in a mount namespace of its own, and a stranger of their name is not one of them',
    async () => {
      const shell = `mount --bind ${folder}/records /mnt && mount -t tmpfs none ${folder}/records && : > ${folder}/records/decoy`
      const opens = `${shell} && exec 7</mnt/second 8<${folder}/records/decoy`
      const { pid } = await infer('contained', opens, ['unshare', '--mount'])

      const { seen } = await look('on.json')

      const story = seen.runtimes.find((runtime) => runtime.pid === pid)
      expect(story).toMatchObject({ activity: 'inference', labelledFolders: [{ label: 'patients', openFiles: 1 }] })
    },
    SETUP_MS,
  )
})
