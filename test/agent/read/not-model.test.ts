// What stands where a model should: named for what it is, and never accused. Archives and side files are known, too.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { buildNpy, buildNpz } from '../../build-npy.ts'
import {
  type TorchZipSpec,
  buildPickle,
  buildTorchZip,
  numpyArray,
  orderedDict,
  torchTensor,
} from '../../build-pickle.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import {
  CHAT_TEMPLATE,
  modelConfig,
  sevenZipHeader,
  shardIndex,
  tokenizerConfig,
  zippedWeights,
} from '../../build-side-files.ts'
import { type ZipPart, buildZip } from '../../build-zip.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-decoys-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const program = Buffer.alloc(256)
program.write('MZ')
program.writeUInt32LE(128, 60)
program.write('PE\0\0', 128)

describe('decoys', () => {
  it.each<readonly [string, Uint8Array | string, string]>([
    ['a page', '<!DOCTYPE html><html><body>404</body></html>', 'an HTML page'],
    ['an error', '{"error": "Repository not found"}', 'a JSON error answer'],
    ['an XML error', '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', 'an XML error answer'],
    ['a table', 'a,b,c\n1,2,3\n4,5,6\n', 'a table of text'],
    ['a text', 'Access to this model is restricted.\n', 'plain text'],
    ['a text cut in a character', `${'é'.repeat(2_048)}x é`, 'plain text'],
    ['seven bytes', Buffer.from([0x63, 0x6d, 0x6f, 0x64, 0x0a, 0xf8, 0x0a]), 'too few for a model'],
    ['zeros', Buffer.alloc(100_000), 'only zeros'],
    ['a picture', Buffer.from('89504e470d0a1a0a', 'hex'), 'a PNG image'],
    ['a sound', Buffer.from('RIFF\0\0\0\0WAVEfmt '), 'a WAV recording'],
    ['a program', program, 'a program'],
    ['a database', Buffer.from('SQLite format 3\0'), 'an SQLite database'],
    ['an office document', Buffer.from('d0cf11e0a1b11ae10000', 'hex'), 'an office document'],
  ])('named as weights: %s', async (_, bytes, words) => {
    const draft = await inspectFile(write('model.bin', bytes))

    expect(draft.verdict).toBe('not-a-model')
    expect(draft.gaps.some(({ detail }) => detail.includes(words))).toBe(true)
  })

  it('does not judge zeros with something behind them, nor numbers', async () => {
    const late = Buffer.alloc(100_000)
    late[50_000] = 7
    const numbers = Buffer.from(Array.from({ length: 1_024 }, (_, index) => (index * 73 + 41) & 0xff))

    for (const bytes of [late, numbers]) {
      expect(await inspectFile(write('model.bin', bytes))).toMatchObject({ verdict: 'unchecked', format: null })
    }
  })
})

/** 2,000 numbers, as torch.save writes them. */
const largeState: TorchZipSpec = {
  value: orderedDict(new Map([['w', torchTensor({ key: '0', elements: 2_000, shape: [2_000], strides: [1] })]])),
  storages: [8_000],
}
const namedArrays = Object.fromEntries(
  ['a/kernel', 'a/bias'].map((name) => [name, { shape: '600,', data: Buffer.alloc(2_400) }]),
)

describe('bare arrays and pickles', () => {
  const array = numpyArray('f4', [600], Buffer.alloc(2_400))
  const keep = (...names: readonly string[]): Buffer => buildPickle(new Map(names.map((name) => [name, array])))
  it.each<readonly [string, Buffer, readonly string[]]>([
    ['an array', buildNpy(), []],
    ['pickled arrays of a data set', keep('x_train', 'y_train', 'weights'), []],
    ['a pickled array', buildPickle(array), []],
    ['pickled arrays called as weights', keep('l1.weight', 'l1.bias'), ['pickle']],
    ['an archive of features', buildNpz({ arr_0: {}, weights: {} }), []],
    ['an archive of weights', buildNpz(namedArrays), ['numpy']],
  ])('are a model by what they are called: %s', async (_, bytes, formats) => {
    const place = mkdtempSync(join(folder, 'bare-'))
    writeFileSync(join(place, 'a.bin'), bytes)

    expect((await readFolder(place)).map(({ format }) => format)).toEqual(formats)
  })
})

