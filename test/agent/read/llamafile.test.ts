// llamafiles, good and lying: each case is built so that one field is wrong.
import { describe, expect, it } from '@jest/globals'
import { llamafile } from '../../../agent/read/llamafile.ts'
import { LLAMAFILE_SAMPLES, buildLlamafile } from '../../build-llamafile.ts'
import { buildZip } from '../../build-zip.ts'
import { formatOf, readBytes, sample } from './give-bytes.ts'

it.each(Object.entries(LLAMAFILE_SAMPLES))('the committed sample %s is what the builder makes', (path, bytes) => {
  expect(sample(path).equals(bytes)).toBe(true)
})

describe('a llamafile', () => {
  it.each([
    ['an actually portable executable', Buffer.from("MZqFpD='\n")],
    ['a program of Linux', Buffer.from('\u007fELF\u0002\u0001\u0001 and so on')],
    ['a program of Windows', Buffer.from('MZ\u0090\u0000\u0003')],
  ])('as %s gives the claims and tensors of its model, at their places in the whole file', (_kind, program) => {
    const bytes = buildLlamafile({ program, align: 32 })

    const { part, facts, codes } = readBytes(llamafile, bytes)

    const [tensor] = part.tensors
    expect([formatOf(bytes), codes, part.claims.name]).toEqual(['llamafile', ['GNO_READ_SKIPPED'], 'Tiny'])
    expect(part.hyperparameters.architecture).toBe('llama')
    expect(tensor?.name).toBe('output_norm.weight')
    expect(tensor?.offset).toBeGreaterThan(bytes.indexOf('GGUF'))
    expect(part.headerBytes).toBe(tensor?.offset)
    expect(facts).toMatchObject({ isProgram: true, modelCount: 1, nestedFormat: 'gguf' })
  })

  it('tells how many arguments it gives itself, and no more of them than the names of switches', () => {
    const { facts } = readBytes(llamafile, buildLlamafile())

    expect(facts).toMatchObject({ argumentCount: 5, switches: '-m --temp' })
  })

  it('is none without a program in front, or without a model behind it', () => {
    const archive = buildZip([{ name: 'readme.txt', data: Buffer.from('hello') }], { prefix: Buffer.from('MZ\u0090') })

    expect(formatOf(buildLlamafile({ program: Buffer.alloc(0) }))).not.toBe('llamafile')
    expect(formatOf(archive, 'setup.exe')).not.toBe('llamafile')
  })

  const model = (lie: object) => buildLlamafile({ model: lie })
  it.each([
    ['a model that ends behind the file', 'GNO_READ_TRUNCATED', model({ packedBytes: 90_000 })],
    ['text for a model', 'GNO_READ_INVALID', model({ data: Buffer.from('no model at all, but a text') })],
    ['a model at another place', 'GNO_READ_INVALID', model({ headerAt: 7 })],
    ['a deflated model', 'GNO_READ_LOCKED', model({ method: 8 })],
    ['an encrypted model', 'GNO_READ_LOCKED', model({ isEncrypted: true })],
    [
      'two models of one name',
      'GNO_READ_INVALID',
      buildLlamafile({
        more: [{ name: 'tiny.gguf', data: Buffer.from('GGUF') }],
      }),
    ],
    ['a command line of megabytes', 'GNO_READ_LIMIT', buildLlamafile({ arguments: '-x\n'.repeat(30_000) })],
    ['more members than its directory', 'GNO_READ_INVALID', buildLlamafile({ count: 60_000 })],
  ])('with %s says so', (_lie, code, bytes) => {
    const { codes, gaps } = readBytes(llamafile, bytes)

    expect(codes).toContain(code)
    expect(gaps.verdict()).not.toBe('unchecked')
  })
})
