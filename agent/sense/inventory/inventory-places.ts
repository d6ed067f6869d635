// Where databases of packages, extensions, containers and services lie, by source. `~/` is a home, `{}` a name that some entry of
// the rule pack asks for, `*` any run of characters. None of these places belongs to a product of the pack.
import type { InstallationSource } from '../../../contract/installation.ts'
import type { Platform } from '../../../contract/observation.ts'

/** How the text at a place is read (interpret-record.ts). */
export type RecordForm =
  | 'python-metadata'
  | 'package-json'
  | 'dpkg-status'
  | 'snap-yaml'
  | 'cargo-installs'
  | 'folder-version'
  | 'extension-folder'
  | 'manifest-json'
  | 'docker-container'
  | 'docker-images'
  | 'podman-containers'
  | 'podman-images'
  | 'systemd-unit'
  | 'launchd-plist'
  | 'info-plist'

export interface InventoryPlace {
  readonly source: InstallationSource
  readonly form: RecordForm
  readonly pattern: string
  /** Bytes read of one file; more is cut (`head`) or refused with a gap. */
  readonly maxBytes: number
  readonly isHead?: true
}

/** Name and version stand in the first lines of METADATA (core metadata 2.4); the description after them may be long. */
const METADATA_BYTES = 16 * 1024
/** package.json of the npm registry: the largest that we saw has 120 KiB. */
const MANIFEST_BYTES = 1024 * 1024
/** 5,000 packages take about 6 MB, a desktop with everything 20 MB. */
const MAX_DPKG_BYTES = 32 * 1024 * 1024
/** A container's config has 5 KiB; its environment and labels may be larger. */
const MAX_CONTAINER_BYTES = 1024 * 1024
/** Lists of all images or containers of one store. */
const MAX_STORE_BYTES = 16 * 1024 * 1024
/** systemd itself takes lines of 1 MiB; real units have 1 to 4 KiB. */
const MAX_UNIT_BYTES = 256 * 1024

const place = (
  source: InstallationSource,
  form: RecordForm,
  maxBytes: number,
  patterns: readonly string[],
): readonly InventoryPlace[] => patterns.map((pattern) => ({ source, form, pattern, maxBytes }))

/** Roots of Python environments, each with lib/pythonX.Y/site-packages: venv, virtualenvwrapper, pipenv, pipx, uv, pyenv, conda. */
const PYTHON_ROOTS = [
  '~/.local',
  '~/.venv',
  '~/venv',
  '~/*/.venv',
  '~/*/venv',
  '~/.virtualenvs/*',
  '~/.local/share/virtualenvs/*',
  '~/.local/pipx/venvs/*',
  '~/.local/share/pipx/venvs/*',
  '~/.local/share/uv/tools/*',
  '~/.pyenv/versions/*',
  '~/miniconda3',
  '~/miniforge3',
  '~/anaconda3',
  '~/miniconda3/envs/*',
  '~/miniforge3/envs/*',
  '~/anaconda3/envs/*',
  '~/.conda/envs/*',
  '/opt/conda',
  '/opt/conda/envs/*',
  '/opt/*',
  '/opt/*/venv',
  '/opt/*/.venv',
  '/usr',
  '/usr/local',
]
/** Distributions put packages into folders of other names. */
const PYTHON_FOLDERS = [
  '/usr/lib/python3/dist-packages',
  '/usr/local/lib/python3.*/dist-packages',
  '/usr/lib64/python3.*/site-packages',
]
const NODE_FOLDERS = [
  '/usr/lib/node_modules',
  '/usr/local/lib/node_modules',
  '/opt/homebrew/lib/node_modules',
  '~/.npm-global/lib/node_modules',
  '~/.local/lib/node_modules',
  '~/.nvm/versions/node/*/lib/node_modules',
  '~/.volta/tools/image/packages/*/lib/node_modules',
  '~/.local/share/fnm/node-versions/*/installation/lib/node_modules',
  '~/.bun/install/global/node_modules',
  '~/.local/share/pnpm/global/*/node_modules',
  '~/node_modules',
]
const CELLARS = ['/home/linuxbrew/.linuxbrew', '/opt/homebrew', '/usr/local']
const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/etc/systemd/user',
  '/usr/lib/systemd/user',
  '~/.config/systemd/user',
  '~/.local/share/systemd/user',
]
const LAUNCHD_FOLDERS = ['/Library/LaunchDaemons', '/Library/LaunchAgents', '~/Library/LaunchAgents']

const PYTHON: readonly InventoryPlace[] = [
  ...PYTHON_ROOTS.map((root) => `${root}/lib/python3.*/site-packages`),
  ...PYTHON_FOLDERS,
].map((folder) => ({
  source: 'pip',
  form: 'python-metadata',
  pattern: `${folder}/{}/METADATA`,
  maxBytes: METADATA_BYTES,
  isHead: true,
}))

const ANYWHERE: readonly InventoryPlace[] = [
  ...PYTHON,
  ...place(
    'npm',
    'package-json',
    MANIFEST_BYTES,
    NODE_FOLDERS.flatMap((folder) => [`${folder}/{}/package.json`, `${folder}/@*/{}/package.json`]),
  ),
  ...place('cargo', 'cargo-installs', MANIFEST_BYTES, ['~/.cargo/.crates2.json']),
  ...place('nuget', 'folder-version', 0, ['~/.nuget/packages/{}/*/.nupkg.metadata']),
  ...place(
    'brew',
    'folder-version',
    0,
    CELLARS.map((root) => `${root}/Cellar/{}/*/INSTALL_RECEIPT.json`),
  ),
  // Every relative of VS Code keeps its extensions in a folder of its own name.
  ...place('vscode-extension', 'extension-folder', MANIFEST_BYTES, [
    '~/.*/extensions/{}/package.json',
    '~/.local/share/code-server/extensions/{}/package.json',
  ]),
]

