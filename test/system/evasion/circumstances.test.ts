// The evasion matrix, third group: where, as whom, how gently and how briefly the model runs, and what runs with it.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildTinyAdapter, buildTinyModel } from '../../build-tiny-model.ts'
import { canMount, describeGroup, type Place, type Preparation, runTool } from './run-group.ts'
import { startRuntime } from './start-program.ts'

/** nobody of every distribution. */
const NOBODY = '65534'
const SHORT_LIFE_SECONDS = 10

describeGroup('circumstances', 'a model that runs where nobody looks', (place) => [
  ...(canMount() ? [contained(place), foreign(place), elsewhere(place)] : []),
  gentle(place),
  brief(place),
  inMemory(place),
  ...together(place),
])

let seed = 40
function plant(path: string): string {
  seed += 1
  writeFileSync(path, buildTinyModel({ seed }))
  return path
}

function running(id: string, path: string, args: readonly string[] = [], command?: readonly string[]): Preparation {
  const start = () => startRuntime({ args: ['--model', path, ...args], ...(command === undefined ? {} : { command }) })
  return { id, files: [path], start }
}

/** Own mounts and own process numbers, and the weights lie on a mount that only this namespace has. */
function contained(place: Place): Preparation {
  const source = plant(join(place.folder, 'layer.bin'))
  const script = `mount -t tmpfs none /mnt && cp ${source} /mnt/weights && "$@"; true`
  const own = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const command = ['unshare', ...own, 'sh', '-c', script, 'sh', process.execPath]
  return running('namespace', '/mnt/weights', [], command)
}

function foreign(place: Place): Preparation {
  const model = plant(join(place.home, 'shared.bin'))
  chmodSync(model, 0o644)
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--']
  const mustTell: Preparation['mustTell'] = (story) => story.user.uid === Number(NOBODY)
  return { ...running('other-user', model, [], ['setpriv', ...user, process.execPath]), mustTell }
}

/** A file system of its own in a file, as an encrypted container is. */
function elsewhere(place: Place): Preparation {
  const image = join(place.folder, 'disk.img')
  const target = join(place.folder, 'disk')
  writeFileSync(image, Buffer.alloc(16 * 1024 * 1024))
  runTool('mkfs.ext4', '-q', '-F', image)
  mkdirSync(target)
  try {
    runTool('mount', '-o', 'loop', image, target)
  } catch {
    console.warn('no loop device here: the other filesystem is a ramfs')
    runTool('mount', '-t', 'ramfs', 'none', target)
  }
  place.atEnd(() => runTool('umount', '--lazy', target))
  return running('other-filesystem', plant(join(target, 'archive.bin')))
}

function gentle(place: Place): Preparation {
  return running('niced', plant(join(place.home, 'gentle.bin')), ['--nice', '19', '--every', '5'])
}

function brief(place: Place): Preparation {
  const model = plant(join(place.home, 'brief.bin'))
  const start = async () => {
    // Anywhere between two looks.
    await sleep(Math.random() * SHORT_LIFE_SECONDS * 1000)
    const started = await startRuntime({ args: ['--model', model] })
    const end = setTimeout(() => void started.stop(), SHORT_LIFE_SECONDS * 1000)
    const stop = (): Promise<void> => {
      clearTimeout(end)
      return started.stop()
    }
    return { ...started, stop }
  }
  return { id: 'short-lived', files: [model], start }
}

function inMemory(place: Place): Preparation {
  const folder = mkdtempSync('/dev/shm/gnomon-evasion-')
  place.atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return running('tmpfs', plant(join(folder, 'cache')))
}

function together(place: Place): readonly Preparation[] {
  const adapter = join(place.home, 'style.bin')
  writeFileSync(adapter, buildTinyAdapter(60))
  const base = plant(join(place.home, 'base.bin'))
  const both = [plant(join(place.home, 'first.bin')), plant(join(place.home, 'second.bin'))] as const
  const isBoth: Preparation['mustTell'] = ({ weights }) =>
    both.every((path) => weights.some((held) => held.path === path))
  const hasAdapter: Preparation['mustTell'] = (_, { artifacts }) => artifacts.some(({ path }) => path === adapter)
  return [
    { ...running('adapter', base, ['--adapter', adapter]), mustTell: hasAdapter },
    { ...running('two-models', both[0], ['--model', both[1]]), files: both, mustTell: isBoth },
  ]
}