describe('archives', () => {
  const inspectZip = async (parts: readonly ZipPart[]) => inspectFile(write('a.zip', buildZip(parts)))

  it('that hold weights name them, with the tensors where they lie', async () => {
    const { format, verdict, fingerprint } = await inspectFile(write('a.zip', zippedWeights()))

    expect({ format, verdict }).toEqual({ format: 'zip', verdict: 'unchecked' })
    expect(fingerprint.container).toMatchObject({ memberCount: 2, innerFormats: 'safetensors', isEncrypted: false })
    expect(fingerprint.structure?.parameterCount).toBe(1_000)
  })

  const tensors = (count: number): Buffer => buildSafetensors({ tensors: [{ name: 'w', dtype: 'I8', shape: [count] }] })
  const wide = (count: number): Buffer => buildNpy({ shape: `${count},`, data: Buffer.alloc(count * 4) })
  const text = { name: 'README.txt', data: Buffer.from('x') }
  const weights = { name: 'model.safetensors', data: tensors(5_000) }
  const listOf = (count: number): Buffer =>
    buildPickle(new Map([['x', numpyArray('f4', [count], Buffer.alloc(count * 4))]]))
  it.each<readonly [string, readonly ZipPart[], boolean]>([
    ['weights', [weights], true],
    ['weights beside data', [{ name: 'a.npy', data: wide(2_000) }, weights], true],
    ['a checkpoint', [{ name: 'a.pt', data: buildTorchZip(largeState) }], true],
    ['fewer parameters than any model', [{ name: 'a.safetensors', data: tensors(999) }], false],
    ['a large array', [text, { name: 'a.npy', data: wide(500_000) }], false],
    ['arrays called as weights', [{ name: 'a.npz', data: buildNpz(namedArrays) }], false],
    ['a large pickle', [{ name: 'a.pkl', data: listOf(400_000) }], false],
    ['a wheel', [weights, { name: 'x-1.0.dist-info/RECORD', data: Buffer.from('x') }], false],
    ['a jar', [{ name: 'META-INF/MANIFEST.MF', data: Buffer.from('x') }, weights], false],
    ['a document', [{ name: '[Content_Types].xml', data: Buffer.from('x') }, weights], false],
    ['a folder that only sounds like a wheel', [weights, { name: 'a.dist-info', data: Buffer.from('x') }], true],
  ])('with %s: a model, or none', async (_, parts, isModel) => {
    const place = mkdtempSync(join(folder, 'generic-'))
    const path = join(place, 'a.zip')
    writeFileSync(path, buildZip(parts))

    const one = await inspectFile(path)

    expect(one).toMatchObject({ format: 'zip', verdict: 'unchecked' })
    expect(one.fingerprint.structure === undefined).toBe(!isModel)
    expect((await readFolder(place)).map(({ format }) => format)).toEqual(isModel ? ['zip'] : [])
  })

  it('without weights are data, and no inventory of a sweep', async () => {
    const place = mkdtempSync(join(folder, 'sweep-'))
    writeFileSync(join(place, 'a.zip'), buildZip([{ name: 'readme.txt', data: Buffer.from('x') }]))

    expect(await readFolder(place)).toEqual([])
  })

  it.each<readonly [string, readonly ZipPart[], string]>([
    ['encrypted members', [{ name: 'a.bin', data: Buffer.from('x'), isEncrypted: true }], 'unscannable'],
    ['a member that is there twice', [1, 2].map(() => ({ name: 'a', data: Buffer.from('x') })), 'malformed'],
    ['a bomb', [{ name: 'a.bin', method: 8, data: Buffer.alloc(40_000_000) }], 'malformed'],
    ['a bomb that lies', [{ name: 'a.bin', method: 8, data: Buffer.alloc(40_000_000), sizeBytes: 10 }], 'malformed'],
  ])('are told by %s', async (_, parts, verdict) => {
    expect((await inspectZip(parts)).verdict).toBe(verdict)
  })

  it('inside archives are followed three deep', async () => {
    const nest = (depth: number): Buffer =>
      depth === 0
        ? tensors(1_000)
        : buildZip([{ name: depth === 1 ? 'a.safetensors' : 'a.zip', data: nest(depth - 1) }])

    const shallow = await inspectFile(write('shallow.zip', nest(3)))
    const deep = await inspectFile(write('deep.zip', nest(6)))

    expect(shallow).toMatchObject({ verdict: 'unchecked' })
    expect(shallow.fingerprint.structure?.parameterCount).toBe(1_000)
    expect(deep.verdict).toBe('malformed')
  })

  it('cut before their directory are malformed', async () => {
    expect((await inspectFile(write('cut.zip', zippedWeights().subarray(0, 200)))).verdict).toBe('malformed')
  })

  it.each<readonly [string, Buffer, string]>([
    ['with a list of members that are not there', sevenZipHeader({ list: Buffer.from([0x17, 6, 0]) }), 'malformed'],
    ['without', sevenZipHeader(), 'unchecked'],
    ['cut', sevenZipHeader({ size: 99 }), 'malformed'],
    ['with a wrong checksum', sevenZipHeader({ checksum: 1 }), 'malformed'],
  ])('of 7-Zip %s', async (_, bytes, verdict) => {
    expect(await inspectFile(write('a.7z', bytes))).toMatchObject({ format: '7z', verdict })
  })
})

describe('side files', () => {
  it('tell the tokenizer and the digest of its template, whole or in a list', async () => {
    const sha256 = createHash('sha256').update(CHAT_TEMPLATE).digest('hex')
    const listed = {
      model_type: 't5',
      tokenizer_class: 'X',
      chat_template: [{ name: 'default', template: CHAT_TEMPLATE }],
    }

    for (const bytes of [tokenizerConfig(), JSON.stringify(listed)]) {
      const { format, fingerprint } = await inspectFile(write('t.json', bytes))

      expect(format).toBe('hf-tokenizer-config')
      expect(fingerprint.container?.['chatTemplateSha256']).toBe(sha256)
      expect(fingerprint.claims?.chatTemplateDigest).toBe(`tpl1:${sha256}`)
    }
  })

  it('tell the model of a configuration, and the shards of an index', async () => {
    const config = await inspectFile(write('c.json', modelConfig()))
    const index = await inspectFile(write('i.json', shardIndex()))

    expect(config).toMatchObject({ format: 'hf-config', verdict: 'unchecked' })
    expect(config.fingerprint.container).toMatchObject({ modelType: 'llama', quantization: 'awq', hasOwnCode: false })
    expect(index).toMatchObject({ format: 'hf-index', verdict: 'unchecked' })
    expect(index.fingerprint.container).toEqual({ totalSize: 1234, tensorCount: 2, shards: 2 })
  })

  it('are malformed when they are cut', async () => {
    const cut = tokenizerConfig().subarray(0, 120)

    expect(await inspectFile(write('t.json', cut))).toMatchObject({
      format: 'hf-tokenizer-config',
      verdict: 'malformed',
    })
  })

  it('are not any JSON', async () => {
    for (const text of ['{"name": "x", "version": "1.0"}', '{"model_type": "car"}', '[1, 2]']) {
      expect((await inspectFile(write('x.json', text))).verdict).toBe('not-a-model')
    }
  })
})
