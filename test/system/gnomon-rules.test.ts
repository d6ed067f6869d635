// The workbench as a detection engineer meets it: the built program, its output and its exit codes.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'

const root = dirname(dirname(import.meta.dirname))
const folder = mkdtempSync(join(tmpdir(), 'gnomon-rules-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(...args: readonly string[]): Promise<Outcome> {
  const program = join(root, 'dist/rules/workbench/gnomon-rules.js')
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { timeout: 60_000 }, (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err })
    })
  })
}

/** A copy of the rules in which one file was replaced. */
function damagedRules(name: string, file: string, text: string): string {
  const copy = join(folder, name)
  cpSync(join(root, 'rules'), copy, { recursive: true, filter: (path) => !path.endsWith('.ts') })
  writeFileSync(join(copy, file), text)
  return copy
}

describe('gnomon-rules', () => {
  it('checks and tests the real rules, and says how many', async () => {
    const check = await run('check', '--rules', join(root, 'rules'), '--json')
    const test = await run('test', '--rules', join(root, 'rules'))

    expect(check.code).toBe(0)
    expect(JSON.parse(check.out)).toMatchObject({ digests: 10_081, problems: [] })
    expect(test.code).toBe(0)
    expect(test.out).toMatch(/^\d+ passed, 0 problems\n$/)
  })

  it('packs, signs and verifies with a key it made, and refuses another key', async () => {
    const [key, other, out] = [join(folder, 'key.pem'), join(folder, 'other.pem'), join(folder, 'pack.json')]
    const made = [await run('keygen', '--out', key), await run('keygen', '--out', other)]

    const packed = await run('pack', '--rules', join(root, 'rules'), '--out', out, '--key', key, '--quiet')
    const first = readFileSync(out)
    await run('pack', '--rules', join(root, 'rules'), '--out', out, '--key', key, '--quiet')

    expect(made.map((each) => each.code)).toEqual([0, 0])
    expect(statSync(key).mode & 0o777).toBe(0o600)
    expect(packed).toEqual({ code: 0, out: '', err: '' })
    expect(readFileSync(out).equals(first)).toBe(true)
    expect((await run('verify', out, '--key', `${key}.pub`)).code).toBe(0)
    expect(await run('verify', out, '--key', `${other}.pub`)).toMatchObject({
      code: 3,
      err: expect.stringContaining('GNO_PACK_INVALID'),
    })
    expect((await run('keygen', '--out', key)).code).toBe(2)
    expect((await run('diff', out, out)).out).toBe('')
  })

  it('names the file and the line of a damaged entry, and writes no pack', async () => {
    const ollama = readFileSync(join(root, 'rules/runtimes/runtime/ollama.yaml'), 'utf8')
    const cases: readonly (readonly [string, string, string, RegExp])[] = [
      ['yaml', 'runtimes/runtime/ollama.yaml', 'id: [', /runtimes\/runtime\/ollama\.yaml/],
      [
        'order',
        'runtimes/runtime/ollama.yaml',
        ollama.replace(/^status: trial\n/m, '').concat('status: trial\n'),
        /keys follow the schema's order/,
      ],
      [
        'name',
        'runtimes/runtime/ollama.yaml',
        ollama.replace('id: ollama', 'id: llama'),
        /id llama is not the name of the file/,
      ],
      [
        'regex',
        'runtimes/runtime/ollama.yaml',
        ollama.replace('{ field: name, equals', '{ field: name, matches'),
        /match\.0/,
      ],
      [
        'alias',
        'runtimes/runtime/ollama.yaml',
        ollama.replace('match:', 'match: &x').replace('examples:', 'examples: *x\ncounter:'),
        /alias/i,
      ],
      ['jsonl', 'models/digests.jsonl', '{"sha256":"00"}\n', /digests\.jsonl:1/],
    ]
    for (const [name, file, text, said] of cases) {
      const rules = damagedRules(name, file, text)
      const check = await run('check', '--rules', rules)
      expect(check.out + check.err).toMatch(said)
      expect(check.code).toBe(1)
    }
    const out = join(folder, 'damaged.json')
    const packed = await run('pack', '--rules', join(folder, 'order'), '--out', out)
    expect(packed).toMatchObject({ code: 3, err: expect.stringContaining('GNO_RULE_INVALID') })
    expect(existsSync(out)).toBe(false)
  })

  it('answers a wrong command line with exit code 2 and one line', async () => {
    for (const args of [
      ['nonsense'],
      ['pack', '--nonsense'],
      ['check', '--rules', join(folder, 'nowhere')],
      ['diff', 'one'],
    ]) {
      const { code, err } = await run(...args)
      expect(code).toBe(2)
      expect(err.trimEnd().split('\n').length).toBe(1)
    }
    expect((await run('--help')).code).toBe(0)
  })
})
