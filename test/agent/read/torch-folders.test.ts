// Archives of torch.save with more than one folder that has a pickle: torch loads that of the first member, others that of the last.
import { expect, it } from '@jest/globals'
import { LINEAR_STORAGES, type Py, buildPickle, linearState, orderedDict, torchMembers } from '../../build-pickle.ts'
import { type ZipPart, buildZip } from '../../build-zip.ts'
import { readBytes } from './read-bytes.ts'

const model = torchMembers({ value: orderedDict(linearState()), storages: LINEAR_STORAGES })
const EMPTY: Py = new Map()
const EVIL: Py = { call: 'os.system', args: ['id'] }

function decoy(root: string, value: Py): readonly ZipPart[] {
  return [
    { name: `${root}data.pkl`, data: buildPickle(value) },
    { name: `${root}version`, data: Buffer.from('3\n') },
  ]
}

it.each<readonly [string, readonly ZipPart[]]>([
  ['in front of the model', [...decoy('aaa/', EMPTY), ...model]],
  ['behind the model', [...model, ...decoy('zzz/', EMPTY)]],
  ['at the top', [...decoy('', EMPTY), ...model]],
])('a folder %s hides no weights, and is blamed', (_, parts) => {
  const { format, weights, verdict, codes } = readBytes(buildZip(parts))

  expect({ format, verdict }).toEqual({ format: 'pytorch-zip', verdict: 'malformed' })
  expect(codes).toEqual(['GNO_READ_INVALID'])
  expect(weights?.tensors.map(({ name }) => name)).toEqual(['fc.weight', 'fc.bias'])
})

it.each<readonly [string, readonly ZipPart[]]>([
  ['in front of the model', [...decoy('aaa/', EVIL), ...model]],
  ['behind the model', [...model, ...decoy('zzz/', EVIL)]],
])('what a folder %s would call is told, whichever is loaded', (_, parts) => {
  const { weights } = readBytes(buildZip(parts))

  expect(weights?.facts?.get('globals')).toContain('os.system')
  expect(weights?.facts?.get('globals')).toContain('torch._utils._rebuild_tensor_v2')
})

it('a thousand folders are not all read, and that is told', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => decoy(`${index}/`, EMPTY)).flat()

  const { weights, codes } = readBytes(buildZip([...model, ...many]))

  expect(weights?.tensors).toHaveLength(2)
  expect(codes).toEqual(['GNO_READ_INVALID', 'GNO_READ_SKIPPED'])
})

it('a model of one folder is blamed for nothing', () => {
  expect(readBytes(buildZip(model))).toMatchObject({ format: 'pytorch-zip', verdict: 'unchecked', codes: [] })
})
