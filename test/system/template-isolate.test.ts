// The child in which chat templates are parsed: what it may not do, and that it is ended where a template does not end.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { childArguments, createTemplateIsolate, type TemplateIsolate } from '../../agent/isolate/template-isolate.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'gnomon-isolate-'))
const opened: TemplateIsolate[] = []
const STRACE = '/usr/bin/strace'

/** A busy machine gets all the time it needs. */
function open(answerMs = 60_000): TemplateIsolate {
  const isolate = createTemplateIsolate({ startMs: 120_000, answerMs })
  opened.push(isolate)
  return isolate
}

afterEach(() => {
  for (const isolate of opened.splice(0)) isolate.end()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the isolated parser of templates', () => {
  it('answers one template after the other, in the order of asking', async () => {
    const { scan } = open()

    const [first, second] = await Promise.all([scan('{{ x.__class__ }}'), scan('{{ y|tojson }}')])

    expect(first.actions.map(({ name }) => name)).toContain('attribute.__class__')
    expect(second.actions.map(({ name }) => name)).toContain('filter.tojson')
  })

  it('tells that a template is broken, and goes on with the next', async () => {
    const { scan } = open()

    expect((await scan('{{ unclosed')).trouble).toMatch(/does not end/)
    expect((await scan('{{ closed }}')).trouble).toBeUndefined()
  })

  it('refuses a template of 10 MB without starting anything', async () => {
    const { scan } = open()

    expect((await scan('a'.repeat(10_485_760))).trouble).toMatch(/limit 1048576/)
  })

  it('ends a child that takes too long, and starts another for the next template', async () => {
    const { scan } = open(1)
    // Blanks before a tag make the parser's own regular expression go back and forth for minutes.
    const endless = await scan(`${' '.repeat(400_000)}{% x`.repeat(2))

    expect(endless.trouble).toMatch(/did not come to an end/)
    expect((await open().scan('{{ y }}')).trouble).toBeUndefined()
  }, 240_000)

  it.each([
    ['brackets', `{{ ${'['.repeat(100_000)} }}`],
    ['blanks', `{{${' '.repeat(1_000_000)}x }}`],
    ['small tags', '{{a}}'.repeat(200_000)],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x7b, 0xff, 0xfe, 0xed, 0xa0, 0x80]).toString('utf8')],
    ['lone surrogates', '{{ "\ud800" }}\udc00'],
    ['line ends and quotes', '{{ "\\n" }}\r\n\u2028"}\n{"actions":[],"x":"'],
  ])(
    'survives %s, and answers the next template',
    async (_, template) => {
      const { scan } = open(5_000)

      await scan(template)

      expect((await scan('{{ x.__class__ }}')).actions.map(({ name }) => name)).toContain('attribute.__class__')
    },
    240_000,
  )

  const canTrace = process.platform === 'linux' && existsSync(STRACE)
  if (!canTrace) console.warn(`skipped: watching the child's calls needs Linux and ${STRACE}`)
  ;(canTrace ? it : it.skip)(
    'opens no socket, starts nothing and writes no file',
    () => {
      const log = join(folder, 'calls')
      const program = `
      import { createTemplateIsolate } from ${JSON.stringify(join(root, 'agent/isolate/template-isolate.ts'))}
      const isolate = createTemplateIsolate({ startMs: 120_000, answerMs: 120_000 })
      const answer = await isolate.scan("{{ x.__class__ }}")
      console.log(answer.actions.length)
      isolate.end()`
      const done = spawnSync(
        STRACE,
        [
          '-f',
          '-v',
          '-s',
          '4096',
          '-e',
          'trace=execve,socket,connect,openat,unlink,rename',
          '-o',
          log,
          process.execPath,
          '--input-type=module',
          '-e',
          program,
        ],
        { encoding: 'utf8', timeout: 240_000 },
      )
      const lines = readFileSync(log, 'utf8').split('\n')
      const started = lines.findIndex((line) => line.includes('template-program') && line.includes('execve('))
      const child = lines.slice(started)

      expect(done.stdout.trim()).not.toBe('0')
      expect(started).toBeGreaterThan(0)
      expect(lines.filter((line) => line.includes('execve('))).toHaveLength(2)
      expect(child.filter((line) => /AF_INET|connect\(/.test(line))).toEqual([])
      expect(child.filter((line) => /openat\(.*O_(WRONLY|RDWR|CREAT)/.test(line) && !line.includes('/dev/'))).toEqual(
        [],
      )
    },
    300_000,
  )
})

describe('the rights of the child', () => {
  it.each([
    ['read a file', "(await import('node:fs')).readFileSync('/etc/hostname')"],
    ['write a file', `(await import('node:fs')).writeFileSync(${JSON.stringify(join(folder, 'x'))}, 'x')`],
    ['start a program', "(await import('node:child_process')).spawnSync('/bin/true')"],
    ['start a worker', "new (await import('node:worker_threads')).Worker('1', { eval: true })"],
  ])(
    'do not let it %s',
    (_, code) => {
      const done = spawnSync(process.execPath, [...childArguments().slice(0, -1), '--input-type=module', '-e', code], {
        encoding: 'utf8',
        env: {},
        timeout: 120_000,
      })

      expect(done.stderr).toContain('ERR_ACCESS_DENIED')
    },
    120_000,
  )
})
