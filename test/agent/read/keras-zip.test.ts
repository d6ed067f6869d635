// Archives of Keras 3 and DDUF pipelines: what their members say, and where their tensors lie in the archive.
import { describe, expect, it } from '@jest/globals'
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { dduf } from '../../../agent/read/dduf.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { kerasZip } from '../../../agent/read/keras-zip.ts'
import { Look } from '../../../agent/read/look.ts'
import { nestedReader } from '../../../agent/read/sniff-format.ts'
import type { FormatReader, WeightsPart } from '../../../agent/read/weights.ts'
import { buildHdf5 } from '../../build-hdf5.ts'
import { ddufMembers, kerasMembers } from '../../build-keras-zip.ts'
import { type ZipPart, buildZip } from '../../build-zip.ts'

function read(reader: FormatReader, bytes: Uint8Array): { readonly part: WeightsPart; readonly gaps: GapList } {
  const gaps = new GapList('')
  const look = new Look(memoryBytes(bytes), '')
  const part = reader.read(new Cursor(memoryBytes(bytes)), gaps, { look, readNested: nestedReader() })
  return { part, gaps }
}

const withMember = (members: readonly ZipPart[], changed: Partial<ZipPart> & { readonly name: string }): Buffer =>
  buildZip(members.map((member) => (member.name === changed.name ? { ...member, ...changed } : member)))

describe('Keras archives', () => {
  it.each([
    [0, 4],
    [8, null],
  ])('tell versions, classes and tensors, with weights packed by method %i', (method, bytesOfBias) => {
    const archive = withMember(kerasMembers(), { name: 'model.weights.h5', method })

    const { part, gaps } = read(kerasZip, archive)

    expect(kerasZip.recognise(new Look(memoryBytes(archive), ''))).toBe(true)
    expect(gaps.list()).toEqual([])
    expect(part.formatVersion).toBe('3.8.0')
    expect(Object.fromEntries(part.facts ?? [])).toEqual({
      memberCount: 3,
      kerasVersion: '3.8.0',
      dateSaved: '2026-01-02@03:04:05',
      classNames: '{"Sequential":1,"Dense":1}',
      layers: 1,
      datasets: 3,
      elements: 9,
    })
    expect(part.tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['layers/dense/vars/0', [3, 2]],
      ['layers/dense/vars/1', [2]],
    ])
    expect(part.tensors[1]?.bytes).toBe(bytesOfBias === null ? null : 8)
  })

  it('place tensors where they lie in the archive', () => {
    const weights = buildHdf5({
      children: { layers: { children: { vars: { children: { w: { shape: [2], data: Buffer.from('ABCDEFGH') } } } } } },
    })
    const archive = withMember(kerasMembers(), { name: 'model.weights.h5', data: weights })

    const [tensor] = read(kerasZip, archive).part.tensors

    expect(archive.toString('latin1', tensor?.offset, (tensor?.offset ?? 0) + 8)).toBe('ABCDEFGH')
  })

  it.each<readonly [string, Partial<ZipPart> & { readonly name: string }, string]>([
    ['their configuration is no JSON', { name: 'config.json', data: Buffer.from('{"class_name"') }, 'malformed'],
    ['their weights are cut', { name: 'model.weights.h5', data: buildHdf5({}).subarray(0, 40) }, 'malformed'],
    [
      'their configuration unpacks to more than is read',
      { name: 'config.json', method: 8, data: Buffer.alloc(9_000_000) },
      'malformed',
    ],
    ['their weights are encrypted', { name: 'model.weights.h5', isEncrypted: true }, 'unscannable'],
  ])('are not passed over when %s', (_, changed, verdict) => {
    expect(read(kerasZip, withMember(kerasMembers(), changed)).gaps.verdict()).toBe(verdict)
  })

  it('are malformed when a member is there twice', () => {
    const members = kerasMembers()

    expect(read(kerasZip, buildZip([...members, ...members.slice(1, 2)])).gaps.verdict()).toBe('malformed')
  })
})

describe('DDUF pipelines', () => {
  it('name their components, and the tensors in each', () => {
    const { part, gaps } = read(dduf, buildZip(ddufMembers()))

    expect(gaps.list()).toEqual([])
    expect(Object.fromEntries(part.facts ?? [])).toEqual({
      memberCount: 4,
      components: 2,
      pipeline: 'FluxPipeline',
      diffusersVersion: '0.31.0',
    })
    expect(part.tensors.map(({ name }) => name)).toEqual(['vae/w', 'transformer/w'])
  })

  it('are no DDUF when a member is packed, and malformed when weights are none', () => {
    const packed = withMember(ddufMembers(), { name: 'vae/config.json', method: 8 })
    const broken = withMember(ddufMembers(), {
      name: 'vae/diffusion_pytorch_model.safetensors',
      data: Buffer.from('no weights'),
    })

    expect(dduf.recognise(new Look(memoryBytes(packed), ''))).toBe(false)
    expect(read(dduf, broken).gaps.verdict()).toBe('malformed')
  })
})

describe('an archive of more files of weights than are read', () => {
  it.each<readonly [FormatReader, readonly ZipPart[], string, number]>([
    [dduf, ddufMembers(), 'vae/%.safetensors', 256],
    [kerasZip, kerasMembers(), '%.weights.h5', 64],
  ])('says how many were left', (reader, members, name, limit) => {
    const weights = members.at(-1)
    const more = Array.from({ length: limit + 3 }, (_, index) => ({
      ...weights,
      name: name.replace('%', String(index)),
      data: weights?.data ?? Buffer.alloc(0),
    }))

    const { gaps } = read(reader, buildZip([...members.slice(0, 2), ...more]))

    expect(gaps.list().map(({ code, detail }) => `${code} ${detail}`)).toContain(
      'GNO_READ_SKIPPED 3 further files of weights',
    )
  })
})
