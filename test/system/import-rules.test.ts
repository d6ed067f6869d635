// The import rules are proved on a small tree that breaks each of them once: a rule that catches nothing is worse than none.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'

const checkout = dirname(dirname(import.meta.dirname))
const CRUISE = join(checkout, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
const FOLDERS = ['contract', 'rules', 'agent', 'collector', 'installer', 'bench', 'test']
const PACKAGES = [
  ...['better-sqlite3', 'chokidar', 'ps-list', 'systeminformation', 'hash-wasm'],
  ...['zod', 'fastify', '@fastify/helmet', '@huggingface/jinja'],
]
const DEVELOPMENT = ['@huggingface/gguf', 'node-llama-cpp', 'yaml', 'typescript', 'left-pad']

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** Imports that the house allows: the tree that is clean. */
const CLEAN: Readonly<Record<string, readonly string[]>> = {
  'contract/wire.ts': ['zod'],
  'rules/judge.ts': ['../contract/wire.ts'],
  'rules/workbench/pack.ts': ['yaml', 'node:fs', '../judge.ts', '../../agent/read/cursor.ts'],
  'rules/workbench/reference/runtime.ts': ['node-llama-cpp', 'node:child_process'],
  'agent/read/formats.ts': ['./gguf.ts', './safetensors.ts'],
  'agent/read/gguf.ts': ['./cursor.ts'],
  'agent/read/digest-paced.ts': ['hash-wasm'],
  'agent/read/safetensors.ts': ['./cursor.ts'],
  'agent/read/cursor.ts': [],
  'agent/sense/sensors.ts': ['./linux/processes.ts', './linux/listeners.ts'],
  'agent/sense/linux/processes.ts': ['node:child_process', 'node:fs'],
  'agent/sense/linux/listeners.ts': ['systeminformation'],
  'agent/report/outbox.ts': ['better-sqlite3'],
  'agent/sweep.ts': ['./read/formats.ts', './sense/sensors.ts', './report/outbox.ts', '../rules/judge.ts'],
  'collector/routes/findings.ts': ['fastify', '@fastify/helmet'],
  'collector/store/store.ts': ['better-sqlite3'],
  'collector/feeds/feeds.ts': ['./syslog.ts', './webhook.ts'],
  'collector/feeds/syslog.ts': [],
  'collector/feeds/webhook.ts': [],
  'collector/exports/exports.ts': ['./bom.ts', './csv.ts'],
  'collector/exports/bom.ts': [],
  'collector/exports/csv.ts': [],
  'installer/quickstart.ts': ['node:child_process'],
  'bench/walk.ts': ['../agent/sweep.ts', '@huggingface/gguf', 'node-llama-cpp'],
  'test/sweep.test.ts': ['../agent/sweep.ts', '../installer/quickstart.ts'],
}

/** One forbidden import for each rule: rule, file, what it imports. */
const FORBIDDEN: readonly (readonly [rule: string, file: string, imported: string])[] = [
  ['no-cycles', 'agent/read/cursor.ts', './gguf.ts'],
  ['nothing-imports-test', 'agent/sweep.ts', '../test/sweep.test.ts'],
  ['unresolvable', 'agent/sweep.ts', './nowhere.ts'],
  ['only-contract', 'contract/wire.ts', '../rules/judge.ts'],
  ['contract-no-node', 'contract/wire.ts', 'node:fs'],
  ['only-rules', 'rules/judge.ts', './workbench/pack.ts'],
  ['rules-no-node', 'rules/judge.ts', 'node:crypto'],
  ['only-workbench', 'rules/workbench/pack.ts', '../../agent/sweep.ts'],
  ['only-agent', 'agent/sweep.ts', '../collector/store/store.ts'],
  ['only-collector', 'collector/store/store.ts', '../../agent/sweep.ts'],
  ['only-installer', 'installer/quickstart.ts', '../contract/wire.ts'],
  ['only-sense', 'agent/sense/linux/processes.ts', '../../read/cursor.ts'],
  ['only-read', 'agent/read/gguf.ts', '../sense/sensors.ts'],
  ['only-report', 'agent/report/outbox.ts', '../read/formats.ts'],
  ['feeds-exports-no-store', 'collector/feeds/syslog.ts', '../store/store.ts'],
  ['member-alone-agent-read-gguf-ts', 'agent/read/gguf.ts', './safetensors.ts'],
  ['member-alone-agent-read-safetensors-ts', 'agent/read/safetensors.ts', './gguf.ts'],
  ['member-alone-agent-sense-linux-processes-ts', 'agent/sense/linux/processes.ts', './listeners.ts'],
  ['member-alone-agent-sense-linux-listeners-ts', 'agent/sense/linux/listeners.ts', './processes.ts'],
  ['member-alone-collector-feeds-syslog-ts', 'collector/feeds/syslog.ts', './webhook.ts'],
  ['member-alone-collector-feeds-webhook-ts', 'collector/feeds/webhook.ts', './syslog.ts'],
  ['member-alone-collector-exports-bom-ts', 'collector/exports/bom.ts', './csv.ts'],
  ['member-alone-collector-exports-csv-ts', 'collector/exports/csv.ts', './bom.ts'],
  ['read-opens-nothing', 'agent/read/gguf.ts', 'node:fs/promises'],
  ['child-process', 'collector/routes/findings.ts', 'node:child_process'],
  ['door-better-sqlite3', 'agent/sweep.ts', 'better-sqlite3'],
  ['door-chokidar', 'agent/sweep.ts', 'chokidar'],
  ['door-ps-list', 'agent/report/outbox.ts', 'ps-list'],
  ['door-systeminformation', 'collector/store/store.ts', 'systeminformation'],
  ['door-hash-wasm', 'agent/report/outbox.ts', 'hash-wasm'],
  ['door-zod', 'agent/sweep.ts', 'zod'],
  ['door-fastify', 'collector/store/store.ts', 'fastify'],
  ['door--fastify', 'collector/store/store.ts', '@fastify/helmet'],
  ['door--huggingface-gguf', 'agent/report/outbox.ts', '@huggingface/gguf'],
  ['door--huggingface-jinja', 'agent/read/pickle.ts', '@huggingface/jinja'],
  ['door-node-llama-cpp', 'rules/workbench/pack.ts', 'node-llama-cpp'],
  ['door-yaml', 'rules/judge.ts', 'yaml'],
  ['door-typescript', 'bench/walk.ts', 'typescript'],
  ['no-other-package', 'collector/feeds/webhook.ts', 'left-pad'],
]

function plant(tree: Readonly<Record<string, readonly string[]>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-imports-'))
  made.push(folder)
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const name of [...PACKAGES, ...DEVELOPMENT]) {
    put(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }))
    put(`node_modules/${name}/index.js`, '')
  }
  put('package.json', JSON.stringify({ name: 'planted', type: 'module' }))
  put('tsconfig.json', '{ "compilerOptions": { "module": "NodeNext", "allowImportingTsExtensions": true } }')
  copyFileSync(join(checkout, '.dependency-cruiser.cjs'), join(folder, '.dependency-cruiser.cjs'))
  for (const [path, imports] of Object.entries(tree)) {
    const lines = imports.map(
      (target, index) => `import { x${index} } from '${target}'\nexport const y${index} = x${index}\n`,
    )
    put(path, lines.join('') + 'export const x0 = 0\nexport const x1 = 1\nexport const x2 = 2\n')
  }
  return folder
}

