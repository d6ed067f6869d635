// Turns the TypeScript tree into dist/, file by file and only what is stale, then compiles the rule pack when an entry changed.
// Types are checked by `npm run check`; a build only strips them (TypeScript's transpileModule), so it stays under 3 s.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = dirname(import.meta.dirname)
const out = join(root, 'dist')
const SOURCES = ['contract', 'rules', 'agent', 'collector', 'installer', 'bench']
/** Plain files that travel beside the code. */
const ASSET = /\.(html|css|js|svg)$/

function* files(folder) {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else if (entry.isFile()) yield path
  }
}

function modified(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? 0 : stat.mtimeMs
}

/** Writes through a rename, so that two builds at once never leave half a file. */
function put(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, text)
  renameSync(draft, path)
}

const wanted = new Set()
const stale = []
for (const folder of SOURCES) {
  for (const source of files(join(root, folder))) {
    const place = join(out, relative(root, source))
    if (source.endsWith('.ts')) {
      const target = place.replace(/\.ts$/, '.js')
      wanted.add(target)
      if (modified(target) < modified(source)) stale.push([source, target])
    } else if (ASSET.test(source) && !source.endsWith('.mjs')) {
      wanted.add(place)
      if (modified(place) < modified(source)) {
        mkdirSync(dirname(place), { recursive: true })
        cpSync(source, place)
      }
    }
  }
}

if (stale.length > 0) {
  const { default: ts } = await import('typescript')
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    rewriteRelativeImportExtensions: true,
    sourceMap: false,
  }
  for (const [source, target] of stale) {
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), { fileName: source, compilerOptions })
    put(target, outputText)
  }
}
const pack = join(out, 'rules/pack.json')
for (const file of files(out)) {
  if (!wanted.has(file) && file !== pack && !file.endsWith('.tmp')) rmSync(file)
}
put(join(out, 'package.json'), '{ "type": "module" }\n')
wanted.add(join(out, 'package.json'))

const compiler = join(out, 'rules/workbench/gnomon-rules.js')
if (existsSync(compiler)) {
  let newest = 0
  for (const entry of files(join(root, 'rules'))) newest = Math.max(newest, modified(entry))
  if (modified(pack) < newest) {
    const run = spawnSync(
      process.execPath,
      [compiler, 'pack', '--rules', join(root, 'rules'), '--out', pack, '--quiet'],
      { stdio: 'inherit' },
    )
    if (run.status !== 0) process.exit(run.status ?? 3)
  }
}
