// Mounts and limits of a test's own: in a namespace that ends with the test, so that nothing stays and no other process meets them.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './programs.ts'

const FUSE_PROGRAM = join(import.meta.dirname, 'fuse-program.ts')

/** Why nothing can be mounted here; null when it can. */
export function whyNoMounts(device?: string): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can mount'
  if (device !== undefined && !existsSync(device)) return `there is no ${device}`
  const tried = spawnSync('/usr/bin/unshare', [
    '--mount',
    '--propagation',
    'private',
    'mount',
    '-t',
    'tmpfs',
    'none',
    '/mnt',
  ])
  return tried.status === 0 ? null : 'this machine allows no mounts of our own'
}

/** A namespace that is held by a process. */
export interface OwnMounts {
  readonly pid: number | undefined
  /** Words before a command that is to run in there. */
  readonly inside: readonly string[]
  /** Tells the process that holds it something, and waits until it has said it back. */
  readonly say: (line: string) => Promise<void>
  readonly end: () => Promise<void>
}

/** A file system of a program at `place` with these files (NAME to path). Understands `silent` and `answer`. */
export async function serveFiles(place: string, files: Readonly<Record<string, string>>): Promise<OwnMounts> {
  const words = Object.entries(files).map(([name, file]) => `${name}=${file}`)
  const node = [process.execPath, '--experimental-strip-types', '--no-warnings', FUSE_PROGRAM]
  return await hold([...node, place, ...words])
}

/** A small disk in memory at `place`. Understands `fill`, `empty`, `read-only` and `writable`. */
export async function mountSmall(place: string, sizeBytes: number): Promise<OwnMounts> {
  const script = `mount -t tmpfs -o size=${sizeBytes},mode=700 none "$1" && echo mounted
    while read -r line; do
      case $line in
        fill) cat /dev/zero >"$1/filler" 2>/dev/null ;;
        empty) rm "$1/filler" ;;
        read-only) mount -o remount,ro "$1" ;;
        writable) mount -o remount,rw "$1" ;;
      esac
      echo "$line"
    done`
  return await hold(['sh', '-c', script, 'sh', place])
}

/** Why there can be no namespace with limits of its own; null when there can. */
export function whyNoLimits(): string | null {
  if (process.platform !== 'linux') return 'only Linux has user namespaces'
  const tried = spawnSync('/usr/bin/unshare', [...OWN_USER, 'sh', '-c', `echo 1 >${WATCHES}`])
  return tried.status === 0 ? null : 'this machine allows no user namespace with limits of its own'
}

/** A user namespace in which so many watches may be placed. Understands `lift`. */
export async function limitWatches(count: number): Promise<OwnMounts> {
  const script = `echo ${count} >${WATCHES} && echo mounted
    while read -r line; do
      echo 100000 >${WATCHES}
      echo "$line"
    done`
  const held = await hold(['sh', '-c', script], OWN_USER)
  return { ...held, inside: ['nsenter', `--user=/proc/${held.pid}/ns/user`, '--preserve-credentials'] }
}

const OWN_USER = ['--user', '--map-root-user']
/** Of a user namespace, since Linux 4.9. */
const WATCHES = '/proc/sys/user/max_inotify_watches'
const OWN_MOUNTS = ['--mount', '--propagation', 'private']

async function hold(words: readonly string[], spaces = OWN_MOUNTS): Promise<OwnMounts> {
  const program = spawn('/usr/bin/unshare', [...spaces, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => program.once('close', () => resolve()))
  let said = ''
  program.stdout.setEncoding('utf8').on('data', (piece: string) => (said += piece))
  const heard = async (line: string): Promise<void> => {
    await until(() => (said.includes(`${line}\n`) ? true : undefined))
    said = ''
  }
  await heard('mounted')
  return {
    pid: program.pid,
    inside: ['nsenter', `--mount=/proc/${program.pid}/ns/mnt`],
    say: async (line) => {
      program.stdin.write(`${line}\n`)
      await heard(line)
    },
    end: async () => {
      program.stdin.end()
      await ended
    },
  }
}