const LINUX: readonly InventoryPlace[] = [
  ...ANYWHERE,
  ...place('apt', 'dpkg-status', MAX_DPKG_BYTES, ['/var/lib/dpkg/status']),
  ...place('snap', 'snap-yaml', MANIFEST_BYTES, ['/snap/{}/*/meta/snap.yaml']),
  ...place('chrome-extension', 'manifest-json', MANIFEST_BYTES, [
    '~/.config/*/*/Extensions/{}/*/manifest.json',
    '~/.config/BraveSoftware/*/*/Extensions/{}/*/manifest.json',
  ]),
  ...place('container', 'docker-container', MAX_CONTAINER_BYTES, [
    '/var/lib/docker/containers/*/config.v2.json',
    '~/.local/share/docker/containers/*/config.v2.json',
  ]),
  ...place('container-image', 'docker-images', MAX_STORE_BYTES, [
    '/var/lib/docker/image/*/repositories.json',
    '~/.local/share/docker/image/*/repositories.json',
  ]),
  ...place('container', 'podman-containers', MAX_STORE_BYTES, [
    '/var/lib/containers/storage/overlay-containers/containers.json',
    '~/.local/share/containers/storage/overlay-containers/containers.json',
  ]),
  ...place('container-image', 'podman-images', MAX_STORE_BYTES, [
    '/var/lib/containers/storage/overlay-images/images.json',
    '~/.local/share/containers/storage/overlay-images/images.json',
  ]),
  ...place(
    'service',
    'systemd-unit',
    MAX_UNIT_BYTES,
    UNIT_FOLDERS.map((folder) => `${folder}/*.service`),
  ),
]

const DARWIN: readonly InventoryPlace[] = [
  ...ANYWHERE,
  ...place(
    'cask',
    'folder-version',
    0,
    CELLARS.map((root) => `${root}/Caskroom/{}/*`),
  ),
  ...place('chrome-extension', 'manifest-json', MANIFEST_BYTES, [
    '~/Library/Application Support/*/*/Extensions/{}/*/manifest.json',
    '~/Library/Application Support/Google/Chrome/*/Extensions/{}/*/manifest.json',
  ]),
  ...place('application', 'info-plist', MANIFEST_BYTES, [
    '/Applications/*.app/Contents/Info.plist',
    '~/Applications/*.app/Contents/Info.plist',
  ]),
  ...place(
    'service',
    'launchd-plist',
    MAX_UNIT_BYTES,
    LAUNCHD_FOLDERS.map((folder) => `${folder}/*.plist`),
  ),
]

/** Where the record of one container lies; an id is 64 hexadecimal digits, so it is a plain name. */
export function containerPlaces(platform: Platform, id: string): readonly InventoryPlace[] {
  if (!/^[0-9a-f]{64}$/.test(id)) return []
  return inventoryPlaces(platform)
    .filter(({ source }) => source === 'container')
    .map((each) => ({ ...each, pattern: each.pattern.replace('/containers/*/', `/containers/${id}/`) }))
}

/** Where a person of Windows has Python, Node.js, editors and browsers; the rest stands in the registry (win32/installed.ts). */
const WIN32: readonly InventoryPlace[] = [
  ...[
    '~/AppData/Local/Programs/Python/*/Lib/site-packages',
    '~/AppData/Roaming/Python/*/site-packages',
    '~/AppData/Roaming/uv/tools/*/Lib/site-packages',
    '~/pipx/venvs/*/Lib/site-packages',
    '~/miniconda3/Lib/site-packages',
    '~/miniconda3/envs/*/Lib/site-packages',
    '~/anaconda3/Lib/site-packages',
    '~/anaconda3/envs/*/Lib/site-packages',
    '~/*/.venv/Lib/site-packages',
    '~/*/venv/Lib/site-packages',
  ].flatMap((folder) =>
    place('pip', 'python-metadata', METADATA_BYTES, [`${folder}/{}/METADATA`]).map(
      (each): InventoryPlace => ({ ...each, isHead: true }),
    ),
  ),
  ...place('npm', 'package-json', MANIFEST_BYTES, [
    '~/AppData/Roaming/npm/node_modules/{}/package.json',
    '~/AppData/Roaming/npm/node_modules/@*/{}/package.json',
  ]),
  ...place('cargo', 'cargo-installs', MANIFEST_BYTES, ['~/.cargo/.crates2.json']),
  ...place('nuget', 'folder-version', 0, ['~/.nuget/packages/{}/*/.nupkg.metadata']),
  ...place('vscode-extension', 'extension-folder', MANIFEST_BYTES, ['~/.*/extensions/{}/package.json']),
  ...place('chrome-extension', 'manifest-json', MANIFEST_BYTES, [
    '~/AppData/Local/*/*/User Data/*/Extensions/{}/*/manifest.json',
  ]),
]

const PLACES: Readonly<Record<Platform, readonly InventoryPlace[]>> = { linux: LINUX, darwin: DARWIN, win32: WIN32 }

/** Places of a system. */
export function inventoryPlaces(platform: Platform): readonly InventoryPlace[] {
  return PLACES[platform]
}
