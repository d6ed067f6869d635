// A network mount whose server hangs: whatever touches it waits for ever, inside the kernel. The server here is a real file system of a
// program (FUSE) that stops answering.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { buildGguf, text } from '../build-gguf.ts'
import { type OwnMounts, serveFiles, whyNoMounts } from './own-mounts.ts'
import { gnomon, until } from './programs.ts'
import { type Places, placesIn, processesNaming, runs, startSupervised } from './supervised-daemon.ts'

const why = whyNoMounts('/dev/fuse')
if (why !== null) console.warn(`skipped: ${why}, so no server can hang`)
const onFuse = why === null ? it : it.skip

const settings = { processIntervalSeconds: 1, pace: 'full' }

const OWN_USER = ['/usr/bin/unshare', '--user', '--map-root-user', '--mount', '--propagation', 'private']
/** Words: where the server is mounted, where it is to be seen, an empty folder. What runs then stands in it, and holds a model open. */
const IN_USE = 'cd "$2"; exec 3<"$2/remote.gguf"; echo ready; exec "$2/runner" 1000'
const HELD: Readonly<Record<string, string>> = {
  overlay: `mount -t overlay none -o "lowerdir=$1:$3" "$2"; ${IN_USE}`,
  bind: `mount --bind "$1" "$2"; ${IN_USE}`,
}

let folder = ''
let places: Places
let far = ''
let mounts: OwnMounts | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-silent-'))
  places = placesIn(folder)
  far = join(places.models, 'far')
  mkdirSync(far)
})
afterEach(async () => {
  // With the server the mount ends, and with it every wait.
  await mounts?.end()
  mounts = undefined
  for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  await until(() => (processesNaming(folder).length === 0 ? true : undefined))
  rmSync(folder, { recursive: true, force: true })
})

function model(name: string): Buffer {
  const kv = [
    ['general.architecture', text('llama')],
    ['general.name', text(name)],
  ] as const
  return buildGguf({ kv, tensors: [{ name: 'token_embd.weight', dims: [512, 1024] }] })
}

async function statusText(): Promise<string> {
  return (await gnomon('status', '--json', '--state', places.state)).stdout
}

/** Waits until a finding names it. */
async function found(name: string): Promise<void> {
  await until(async () => {
    const { stdout } = await gnomon('explain', '--json', '--state', places.state)
    return stdout.includes(name) ? true : undefined
  })
}

describe('a mount whose server hangs', () => {
  onFuse('never blocks the sweep: what lies beside it is found, and it is a named gap', async () => {
    writeFileSync(join(folder, 'remote.gguf'), model('remote'))
    mounts = await serveFiles(far, { 'remote.gguf': join(folder, 'remote.gguf') })
    await mounts.say('silent')
    writeFileSync(join(places.models, 'beside.gguf'), model('beside'))
    const daemon = startSupervised(places, settings, mounts.inside)
    await daemon.told('swept')
    await found('beside.gguf')
    const status = await statusText()
    expect(status).toContain(far)
    expect(status).toContain('fuse is a file system of a server or a program, and was not touched')

    writeFileSync(join(places.models, 'later.gguf'), model('later'))
    await found('later.gguf')
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  })

  onFuse('never blocks the looks at processes that run, hold and stand in what lies on it', async () => {
    writeFileSync(join(folder, 'remote.gguf'), model('remote'))
    mounts = await serveFiles(far, { 'remote.gguf': join(folder, 'remote.gguf'), runner: '/bin/sleep' })
    const script = `cd ${far} && exec 3<${far}/remote.gguf && exec ${far}/runner 1000`
    const user = spawn('/usr/bin/env', [...mounts.inside, 'sh', '-c', script], { stdio: 'ignore' })
    const daemon = startSupervised(places, settings, mounts.inside)
    await daemon.told('swept')
    // As long as the server answers, what the process holds open is seen through it.
    await found(join(far, 'remote.gguf'))

    await mounts.say('silent')
    await until(async () => ((await statusText()).includes('fuse does not answer') ? true : undefined))
    writeFileSync(join(places.models, 'beside.gguf'), model('beside'))
    await found('beside.gguf')
    await mounts.say('answer')
    user.kill('SIGKILL')
    const worker = await daemon.worker()
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
    expect(runs(worker)).toBe(false)
    expect(daemon.log().map(({ message }) => message)).not.toContain('worker ended')
  })

  onFuse('hides nothing else of a process that holds a file there, when it refuses to tell what that is', async () => {
    writeFileSync(join(folder, 'remote.gguf'), model('remote'))
    // Outside of what is swept: only the process leads there.
    const held = join(folder, 'held.gguf')
    writeFileSync(held, model('held'))
    mounts = await serveFiles(far, { 'remote.gguf': join(folder, 'remote.gguf') })
    const script = `exec 3<${far}/remote.gguf 4<${held} && echo ready && exec sleep 1000`
    const user = spawn('/usr/bin/env', [...mounts.inside, 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(createInterface({ input: user.stdout }), 'line')
    await mounts.say('refuse')
    const daemon = startSupervised(places, settings, mounts.inside)
    await daemon.told('swept')
    await found(held)
    user.kill('SIGKILL')
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  })

  onFuse.each(['overlay', 'bind'])(
    'never blocks the looks at processes when it hangs behind a mount (%s) in a namespace that its user made',
    async (over) => {
      writeFileSync(join(folder, 'remote.gguf'), model('remote'))
      mounts = await serveFiles(far, { 'remote.gguf': join(folder, 'remote.gguf'), runner: '/bin/sleep' })
      const [merged, empty] = [join(folder, 'over'), join(folder, 'empty')]
      for (const place of [merged, empty]) mkdirSync(place)
      const user = spawn(
        '/usr/bin/env',
        [...mounts.inside, ...OWN_USER, 'sh', '-ec', HELD[over] ?? '', 'sh', far, merged, empty],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      await once(createInterface({ input: user.stdout }), 'line')
      const namespace = readlinkSync(`/proc/${user.pid}/ns/mnt`)
      await mounts.say('silent')
      // This machine has neither the server nor what lies over it.
      const daemon = startSupervised(places, settings)
      await daemon.told('swept')
      writeFileSync(join(places.models, 'beside.gguf'), model('beside'))
      await found('beside.gguf')
      const status = await statusText()
      await mounts.say('answer')
      user.kill('SIGKILL')
      daemon.kill('SIGTERM')

      expect(status).toContain(`/mnt-${/[0-9]+/.exec(namespace)?.[0]}${merged}`)
      expect((await daemon.ended).code).toBe(0)
      expect(daemon.log().map(({ message }) => message)).not.toContain('worker ended')
    },
  )
})
