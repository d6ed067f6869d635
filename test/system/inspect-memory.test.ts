// `gnomon inspect` in little memory, whatever lies in the files: the built program, each model in a process of its own.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from '@jest/globals'
import { WORST_FAMILIES } from './worst-families.ts'
import { WORST_MODELS } from './worst-models.ts'

const root = dirname(dirname(import.meta.dirname))
const folder = mkdtempSync(join(tmpdir(), 'gnomon-memory-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Issue 2: inspecting malformed files never uses more than this. */
const MAX_PEAK_BYTES = 256 * 1024 * 1024
/** A hang guard, not a budget. */
const WITHIN_MS = 240_000

const corpus = join(root, '../shared/corpus/malformed')
const hasCorpus = existsSync(corpus)
if (!hasCorpus) console.warn(`corpus: absent, ${corpus} is not there, so its files are not inspected for memory`)

/** Tells the most memory that the program ever had. Not by maxRSS: Linux counts in it what the parent had when it forked. */
const wrapper = join(folder, 'wrapper.mjs')
const program = pathToFileURL(join(root, 'dist/agent/gnomon.js')).href
writeFileSync(
  wrapper,
  `import { readFileSync, writeFileSync } from 'node:fs'
const peakKb = () => /VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]
process.on('exit', () => writeFileSync(${JSON.stringify(join(folder, 'peak'))}, String(peakKb() * 1024)))
process.argv.splice(1, 1, ${JSON.stringify(join(root, 'dist/agent/gnomon.js'))})
await import(${JSON.stringify(program)})
`,
)

interface Inspected {
  readonly status: number | null
  readonly verdicts: readonly unknown[]
  readonly peakBytes: number
}

function inspect(paths: readonly string[]): Inspected {
  const options = { encoding: 'utf8', timeout: WITHIN_MS, maxBuffer: 1e8 } as const
  const ended = spawnSync(process.execPath, [wrapper, 'inspect', '--ndjson', ...paths], options)
  const lines = ended.stdout.split('\n').filter((line) => line !== '')
  const verdicts = lines.map((line) => (JSON.parse(line) as { readonly verdict?: unknown }).verdict)
  return { status: ended.status, verdicts, peakBytes: Number(readFileSync(join(folder, 'peak'), 'utf8')) }
}

describe('gnomon inspect stays below 256 MB', () => {
  const test = hasCorpus ? it : it.skip

  test('on the malformed files of the corpus', () => {
    const paths = readdirSync(corpus)
      .filter((name) => name !== 'manifest.json')
      .map((name) => join(corpus, name))

    const { status, verdicts, peakBytes } = inspect(paths)

    console.log(`malformed corpus: peak ${Math.round(peakBytes / 1e6)} MB`)
    expect(status).toBe(0)
    expect(verdicts).toHaveLength(paths.length)
    expect(peakBytes).toBeLessThan(MAX_PEAK_BYTES)
  })

  it.each(WORST_MODELS)(
    'on %s, the worst of its kind that the limits let through',
    (name, write) => {
      const path = join(folder, name)
      write(path)

      const { status, verdicts, peakBytes } = inspect([path])
      rmSync(path, { recursive: true })

      console.log(`${name}: peak ${Math.round(peakBytes / 1e6)} MB, ${verdicts.join(', ')}`)
      expect(status).toBe(0)
      expect(verdicts).toHaveLength(1)
      expect(verdicts[0]).not.toBe('not-a-model')
      expect(peakBytes).toBeLessThan(MAX_PEAK_BYTES)
    },
    WITHIN_MS,
  )

  it.each(WORST_FAMILIES)(
    'on %s, whatever it is taken for',
    (name, write) => {
      const path = join(folder, name)
      write(path)

      const { status, verdicts, peakBytes } = inspect([path])
      rmSync(path)

      console.log(`${name}: peak ${Math.round(peakBytes / 1e6)} MB, ${verdicts.join(', ')}`)
      expect(status).toBe(0)
      expect(verdicts).toHaveLength(1)
      expect(peakBytes).toBeLessThan(MAX_PEAK_BYTES)
    },
    WITHIN_MS,
  )
})
