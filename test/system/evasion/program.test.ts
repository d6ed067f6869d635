// The evasion matrix, second group: what is done to the program that runs the model, and to the way it is asked.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildTinyModel, writeLargeModel } from '../../build-tiny-model.ts'
import { buildBundledApp, linkOrCopy } from './build-bundled-app.ts'
import { describeGroup, type Place, type Preparation, PYTHON } from './run-group.ts'
import { type Launch, startRuntime } from './start-program.ts'

/** Puts a program into memory and becomes it: there never was a file. Node.js itself starts a helper by the path given behind it. */
const FROM_MEMORY = `
import os, sys
source = open(sys.argv[1], 'rb')
size = os.fstat(source.fileno()).st_size
memory = os.memfd_create('helper')
sent = 0
while sent < size:
    sent += os.sendfile(memory, source.fileno(), sent, size - sent)
os.execve(memory, ['helper'] + sys.argv[2:], dict(os.environ))
`

describeGroup('program', 'a model whose program is hidden', (place) => [
  ...disguised(place),
  ...carried(place),
  ...asked(place),
])

let seed = 20
function running(place: Place, id: string, launch: Partial<Launch>): Preparation {
  const model = join(place.home, `${id}.bin`)
  seed += 1
  writeFileSync(model, buildTinyModel({ seed }))
  return {
    id,
    files: [model],
    start: () => startRuntime({ ...launch, args: ['--model', model, ...(launch.args ?? [])] }),
  }
}

function disguised(place: Place): readonly Preparation[] {
  const renamed = join(place.folder, 'systemd-timesyncd')
  linkOrCopy(process.execPath, renamed)
  return [
    running(place, 'renamed-binary', { command: [renamed] }),
    running(place, 'argv', { args: ['--title', 'postgres: checkpointer'] }),
  ]
}

function carried(place: Place): readonly Preparation[] {
  const deleted = join(place.folder, 'updater')
  copyFileSync(process.execPath, deleted)
  const runDeleted = running(place, 'deleted-binary', { command: [deleted] })
  const start = async () => {
    const started = await runDeleted.start?.()
    rmSync(deleted)
    if (started === undefined) throw new Error('nothing was started')
    return started
  }
  const app = join(place.folder, 'opt', 'Notes')
  mkdirSync(join(app, '..'))
  const { executable, program } = buildBundledApp(app)
  const large = join(place.home, 'large.bin')
  writeLargeModel(large)
  const copied = ['--model', large, '--no-mmap', '--tokens', '1']
  const helper = `data:text/javascript,process.execPath=${JSON.stringify(process.execPath)}`
  return [
    { ...runDeleted, start },
    running(place, 'memfd', { command: [PYTHON, '-c', FROM_MEMORY, process.execPath, '--import', helper] }),
    running(place, 'bundled', { command: [executable], program, cwd: app }),
    {
      id: 'bundled-copied',
      files: [large],
      start: () => startRuntime({ command: [executable], program, cwd: app, args: copied }),
    },
  ]
}

function asked(place: Place): readonly Preparation[] {
  const hasListener: Preparation['mustTell'] = ({ listeners }) => listeners.some(({ scope }) => scope === 'loopback')
  const hasNone: Preparation['mustTell'] = ({ listeners }) => listeners.length === 0
  return [
    { ...running(place, 'random-port', { args: ['--serve'] }), mustTell: hasListener },
    running(place, 'unix-socket', { args: ['--socket', join(place.folder, 'notes.sock')] }),
    { ...running(place, 'no-listener', {}), mustTell: hasNone },
  ]
}
