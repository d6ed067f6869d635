// Turns the TypeScript tree into dist/, file by file and only what is stale, then compiles the rule pack when an entry changed.
// Types are checked by `npm run check`; a build only strips them (TypeScript's transpileModule), so it stays under 3 s.
// Safe when several run at once: every file arrives by a rename, and only what has no source any more is removed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = dirname(import.meta.dirname)
const out = join(root, 'dist')
const SOURCES = ['contract', 'rules', 'agent', 'collector', 'installer', 'bench']
/** Plain files that travel beside the code. */
const ASSET = /\.(html|css|js|svg)$/
/** A draft older than this was left by a build that was killed. */
const ABANDONED_MS = 600_000

const PACK = join(out, 'rules/pack.json')
const PACK_STAMP = join(out, 'rules/pack.stamp')
const BUILD_STAMP = join(out, 'build.stamp')
const MANIFEST = join(out, 'package.json')

function* files(folder) {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else if (entry.isFile()) yield path
  }
}

/** Whole milliseconds, so that a time survives being written and read back; null when there is no such file. */
function modified(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? null : Math.round(stat.mtimeMs)
}

function text(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** Writes through a rename, so that nobody ever sees half a file. */
function put(path, write) {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.tmp`
  write(draft)
  renameSync(draft, path)
}

/** The target carries the time of the source as it was before it was read: a save during the build makes it stale again. */
function putBuilt(path, sourceMs, write) {
  put(path, (draft) => {
    write(draft)
    utimesSync(draft, sourceMs / 1000, sourceMs / 1000)
  })
}

function targetOf(source) {
  const place = join(out, relative(root, source))
  if (source.endsWith('.ts')) return place.replace(/\.ts$/, '.js')
  return ASSET.test(source) ? place : null
}

function hasSource(target) {
  const place = join(root, relative(out, target))
  if (existsSync(place)) return ASSET.test(place)
  return target.endsWith('.js') && existsSync(place.replace(/\.js$/, '.ts'))
}

/** What the compiler does is part of what it made: another compiler or another of its options makes everything stale. */
function compilerStamp() {
  const typescript = readFileSync(join(root, 'node_modules/typescript/package.json'), 'utf8')
  return createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(typescript)
    .digest('hex')
}

function staleSources() {
  const all = text(BUILD_STAMP) !== compilerStamp()
  const stale = []
  for (const folder of SOURCES) {
    for (const source of files(join(root, folder))) {
      const target = targetOf(source)
      const sourceMs = modified(source)
      if (target === null || sourceMs === null) continue
      if (all || modified(target) !== sourceMs) stale.push({ source, target, sourceMs })
    }
  }
  return stale
}

async function compile(stale) {
  const { default: ts } = await import('typescript')
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    rewriteRelativeImportExtensions: true,
    sourceMap: false,
  }
  for (const { source, target, sourceMs } of stale) {
    if (!existsSync(source)) continue
    if (!source.endsWith('.ts')) {
      putBuilt(target, sourceMs, (draft) => copyFileSync(source, draft))
      continue
    }
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), { fileName: source, compilerOptions })
    putBuilt(target, sourceMs, (draft) => writeFileSync(draft, outputText))
  }
  put(MANIFEST, (draft) => writeFileSync(draft, '{ "type": "module" }\n'))
  put(BUILD_STAMP, (draft) => writeFileSync(draft, compilerStamp()))
}

/** Asks again for each file whether its source exists: another build may have added one since ours looked. */
function prune() {
  const kept = new Set([PACK, PACK_STAMP, BUILD_STAMP, MANIFEST])
  for (const file of files(out)) {
    if (kept.has(file) || hasSource(file)) continue
    const isFreshDraft = file.endsWith('.tmp') && Date.now() - (modified(file) ?? 0) < ABANDONED_MS
    if (!isFreshDraft) rmSync(file, { force: true })
  }
}

/** Entries, their compiler and the nouns they share decide what is in the pack; the rest of the code does not. */
function packStamp() {
  const hash = createHash('sha256')
  for (const folder of ['rules', 'contract']) {
    for (const file of files(join(root, folder))) {
      const name = relative(root, file).replaceAll('\\', '/')
      if (!name.startsWith('rules/workbench/reference/')) hash.update(`${name} ${modified(file)}\n`)
    }
  }
  return hash.digest('hex')
}

function compilePack() {
  const compiler = join(out, 'rules/workbench/gnomon-rules.js')
  const stamp = packStamp()
  if (!existsSync(compiler) || (existsSync(PACK) && text(PACK_STAMP) === stamp)) return 0
  const draft = `${PACK}.${process.pid}.tmp`
  const args = [compiler, 'pack', '--rules', join(root, 'rules'), '--out', draft, '--quiet']
  // Whatever it says goes to stderr: stdout belongs to the program that is started after the build.
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) return status ?? 3
  renameSync(draft, PACK)
  put(PACK_STAMP, (file) => writeFileSync(file, stamp))
  return 0
}

try {
  const stale = staleSources()
  if (stale.length > 0 || !existsSync(MANIFEST)) await compile(stale)
  prune()
  process.exitCode = compilePack()
} catch (error) {
  process.stderr.write(`GNO_INTERNAL: the build stopped: ${error.message}\n`)
  process.exitCode = 3
}
