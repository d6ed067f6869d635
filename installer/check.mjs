// `npm run check`: everything that must be green before a commit, in the order in which a mistake is cheapest to find.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
process.chdir(root)

function bin(name, command = name.split('/').pop()) {
  const folder = join(root, 'node_modules', name)
  const { bin: declared } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof declared === 'string' ? declared : declared[command])
}

const jest = (...args) => ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', bin('jest'), ...args]
const build = ['build', [join(root, 'installer/build.mjs')]]
const steps = process.argv.includes('--golden')
  ? [build, ['golden', jest('--selectProjects', 'unit', '--testPathPatterns', 'golden'), { GNOMON_WRITE_GOLDEN: '1' }]]
  : [
      ['tsc', [bin('typescript', 'tsc'), '-p', '.']],
      ['biome', [bin('@biomejs/biome', 'biome'), 'format', root]],
      ['eslint', [bin('eslint'), '.', '--max-warnings', '0', '--cache', '--cache-location', '.cache/eslint/']],
      [
        'dependency-cruiser',
        [
          bin('dependency-cruiser', 'depcruise'),
          'contract',
          'rules',
          'agent',
          'collector',
          'installer',
          'test',
          'bench',
          '--config',
          '.dependency-cruiser.cjs',
        ],
      ],
      ['knip', [bin('knip')]],
      build,
      ['jest (unit)', jest('--selectProjects', 'unit', '--reporters=default')],
    ]

for (const [name, args, env = {}] of steps) {
  const started = Date.now()
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  process.stdout.write(
    `${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
  )
  if (status !== 0) process.exit(1)
}
