// House rules of STYLE.md that no linter knows: names, headers, and nothing that is true on one machine only.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const root = dirname(dirname(import.meta.dirname))
const PRODUCT = ['contract', 'rules', 'agent', 'collector', 'installer', 'bench']
const CODE = new Set(['.ts', '.mjs', '.cjs', '.js'])
const TEXT = new Set([...CODE, '.json', '.md', '.yaml', '.yml', '.html', '.css', '.sh', '.service', ''])
const VAGUE = ['manager', 'helper', 'util', 'service', 'handler', 'base', 'common', 'misc']
/** Joined here, so that this file does not hold what it looks for. */
const THIS_MACHINE = ['', 'work', ''].join('/')

function* walk(folder: string): Generator<string> {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield relative(root, path).replaceAll('\\', '/')
  }
}

function filesOf(...folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) => [...walk(join(root, folder))])
}

function topFiles(): readonly string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.deb'))
    .map((entry) => entry.name)
}

function isVague(path: string): boolean {
  const words = path.slice(0, path.length - extname(path).length).split(/[/\-_.]/)
  return words.some((word) => VAGUE.some((vague) => word === vague || word === `${vague}s`))
}

describe('the house rules', () => {
  const code = filesOf(...PRODUCT, 'test').filter((path) => CODE.has(extname(path)))

  it('look at a tree that is there', () => {
    expect(code.length).toBeGreaterThan(20)
  })

  it('give no file or folder a name that says nothing', () => {
    expect(isVague('agent/read/file-utils.ts')).toBe(true)

    expect(code.filter(isVague)).toEqual([])
  })

  it('name code files in kebab-case, and none of them is an index of others', () => {
    const odd = code.filter((path) => !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(basename(path)))

    expect(odd).toEqual([])
    expect(code.filter((path) => /^index\./.test(basename(path)))).toEqual([])
  })

  it('open every file of the product with a comment that says what it knows', () => {
    const silent = code.filter((path) => {
      if (path.startsWith('test/') || path.startsWith('collector/page/')) return false
      return !/^(#!.*\n)?\/[/*]/.test(readFileSync(join(root, path), 'utf8'))
    })

    expect(silent).toEqual([])
  })

  it('keep paths of the machine they were written on out of the tree', () => {
    const written = [...topFiles(), ...filesOf(...PRODUCT, 'test', 'docs', '.ci', '.github')]
    const tied = written
      .filter((path) => TEXT.has(extname(path)))
      .filter((path) => readFileSync(join(root, path), 'utf8').includes(THIS_MACHINE))

    expect(tied).toEqual([])
  })
})

/** What a clone gets: tracked, or about to be. Without git (an unpacked archive) everything that lies there. */
function clonedFiles(): ReadonlySet<string> {
  const asked = ['ls-files', '--cached', '--others', '--exclude-standard']
  const { status, stdout } = spawnSync('git', asked, { cwd: root, encoding: 'utf8' })
  const listed = status === 0 ? stdout.trim().split('\n') : filesOf(...PRODUCT, 'test', 'docs').concat(topFiles())
  return new Set(listed.filter((path) => existsSync(join(root, path))))
}

interface Link {
  readonly from: string
  readonly target: string
}

/** Links of a Markdown text to files of this repository, as paths from its root. */
function linksOf(from: string, markdown: string): readonly Link[] {
  const targets = [...markdown.matchAll(/\]\(([^)\s#]+)(#[^)]*)?\)/g)].map(([, target = '']) => target)
  const local = targets.filter((target) => !/^[a-z]+:/.test(target))
  return local.map((target) => ({ from, target: join(dirname(from), target).replaceAll('\\', '/') }))
}

describe('the documents', () => {
  it('link to files and folders that a clone has', () => {
    const files = clonedFiles()
    const folders = new Set(
      [...files].flatMap((path) => path.split('/').map((_, at, all) => all.slice(0, at).join('/'))),
    )
    const documents = [...files].filter((path) => path.endsWith('.md'))

    const links = documents.flatMap((path) => linksOf(path, readFileSync(join(root, path), 'utf8')))

    expect(links.length).toBeGreaterThan(10)
    expect(links.filter(({ target }) => !files.has(target) && !folders.has(target.replace(/\/$/, '')))).toEqual([])
  })

  it('tell a link of the repository from one of the web', () => {
    const text = '[a](b.md#c) [d](https://e/f.md) ![g](../h.png) [i](#j)'

    expect(linksOf('docs/x.md', text).map(({ target }) => target)).toEqual(['docs/b.md', 'h.png'])
  })

  it('give a dated reason for every package that package.json names', () => {
    const declared = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object | undefined>
    const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides']
    const names = kinds.flatMap((kind) => Object.keys(declared[kind] ?? {}))
    const table = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('### Dependencies')[1] ?? ''

    expect(names.length).toBeGreaterThan(20)
    expect(table).toMatch(/Decided on \d{4}-\d{2}-\d{2}/)
    expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([])
  })
})
