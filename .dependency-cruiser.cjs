// The import rules of the house (STYLE.md section 2), as errors and without an exceptions list.
const { existsSync, readFileSync } = require('node:fs')
const { posix } = require('node:path')

const OURS = '^(contract|rules|agent|collector|test|bench|installer)/'
const PRODUCT = '^(contract|rules|agent|collector|installer|bench)/'
const PURE_RULES = 'rules/(?!workbench/)'
const NODE = { dependencyTypes: ['core'] }

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })
const only = (name, comment, from, allowed) =>
  rule(`only-${name}`, comment, { path: from }, { path: OURS, pathNot: allowed })

/** Every third-party package of the product and the single folder that imports it. */
const DOORS = {
  'better-sqlite3': '^(agent/report|collector/store)/',
  chokidar: '^agent/sense/',
  'ps-list': '^agent/sense/',
  systeminformation: '^agent/sense/',
  'hash-wasm': '^agent/read/',
  zod: '^contract/',
  fastify: '^collector/routes/',
  '@fastify': '^collector/routes/',
  'node-llama-cpp': '^(rules/workbench/reference|bench)/',
  yaml: '^rules/workbench/',
  typescript: '^installer/',
  '@huggingface/gguf': '^bench/',
  '@huggingface/jinja': '^agent/isolate/',
}
const modules = (names) => `node_modules/(@types/)?(${names.join('|')})/`

/** Lists whose members know nothing of one another; the list file names them, so it is asked. */
const LISTS = [
  'agent/read/formats.ts',
  'agent/read/dialects.ts',
  'agent/read/stores.ts',
  'agent/read/scan/scanners.ts',
  'agent/sense/sensors.ts',
  'collector/feeds/feeds.ts',
  'collector/exports/exports.ts',
]
const escaped = (path) => path.replace(/[.+]/g, '\\$&')
const membersOf = (list) =>
  !existsSync(list)
    ? []
    : [...readFileSync(list, 'utf8').matchAll(/^import \{[^}]*\} from '(\.[^']+)'/gm)]
        .map(([, target]) => posix.join(posix.dirname(list), target))
        .filter((path) => path.startsWith(`${posix.dirname(list)}/`))
const strangers = (list) =>
  membersOf(list).map((member, _, all) =>
    rule(
      `member-alone-${member.replace(/\W/g, '-')}`,
      `members of ${list} never import each other`,
      { path: `^${escaped(member)}$` },
      {
        path: `^(${
          all
            .filter((other) => other !== member)
            .map(escaped)
            .join('|') || '(?!)'
        })$`,
      },
    ),
  )

module.exports = {
  forbidden: [
    rule('no-cycles', 'cycles hide who depends on whom', {}, { circular: true }),
    rule('nothing-imports-test', 'test code is not shipped', { pathNot: '^test/' }, { path: '^test/' }),
    rule('unresolvable', 'an import that cannot be found', {}, { couldNotResolve: true }),

    only('contract', 'contract imports nothing of ours', '^contract/', '^contract/'),
    rule('contract-no-node', 'contract imports no Node module', { path: '^contract/' }, NODE),
    only('rules', 'rules import contract', `^${PURE_RULES}`, `^(contract/|${PURE_RULES})`),
    rule('rules-no-node', 'the pure functions import no Node module', { path: `^${PURE_RULES}` }, NODE),
    only(
      'workbench',
      'the workbench imports contract, rules and the readers',
      '^rules/workbench/',
      '^(contract/|rules/|agent/read/)',
    ),
    only('agent', 'the agent imports contract and rules', '^agent/', `^(contract/|${PURE_RULES}|agent/)`),
    only(
      'collector',
      'the collector imports contract and rules',
      '^collector/',
      `^(contract/|${PURE_RULES}|collector/)`,
    ),
    only('installer', 'the installer imports nothing of ours', '^installer/', '^installer/'),
    only('sense', 'sense does not know read and report', '^agent/sense/', `^(contract/|${PURE_RULES}|agent/sense/)`),
    only('read', 'read does not know sense and report', '^agent/read/', `^(contract/|${PURE_RULES}|agent/read/)`),
    only('report', 'report does not know sense and read', '^agent/report/', `^(contract/|${PURE_RULES}|agent/report/)`),
    rule(
      'feeds-exports-no-store',
      'feeds and exports get their data as arguments',
      { path: '^collector/(feeds|exports)/' },
      { path: '^collector/store/' },
    ),
    ...LISTS.flatMap(strangers),

    rule(
      'read-opens-nothing',
      'readers open no file: bytes come from files that were opened for them, maybe by another process',
      { path: '^agent/read/' },
      { path: '^(node:)?fs(/promises)?$' },
    ),
    rule(
      'child-process',
      'only these places of the product start programs; installer, bench and test may, too',
      {
        path: '^(contract|rules|agent|collector)/',
        pathNot:
          '^(agent/sense/|agent/supervisor/|agent/isolate/|agent/reader/|agent/simulate/|rules/workbench/reference/)',
      },
      { path: '^(node:)?child_process$' },
    ),
    ...Object.entries(DOORS).map(([name, folder]) =>
      rule(
        `door-${name.replace(/\W/g, '-')}`,
        `${name} is imported by ${folder} alone`,
        { path: PRODUCT, pathNot: folder },
        { path: modules([name]) },
      ),
    ),
    rule(
      'no-other-package',
      'a new package needs a dated decision in ARCHITECTURE.md and a door here',
      { path: PRODUCT },
      { path: 'node_modules/', pathNot: modules([...Object.keys(DOORS), 'node']) },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|collector/page)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.cjs', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
