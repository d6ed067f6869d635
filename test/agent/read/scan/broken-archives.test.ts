// Archives of every format whose members are locked, packed in a way that nobody knows, or described in two ways: never clean.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { type ZipPart, buildZip } from '../../../build-zip.ts'
import { judgeFile } from './judge-file.ts'

function part(name: string, content: string | Buffer): ZipPart {
  return { name, data: Buffer.from(content) }
}

const CONFIG = '{"class_name": "Sequential", "module": "keras", "config": {"layers": []}, "registered_name": null}'
const SCHEMA =
  '{"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}, "protocol": 1, "_skops_version": "0.10"}'
const NPY_HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".padEnd(117)
const NPY = Buffer.concat([Buffer.from(`\u0093NUMPY\u0001\0v\0${NPY_HEADER}\n`, 'latin1'), Buffer.alloc(8)])

const ARCHIVES: Readonly<Record<string, readonly ZipPart[]>> = {
  'model.keras': [part('metadata.json', '{"keras_version": "3.5.0"}'), part('config.json', CONFIG)],
  'model.skops': [part('schema.json', SCHEMA)],
  'arrays.npz': [part('a.npy', NPY)],
  'model.pt': [part('archive/data.pkl', '\u0080\u0002}.'.slice(0)), part('archive/version', '3\n')],
  'model.zip': [part('weights.pkl', Buffer.from([0x80, 2, 0x7d, 0x2e])), part('notes.txt', 'nothing to see')],
}

const BREAKS: Readonly<Record<string, (member: ZipPart) => ZipPart>> = {
  encrypted: (member) => ({ ...member, isEncrypted: true, data: randomBytes(64) }),
  'packed with an unknown method': (member) => ({ ...member, method: 97 }),
  'packed with another method by its own header': (member) => ({ ...member, local: { method: 8 } }),
  'of another size by its own header': (member) => ({ ...member, local: { sizeBytes: 3, packedBytes: 3 } }),
  'of another name in its own header': (member) => ({ ...member, localName: 'x'.repeat(member.name.length) }),
  'of a size of zip64 that is not there': (member) => ({ ...member, wide: [1n << 40n, 1n << 40n, 0n] }),
  'said to lie behind the end': (member) => ({ ...member, headerAt: 0x7fff_0000 }),
}

describe('an archive whose member is', () => {
  for (const [how, lie] of Object.entries(BREAKS)) {
    it.each(Object.keys(ARCHIVES))(`${how} is never clean: %s`, async (name) => {
      const parts = ARCHIVES[name] ?? []
      for (const [index] of parts.entries()) {
        const broken = parts.map((each, at) => (at === index ? lie(each) : each))
        const { verdict } = await judgeFile(name, buildZip(broken))

        expect(['suspicious', 'malformed', 'malicious', 'unscannable']).toContain(verdict)
      }
    })
  }

  it.each(Object.keys(ARCHIVES))('as it should be is not accused of that: %s', async (name) => {
    const { verdict } = await judgeFile(name, buildZip(ARCHIVES[name] ?? []))

    expect(['clean', 'malformed']).toContain(verdict)
  })
})
