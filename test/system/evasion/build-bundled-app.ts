// Makes a desktop application of the reference runtime as a packager would, for the evasion matrix: its own copy of the engine, of
// which nothing keeps its name. The libraries are renamed inside and out: same length, so that every offset stays.
import {
  cpSync,
  linkSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

const ROOT = dirname(dirname(dirname(import.meta.dirname)))
const MODULES = join(ROOT, 'node_modules')
const ENGINE = `linux-${process.arch}`
/** As long as what they replace. */
const RENAMED = [
  ['libllama', 'libnotes'],
  ['libggml', 'libnote'],
  ['llama-addon', 'notes-addon'],
] as const
const ADDON_LOADER = 'node-llama-cpp/dist/bindings/utils/compileLLamaCpp.js'
/** Sources to compile from, which no application ships. */
const LEFT_OUT = new Set(['gitRelease.bundle', 'patches', 'templates', 'addon', 'toolchains', 'profiles'])

export interface BundledApp {
  readonly executable: string
  readonly program: string
}

/** Builds the application in a folder that must not exist yet. */
export function buildBundledApp(folder: string): BundledApp {
  const modules = join(folder, 'node_modules')
  const engine = join(modules, '@node-llama-cpp', ENGINE)
  mkdirSync(dirname(engine), { recursive: true })
  for (const name of readdirSync(MODULES)) {
    if (!name.endsWith('node-llama-cpp')) symlinkSync(join(MODULES, name), join(modules, name))
  }
  const filter = (path: string): boolean => !LEFT_OUT.has(basename(path))
  cpSync(join(MODULES, 'node-llama-cpp'), join(modules, 'node-llama-cpp'), { recursive: true, filter })
  cpSync(join(MODULES, '@node-llama-cpp', ENGINE), engine, { recursive: true })
  renameLibraries(join(engine, 'bins', ENGINE))
  const loader = join(modules, ADDON_LOADER)
  writeFileSync(loader, readFileSync(loader, 'utf8').replaceAll('llama-addon', 'notes-addon'))
  for (const part of ['rules/workbench/reference', 'contract']) {
    cpSync(join(ROOT, 'dist', part), join(folder, part), { recursive: true })
  }
  writeFileSync(join(folder, 'package.json'), '{ "name": "notes", "type": "module" }')
  const executable = join(folder, 'Notes')
  linkOrCopy(process.execPath, executable)
  return { executable, program: join(folder, 'rules/workbench/reference/reference-runtime.js') }
}

function renameLibraries(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (/\.(so|node)$/.test(name)) writeFileSync(path, rename(readFileSync(path, 'latin1')), 'latin1')
    renameSync(path, join(folder, rename(name)))
  }
}

function rename(text: string): string {
  return RENAMED.reduce((renamed, [from, to]) => renamed.replaceAll(from, to), text)
}

/** Another name for the same file, or, on another file system, a copy. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}
