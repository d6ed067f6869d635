// Weights in use on a Mac, through the join: lsof names a mapped file by path, device and inode, and a sweep opens it by that path only
// while both agree. The listing is of the shape of the captures, about a real file of this test.
import { createHash } from 'node:crypto'
import { mkdtempSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { correlate } from '../../../../agent/correlate.ts'
import { darwinProcesses } from '../../../../agent/sense/darwin/processes.ts'
import { createWeightsMemory, holdWeights, seeWeights } from '../../../../agent/weights-in-use.ts'
import type { ProcessObservation } from '../../../../contract/observation.ts'
import { runtimeSchema } from '../../../../contract/runtime.ts'
import { array, buildGguf, scalar, text } from '../../../build-gguf.ts'
import { realPack } from '../../../rules/real-pack.ts'

const MODEL = buildGguf({
  kv: [
    ['general.architecture', text('llama')],
    ['llama.block_count', scalar('uint32', 1)],
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.tokens', array('string', ['<unk>', '<s>'])],
  ],
  tensors: [{ name: 'token_embd.weight', dims: [256, 1200] }],
})
const PROGRAM = '/opt/homebrew/bin/llama-server'
const START = 'Mon Nov 23 09:16:33 2026'

let folder = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-darwin-')))
  writeFileSync(join(folder, 'notes'), MODEL)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** One process that maps the file, as ps and lsof tell it. */
function sense(): readonly ProcessObservation[] {
  const path = join(folder, 'notes')
  const { dev, ino, size } = statSync(path, { bigint: true })
  const program = `ftxt\ntREG\nD0x1000004\ns8650752\ni55500003\nk1\nn${PROGRAM}\n`
  const weights = `ftxt\ntREG\nD0x${dev.toString(16)}\ns${size}\ni${ino}\nk1\nn${path}\n`
  const { observations } = darwinProcesses.interpret({
    numbers: { text: `  812     1   501  5242880 ??       ${START}    anna\n` },
    programs: { text: `  812 ${START}     ${PROGRAM}\n` },
    arguments: { text: `  812 ${START}     ${PROGRAM} --model ${path}\n` },
    files: { text: `p812\n${program}${weights}` },
  })
  return observations.filter((one) => one.kind === 'process')
}

async function tell(processes: readonly ProcessObservation[]) {
  const memory = createWeightsMemory()
  const seen = await Promise.all(processes.map((process) => seeWeights(process, memory, new Map())))
  return correlate({
    processes,
    listeners: [],
    weightsOf: (process) => (seen[processes.indexOf(process)] ?? []).map((each) => holdWeights(each, null)),
    graphicsOf: () => [],
    closerOf: () => undefined,
    pack: realPack,
    digest: (value) => createHash('sha256').update(value).digest('hex'),
    identified: new WeakMap(),
  })
}

// Device numbers of Windows have 64 bits, and its paths are none of lsof's.
const onPosix = process.platform === 'win32' ? describe.skip : describe

onPosix('a Mac on which a server maps a model', () => {
  it('tells the weights in use by content, under an innocent name', async () => {
    const [story] = await tell(sense())

    expect(runtimeSchema.safeParse(story).error).toBeUndefined()
    expect(story?.identification?.entryId).toBe('llama-cpp')
    expect(story?.weights).toMatchObject([{ how: 'mapped', path: join(folder, 'notes'), format: 'gguf' }])
    expect(story?.identification?.evidence.map(({ kind }) => kind)).toContain('weights-mapped')
  })

  it('does not take another file for the mapped one', async () => {
    const processes = sense()
    writeFileSync(join(folder, 'other'), MODEL)
    renameSync(join(folder, 'other'), join(folder, 'notes'))

    expect((await tell(processes))[0]?.weights).toEqual([])
  })
})