interface Cruised {
  readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[]
  readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string }[] }
}

function cruise(tree: Readonly<Record<string, readonly string[]>>): Cruised {
  const args = [CRUISE, ...FOLDERS, '--config', '.dependency-cruiser.cjs', '--output-type', 'json']
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: plant(tree), encoding: 'utf8', timeout: 60_000 })
  expect(stderr).toBe('')
  const { summary } = JSON.parse(stdout) as { summary: Cruised }
  return summary
}

describe('the import rules', () => {
  it('accept the tree that the house describes', () => {
    const { violations } = cruise(CLEAN)

    expect(violations).toEqual([])
  })

  it('catch one planted import for each rule, and there is no rule that is not planted', () => {
    const tree: Record<string, readonly string[]> = { ...CLEAN }
    for (const [, file, imported] of FORBIDDEN) tree[file] = [...(tree[file] ?? []), imported]

    const { violations, ruleSetUsed } = cruise(tree)

    const caught = new Set(violations.map((violation) => `${violation.rule.name} ${violation.from}`))
    const missed = FORBIDDEN.filter(([rule, file]) => !caught.has(`${rule} ${file}`))
    expect(missed).toEqual([])
    expect(ruleSetUsed.forbidden.map((rule) => rule.name).sort()).toEqual(FORBIDDEN.map(([rule]) => rule).sort())
  })
})
