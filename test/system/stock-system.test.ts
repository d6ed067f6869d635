// False positives are bugs: a stock system, scanned whole by the built program, holds no model and nothing to worry about.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import type { Finding } from '../../contract/finding.ts'
import { scanSchema } from '../../contract/report.ts'
import { gnomon } from './programs.ts'

const SYSTEM = '/usr'
const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn(`skipped: ${SYSTEM} is a stock system on Linux only`)

const root = dirname(dirname(import.meta.dirname))
const folder = mkdtempSync(join(tmpdir(), 'gnomon-stock-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What runs meanwhile (other tests, with models in the temporary folder or this checkout) is swept too, and no stock system. */
const OF_TESTS = [tmpdir(), realpathSync(tmpdir()), root, realpathSync(root)].map((path) => `${path}/`)

function isOfTests({ subject, because, evidence }: Finding): boolean {
  const said = [subject.key, ...because, ...evidence.flatMap((item) => [item.place, item.detail])].join('\n')
  return subject.kind !== 'host' && OF_TESTS.some((path) => said.includes(path))
}

describe('gnomon scan of a stock system', () => {
  onLinux('finds no model below /usr and nothing above info', async () => {
    const { code, stdout, stderr } = await gnomon('scan', '--json', '--state', join(folder, 'state'), SYSTEM)

    const scan = scanSchema.parse(JSON.parse(stdout))
    const alarming = scan.findings.filter(({ severity }) => severity !== 'info').filter((found) => !isOfTests(found))
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(scan.artifacts.map(({ path }) => path).filter((path) => path.startsWith(`${SYSTEM}/`))).toEqual([])
    expect(alarming).toEqual([])
  })

  onLinux('looked: at thousands of files, and at the processes', async () => {
    const { stdout } = await gnomon('scan', '--json', '--state', join(folder, 'state'), SYSTEM)

    const { coverage } = scanSchema.parse(JSON.parse(stdout))
    const looked = Object.fromEntries(coverage.map(({ sensor, looked: count }) => [sensor, count]))
    expect(looked['files']).toBeGreaterThan(1000)
    expect(looked['linux-processes']).toBeGreaterThan(0)
  })
})
