// Trees as nobody should make them, swept by the real program: paths longer than a system call takes, names that are no text, things
// that are no files. A known model lies at the end of each; it is found, or its place is a named gap.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, linkSync, mkdirSync, mkdtempSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { buildGguf, text } from '../build-gguf.ts'
import { gnomon } from './programs.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux')
  console.warn('skipped: paths without an end are built through /proc, which is Linux only')

const scanSchema = z.object({
  artifacts: z.array(
    z.object({ path: z.string(), fingerprint: z.object({ claims: z.object({ name: z.string() }).optional() }) }),
  ),
  gaps: z.array(z.object({ code: z.string(), place: z.string(), count: z.number(), detail: z.string() })),
})

let folder = ''
let tree = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-ugly-'))
  tree = join(folder, 'tree')
  mkdirSync(tree)
})
// The tools of the system remove what is deeper than a path can name.
afterEach(() => void execFileSync('rm', ['-rf', folder]))

function model(name: string): Buffer {
  const kv = [
    ['general.architecture', text('llama')],
    ['general.name', text(name)],
  ] as const
  return buildGguf({ kv, tensors: [{ name: 'token_embd.weight', dims: [32, 4] }] })
}

/** Makes folders inside one another, each through a descriptor of the one before, and a model at the end. */
function plantDeep(names: readonly (string | Buffer)[], file: string | Buffer, content: Buffer): void {
  let held = openSync(tree, constants.O_RDONLY | constants.O_DIRECTORY)
  for (const name of names) {
    const place = within(held, name)
    mkdirSync(place)
    const inner = openSync(place, constants.O_RDONLY | constants.O_DIRECTORY)
    closeSync(held)
    held = inner
  }
  writeFileSync(within(held, file), content)
  closeSync(held)
}

function within(fd: number, name: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), Buffer.from(name)])
}

async function scan(): Promise<{
  readonly names: readonly string[]
  readonly paths: readonly string[]
  readonly gaps: z.infer<typeof scanSchema>['gaps']
}> {
  const { code, stdout } = await gnomon('scan', '--json', '--state', join(folder, 'state'), tree)
  expect(code).toBe(0)
  const { artifacts, gaps } = scanSchema.parse(JSON.parse(stdout))
  const ours = artifacts.filter(({ path }) => path.startsWith(tree))
  return {
    names: ours.map(({ fingerprint }) => fingerprint.claims?.name ?? '').sort(),
    paths: ours.map(({ path }) => path),
    gaps: gaps.filter(({ place }) => place.startsWith(tree)),
  }
}

describe('a sweep of an ugly tree', () => {
  onLinux('finds models at the end of paths that no system call takes, and of very deep ones', async () => {
    const long = Array.from({ length: 20 }, (_, at) => `${at}`.padEnd(240, 'x'))
    plantDeep(long, 'long.gguf', model('at 4,800 bytes'))
    plantDeep(
      Array.from({ length: 200 }, () => 'd'),
      'deep.gguf',
      model('at 200 folders'),
    )
    plantDeep(['within', ...Array.from({ length: 300 }, () => 'e')], 'too-deep.gguf', model('at 300 folders'))
    const seen = await scan()
    expect(seen.names).toEqual(['at 200 folders', 'at 4,800 bytes'])
    const deeper = seen.gaps.filter(({ detail }) => detail === 'deeper than 256 folders below the root')
    expect(deeper.map(({ code, count }) => [code, count])).toEqual([['GNO_SENSE_LIMIT', 1]])
    expect(seen.gaps).toHaveLength(1)
  })

  onLinux(
    'finds models under names that are no text, and tells them so that no terminal and no log is fooled',
    async () => {
      const bytes = Buffer.from([0x63, 0x61, 0x66, 0xe9, 0xff])
      plantDeep([bytes], Buffer.concat([bytes, Buffer.from('.gguf')]), model('bytes'))
      const names = ['new\nline.gguf', '\u001b[31mred.gguf', '\u202efugg.ledom', 'a\\xe9.gguf', ' .gguf', '-rf.gguf']
      for (const [at, name] of names.entries()) writeFileSync(join(tree, name), model(`name ${at}`))
      const seen = await scan()
      const told = names.flatMap((name, at) => (name.endsWith('.ledom') ? [] : [`name ${at}`]))
      expect(seen.names).toEqual(['bytes', ...told])
      expect(seen.paths).toContain(`${tree}/caf\\xe9\\xff/caf\\xe9\\xff.gguf`)
      const { stdout } = await gnomon('scan', '--state', join(folder, 'state'), tree)
      expect(stdout).not.toMatch(/[\u001b\u202e]/)
      expect(stdout).not.toContain('new\nline')
    },
  )

  onLinux('passes by what is no file, follows no link, and tells a file with two names once', async () => {
    execFileSync('/usr/bin/mkfifo', [join(tree, 'pipe.gguf')])
    const server = createServer().listen(join(tree, 'socket.gguf'))
    const isRoot = process.getuid?.() === 0
    if (isRoot) execFileSync('mknod', [join(tree, 'zero.gguf'), 'c', '1', '5'])
    symlinkSync('b', join(tree, 'a'))
    symlinkSync('a', join(tree, 'b'))
    symlinkSync('.', join(tree, 'self'))
    symlinkSync('..', join(tree, 'up'))
    symlinkSync('/dev/zero', join(tree, 'endless.gguf'))
    writeFileSync(join(folder, 'outside.gguf'), model('outside'))
    symlinkSync(join(folder, 'outside.gguf'), join(tree, 'link.gguf'))
    writeFileSync(join(tree, 'one.gguf'), model('two names'))
    linkSync(join(tree, 'one.gguf'), join(tree, 'two.gguf'))
    const seen = await scan()
    server.close()
    expect(seen.names).toEqual(['two names'])
    expect(seen.gaps.filter(({ code }) => code === 'GNO_SENSE_NOT_A_FILE')).toMatchObject([
      { place: tree, count: isRoot ? 3 : 2, detail: 'FIFOs, sockets and devices were not opened' },
    ])
  })
})
