// The evasion matrix, first group: what is done to the weights.
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from '../../build-gguf.ts'
import { buildTinyModel, buildTinyShards, writeLargeModel } from '../../build-tiny-model.ts'
import { buildZip } from '../../build-zip.ts'
import { canMount, describeGroup, type Place, type Preparation, runTool } from './run-group.ts'
import { startRuntime } from './start-program.ts'

describeGroup('weights', 'a model whose weights are hidden', (place) => [
  ...renamed(place),
  ...relabelled(place),
  ...wrapped(place),
  ...linked(place),
  ...loadedOtherwise(place),
])

function plant(place: Place, name: string, bytes: Buffer): string {
  const path = join(place.home, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, bytes)
  return path
}

function running(id: string, path: string, ...args: readonly string[]): Preparation {
  return { id, files: [path], start: () => startRuntime({ args: ['--model', path, ...args] }) }
}

function renamed(place: Place): readonly Preparation[] {
  return [
    running('renamed', plant(place, 'holiday/photo-0231.jpg', buildTinyModel({ seed: 1 }))),
    running('no-extension', plant(place, 'quarterly-notes', buildTinyModel({ seed: 2 }))),
    running('dot-folder', plant(place, '.config/.fonts/.cache', buildTinyModel({ seed: 3 }))),
  ]
}

function relabelled(place: Place): readonly Preparation[] {
  const lies = [
    ['general.name', text('whisper-base')],
    ['general.organization', text('OpenAI')],
    ['general.license', text('mit')],
    ['general.size_label', text('70B')],
  ] as const
  return [
    running('stripped', plant(place, 'stripped.gguf', buildTinyModel({ seed: 4, general: [] }))),
    running('lying', plant(place, 'lying.gguf', buildTinyModel({ seed: 5, general: lies }))),
  ]
}

/** This runtime cannot load these: they wait for a tool that unpacks them. */
function wrapped(place: Place): readonly Preparation[] {
  const altered = buildTinyModel({ seed: 6 })
  altered.write('RIFF', 0, 'latin1')
  // A container tells no architecture, and such models are reported from a million parameters on.
  const large = { feedForward: 704 }
  const zipOf = (name: string, seed: number): Buffer =>
    buildZip([
      { name: 'readme.txt', data: Buffer.from('holiday') },
      { name, data: buildTinyModel({ seed, ...large }) },
    ])
  const picture = Buffer.concat([
    Buffer.from('ffd8ffe000104a46494600', 'hex'),
    Buffer.alloc(300_000, 'picture'),
    Buffer.from('ffd9', 'hex'),
  ])
  const atRest = (id: string, path: string): Preparation => ({ id, files: [path], start: null })
  return [
    atRest('altered-magic', plant(place, 'altered.bin', altered)),
    atRest('zip', plant(place, 'backup.zip', zipOf('old/model.gguf', 7))),
    atRest('zip-renamed', plant(place, 'photos.zip', zipOf('photos/all.dat', 14))),
    atRest('appended', plant(place, 'picture.jpg', Buffer.concat([picture, buildTinyModel({ seed: 8 })]))),
  ]
}

function linked(place: Place): readonly Preparation[] {
  const [first, second] = buildTinyShards({ seed: 9 })
  const shards = [
    plant(place, 'split-00001-of-00002.gguf', first),
    plant(place, 'split-00002-of-00002.gguf', second),
  ] as const
  const linkedTo = join(place.folder, 'report.pdf')
  linkSync(plant(place, 'original.gguf', buildTinyModel({ seed: 10 })), linkedTo)
  const isWhole: Preparation['mustTell'] = ({ weights }) =>
    shards.every((shard) => weights.some(({ path }) => path === shard))
  const prepared = [
    { ...running('shards', shards[0]), files: shards, mustTell: isWhole },
    { ...running('hard-link', linkedTo), files: [join(place.home, 'original.gguf')] },
  ]
  return canMount() ? [...prepared, mounted(place)] : prepared
}

function mounted(place: Place): Preparation {
  const source = plant(place, 'mounted/system.img', buildTinyModel({ seed: 11 }))
  const target = join(place.folder, 'readonly')
  mkdirSync(target)
  runTool('mount', '--bind', '-o', 'ro', join(source, '..'), target)
  place.atEnd(() => runTool('umount', '--lazy', target))
  return { ...running('bind-mount', join(target, 'system.img')), files: [source] }
}

function loadedOtherwise(place: Place): readonly Preparation[] {
  const unlinked = join(place.folder, 'unlinked.tmp')
  writeFileSync(unlinked, buildTinyModel({ seed: 12 }))
  // A copy in memory is told from other memory by its size, so these two are as large as the smallest models that people use.
  const large = join(place.home, 'large.gguf')
  writeLargeModel(large)
  const start = async () => {
    const started = await startRuntime({ args: ['--model', unlinked] })
    rmSync(unlinked)
    return started
  }
  return [
    { id: 'unlinked', files: [unlinked], start, mustTell: ({ weights }) => weights.some(({ isDeleted }) => isDeleted) },
    running('no-mmap', large, '--no-mmap', '--tokens', '1'),
    running('small-copied', plant(place, 'small.gguf', buildTinyModel({ seed: 13 })), '--no-mmap'),
    {
      ...running(
        'small-copied-served',
        plant(place, 'served.gguf', buildTinyModel({ seed: 15 })),
        '--no-mmap',
        '--serve',
      ),
      mustTell: ({ told, api }) => told?.model === 'served.gguf' && api?.opensWithoutKey === true,
    },
    // With mlock this llama.cpp copies as well.
    running('mlock', large, '--mlock', '--tokens', '1'),
  ]
}
