// The import rules of the house (STYLE.md section 2), as errors and without an exceptions list.
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(contract|rules|agent|collector|test|bench|installer)/', pathNot: allowed },
})
const door = (pkg, folder) => ({
  name: `door-${pkg.replace(/\W/g, '-')}`,
  comment: `${pkg} is imported by ${folder} alone`,
  severity: 'error',
  from: { path: '^(contract|rules|agent|collector|installer|bench)/', pathNot: folder },
  to: { path: `node_modules/${pkg.replace('/', '\\/')}/` },
})
const NODE = { dependencyTypes: ['core'] }

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'cycles hide who depends on whom',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-imports-test',
      comment: 'test code is not shipped',
      severity: 'error',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^test/' },
    },
    {
      name: 'unresolvable',
      comment: 'an import that cannot be found',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    only('contract', 'contract imports nothing of ours', '^contract/', '^contract/'),
    {
      name: 'contract-no-node',
      comment: 'contract imports no Node module',
      severity: 'error',
      from: { path: '^contract/' },
      to: NODE,
    },
    only('rules', 'rules import contract', '^rules/(?!workbench/)', '^(contract/|rules/(?!workbench/))'),
    {
      name: 'rules-no-node',
      comment: 'the pure functions import no Node module',
      severity: 'error',
      from: { path: '^rules/(?!workbench/)' },
      to: NODE,
    },
    only(
      'workbench',
      'the workbench imports contract, rules and the readers',
      '^rules/workbench/',
      '^(contract/|rules/|agent/read/)',
    ),
    only('agent', 'the agent imports contract and rules', '^agent/', '^(contract/|rules/(?!workbench/)|agent/)'),
    only(
      'collector',
      'the collector imports contract and rules',
      '^collector/',
      '^(contract/|rules/(?!workbench/)|collector/)',
    ),
    only('installer', 'the installer imports nothing of ours', '^installer/', '^installer/'),
    only(
      'sense',
      'sense does not know read and report',
      '^agent/sense/',
      '^(contract/|rules/(?!workbench/)|agent/sense/)',
    ),
    only(
      'read',
      'read does not know sense and report',
      '^agent/read/',
      '^(contract/|rules/(?!workbench/)|agent/read/)',
    ),
    only(
      'report',
      'report does not know sense and read',
      '^agent/report/',
      '^(contract/|rules/(?!workbench/)|agent/report/)',
    ),
    {
      name: 'feeds-exports-no-store',
      comment: 'feeds and exports get their data as arguments',
      severity: 'error',
      from: { path: '^collector/(feeds|exports)/' },
      to: { path: '^collector/store/' },
    },
    {
      name: 'child-process',
      comment: 'only these places start programs',
      severity: 'error',
      from: {
        path: '^(contract|rules|agent|collector)/',
        pathNot: '^(agent/sense/|agent/supervisor/|agent/simulate/|rules/workbench/reference/)',
      },
      to: { path: '^(node:)?child_process$' },
    },
    door('better-sqlite3', '^(agent/report|collector/store)/'),
    door('chokidar', '^agent/sense/'),
    door('ps-list', '^agent/sense/'),
    door('systeminformation', '^agent/sense/'),
    door('zod', '^contract/'),
    door('fastify', '^collector/routes/'),
    door('@fastify', '^collector/routes/'),
    door('node-llama-cpp', '^rules/workbench/reference/'),
    door('yaml', '^rules/workbench/'),
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
