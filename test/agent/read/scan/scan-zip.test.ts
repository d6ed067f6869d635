// What the scan of zip archives tells: pickles under any name and at any place, and archives that readers see differently. Rows name the
// advisories of notes/corpora.md section 5.
import { describe, expect, it } from '@jest/globals'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { buildNpy, buildNpz } from '../../../build-npy.ts'
import {
  type Py,
  LINEAR_STORAGES,
  buildPickle,
  buildTorchZip,
  linearState,
  orderedDict,
  tarMember,
} from '../../../build-pickle.ts'
import { buildMar, linearCheckpoint } from '../../../build-torch-archives.ts'
import { type ZipPart, buildZip } from '../../../build-zip.ts'
import { build7z } from '../../../build-7z.ts'
import { judgeContainer } from './judge-container.ts'

const SYSTEM: Py = { call: 'os.system', args: ['id'] }
const evil = buildPickle(SYSTEM)
const calm = Buffer.from('nothing to see here')

function withMember(part: Partial<ZipPart> & Pick<ZipPart, 'name'>): Buffer {
  const more = [{ data: evil, ...part }]
  return buildTorchZip({ value: orderedDict(linearState()), storages: LINEAR_STORAGES, more })
}

describe('members that are not looked at to their end', () => {
  const gguf = Buffer.concat([Buffer.from('GGUF\x03\0\0\0'), Buffer.alloc(16)])

  it('keeps an archive with a packed model that is too large from being clean', async () => {
    const data = Buffer.concat([gguf, Buffer.alloc(68_000_000)])
    expect(await judgeContainer(buildZip([{ name: 'model.gguf', data, method: 8 }]), 'a.zip')).toMatchObject({
      verdict: 'suspicious',
      isWhole: false,
    })
  })

  it('keeps an archive of more members than are looked at from being clean', async () => {
    const notes = Array.from({ length: 520 }, (_, index) => ({ name: `n${index}.txt`, data: calm }))
    const last = { name: 'tokenizer_config.json', data: Buffer.from('{}') }
    const hiding = await judgeContainer(buildZip([...notes, last]), 'a.zip')
    expect(hiding).toMatchObject({ verdict: 'suspicious', isWhole: false })
    expect(await judgeContainer(buildZip(notes), 'a.zip')).toMatchObject({ verdict: 'clean', isWhole: true })
  })
})

/** What a writer that cannot seek puts behind the data. */
function descriptorOf(data: Uint8Array): Buffer {
  const bytes = Buffer.from('PK\x07\x08aaaabbbbcccc', 'latin1')
  bytes.writeUInt32LE(crc32(data), 4)
  bytes.writeUInt32LE(data.length, 8)
  bytes.writeUInt32LE(data.length, 12)
  return bytes
}

describe('ordinary archives', () => {
  it.each([
    ['a checkpoint', linearCheckpoint(), 'a.pt', 'pytorch-zip'],
    ['arrays', buildNpz({ a: {}, b: { descr: '<i8', shape: '2' } }), 'a.npz', 'numpy'],
    ['deflated arrays', buildNpz({ a: {}, b: {} }, 8), 'a.npz', 'numpy'],
    [
      'texts',
      buildZip([
        { name: 'a/readme.txt', data: calm, method: 8 },
        { name: 'b/', data: Buffer.alloc(0) },
      ]),
      'a.zip',
      'zip',
    ],
    [
      'one that ends with zip64 records',
      buildZip([{ name: 'readme.txt', data: calm }], { isZip64: true }),
      'a.zip',
      'zip',
    ],
    ['an archive for TorchServe', buildMar(), 'linear.mar', 'pytorch-mar'],
    [
      'sizes behind the data',
      buildZip([{ name: 'a.txt', data: calm, flags: 8, behind: descriptorOf(calm) }]),
      'a.zip',
      'zip',
    ],
  ])('lets %s be clean', async (_, bytes, name, format) => {
    const { verdict, names, format: found } = await judgeContainer(bytes, name)
    expect({ verdict, names, format: found }).toMatchObject({ verdict: 'clean', format })
  })
})

describe('pickles in zip archives', () => {
  const inner = buildTorchZip({ value: SYSTEM })
  it.each([
    ['data.pkl', buildTorchZip({ value: SYSTEM })],
    ['a member of another name (CVE-2025-1889)', withMember({ name: 'archive/extra/config.yaml' })],
    ['a member without an ending (CVE-2025-10155)', withMember({ name: 'archive/notes' })],
    ['a storage that begins like a pickle', withMember({ name: 'archive/data/99' })],
    ['a deflated member', withMember({ name: 'archive/.hidden', method: 8 })],
    ['an archive in an archive', buildZip([{ name: 'inner.pt', data: inner }])],
    [
      'an archive in one in one',
      buildZip([{ name: 'a.bin', data: buildZip([{ name: 'b', data: inner, method: 8 }]) }]),
    ],
    ['a tar in an archive', buildZip([{ name: 'inner', data: tarMember('x', evil) }])],
    [
      'a 7z in an archive',
      buildZip([{ name: 'inner', data: build7z([{ name: 'x', data: evil }], { coder: 'lzma2' }) }]),
    ],
    ['a gzip in an archive', buildZip([{ name: 'inner', data: gzipSync(evil) }])],
    [
      'objects in an array (CVE-2019-6446)',
      buildZip([{ name: 'a.npy', data: buildNpy({ descr: '|O', data: evil }), method: 8 }]),
    ],
    ['objects whose type is escaped', buildZip([{ name: 'a.npy', data: buildNpy({ descr: '|\\x4f', data: evil }) }])],
    ['a member behind junk', buildZip([{ name: 'weights.dat', data: Buffer.concat([Buffer.alloc(9, 1), evil]) }])],
    ['a pickle in text', buildZip([{ name: 'a', data: Buffer.from("cos\nsystem\n(S'id'\ntR.") }])],
  ])('finds one in %s', async (_, bytes) => {
    const { verdict, names } = await judgeContainer(bytes, 'model.pt')
    expect(names).toContain('os.system')
    expect(verdict).toBe('malicious')
  })

  it('says in which member the call stands', async () => {
    const { actions } = await judgeContainer(withMember({ name: 'archive/notes' }), 'model.pt')
    expect(actions.filter(({ name }) => name === 'os.system')).toMatchObject([{ member: 'archive/notes' }])
  })
})

describe('archives that readers see differently', () => {
  it.each([
    ['header-disagreement', 'CVE-2025-1944: another name in its own header', { name: 'a.pkl', localName: 'b.txt' }],
    [
      'header-disagreement',
      'another size in its own header',
      { name: 'a.pkl', local: { sizeBytes: 3, packedBytes: 3 } },
    ],
    ['header-disagreement', 'another method in its own header', { name: 'a.pkl', local: { method: 8 } }],
    ['odd-flags', 'CVE-2025-1945: patched data', { name: 'a.pkl', flags: 0x20 }],
    ['odd-flags', 'CVE-2025-1945: strong encryption', { name: 'a.pkl', flags: 0x40 }],
    ['encryption-pretended', 'CVE-2025-1945: encrypted, and plain', { name: 'a.pkl', isEncrypted: true }],
    ['encryption-pretended', 'encrypted, and deflated', { name: 'a.pkl', isEncrypted: true, method: 8 }],
    ['wrong-checksum', 'CVE-2025-10156: a bad checksum', { name: 'a.pkl', crc32: 1 }],
    ['unlisted-member', 'a member that the directory does not list', { name: 'a.pkl', isUnlisted: true }],
    ['climbs-out', 'a name that climbs out', { name: '../../a.pkl' }],
    ['climbs-out', 'a name that climbs out as Windows writes it', { name: 'x\\..\\..\\a.pkl' }],
    ['absolute-name', 'a name from the root', { name: '/etc/a.pkl' }],
    ['drive-name', 'a name on a drive', { name: 'C:\\a.pkl' }],
    ['nul-in-name', 'a name with a zero', { name: 'a.pkl\0.txt' }],
    ['invisible-name', 'a name that turns direction', { name: 'a\u202elkp.txt' }],
  ] as const)('tells %s for %s, and the call all the same', async (trick, _, part) => {
    const { names, verdict } = await judgeContainer(withMember(part), 'model.pt')
    expect(names).toEqual(expect.arrayContaining([trick, 'os.system']))
    expect(verdict).toBe('malicious')
  })

  it.each([
    ['link', 'a link', { name: 'a', mode: 0o120777, data: Buffer.from('b') }, 'suspicious'],
    [
      'link-climbs-out',
      'a link that leads out',
      { name: 'a', mode: 0o120777, data: Buffer.from('../../b') },
      'malicious',
    ],
    [
      'link-climbs-out',
      'a link to the root',
      { name: 'a', mode: 0o120777, data: Buffer.from('/etc/passwd') },
      'malicious',
    ],
    ['climbs-out', 'a harmless member that climbs out', { name: '../x.txt', data: calm }, 'malicious'],
    [
      'header-disagreement',
      'harmless members as well',
      { name: 'a.txt', localName: 'b.txt', data: calm },
      'suspicious',
    ],
  ] as const)('tells %s for %s', async (trick, _, part, wanted) => {
    const { names, verdict } = await judgeContainer(buildZip([part]), 'model.zip')
    expect(names).toContain(trick)
    expect(verdict).toBe(wanted)
  })

  it('tells a name that is there twice, and looks at both', async () => {
    const bytes = buildZip([
      { name: 'data', data: evil },
      { name: 'data', data: calm },
    ])
    expect((await judgeContainer(bytes, 'a.zip')).names).toEqual(expect.arrayContaining(['name-twice', 'os.system']))
  })

  it('tells members that share bytes', async () => {
    const bytes = buildZip([
      { name: 'a', data: calm },
      { name: 'b', data: calm, headerAt: 0 },
    ])
    const { names, verdict } = await judgeContainer(bytes, 'a.zip')
    expect(names).toEqual(expect.arrayContaining(['members-overlap', 'header-disagreement']))
    expect(verdict).toBe('suspicious')
  })

  it('tells rival end records', async () => {
    const bytes = buildZip([{ name: 'readme.txt', data: calm }], { isZip64: true })
    // The classic record tells other members than that of zip64.
    const end = bytes.length - 22
    bytes.writeUInt16LE(0, end + 8)
    bytes.writeUInt16LE(0, end + 10)
    bytes.writeUInt32LE(0, end + 12)
    bytes.writeUInt32LE(bytes.length - 98, end + 16)
    const { names, verdict } = await judgeContainer(bytes, 'a.zip')
    expect(names).toEqual(expect.arrayContaining(['rival-directories', 'unlisted-member']))
    expect(verdict).toBe('suspicious')
  })
})

describe('bytes that belong to no member', () => {
  const archive = buildZip([{ name: 'readme.txt', data: calm }])
  it('finds a pickle in front of an archive', async () => {
    const { names, verdict } = await judgeContainer(Buffer.concat([evil, archive]), 'model.pkl')
    expect(names).toEqual(expect.arrayContaining(['os.system', 'bytes-before']))
    expect(verdict).toBe('malicious')
  })

  it('finds a pickle in an archive behind a pickle, and junk between', async () => {
    const bytes = Buffer.concat([
      buildPickle([1]),
      Buffer.alloc(40, 7),
      buildZip([{ name: 'x', data: evil, method: 8 }]),
    ])
    expect((await judgeContainer(bytes, 'model.pkl')).names).toContain('os.system')
  })

  it('finds a pickle behind an archive', async () => {
    const { names, verdict } = await judgeContainer(Buffer.concat([archive, Buffer.alloc(3, 1), evil]), 'a.zip')
    expect(names).toEqual(expect.arrayContaining(['os.system', 'bytes-behind']))
    expect(verdict).toBe('malicious')
  })

  it('finds a pickle between members', async () => {
    const bytes = buildZip([
      { name: 'a.txt', data: calm, behind: Buffer.concat([Buffer.from('zzzz'), evil]) },
      { name: 'b.txt', data: calm },
    ])
    expect((await judgeContainer(bytes, 'a.zip')).names).toEqual(expect.arrayContaining(['bytes-between', 'os.system']))
  })

  it('takes zeros between members for filling', async () => {
    const bytes = buildZip([
      { name: 'a.txt', data: calm, behind: Buffer.alloc(4_096) },
      { name: 'b.txt', data: calm },
    ])
    expect(await judgeContainer(bytes, 'a.zip')).toMatchObject({ verdict: 'clean', names: [] })
  })

  it('goes from header to header where the directory is cut off', async () => {
    const bytes = withMember({ name: 'archive/notes', method: 8 })
    const cut = bytes.subarray(0, bytes.lastIndexOf('PK\u0001\u0002') - 400)
    const { names, verdict } = await judgeContainer(Buffer.concat([cut, Buffer.alloc(8)]), 'model.pt')
    expect(names).toContain('no-directory')
    expect(verdict).not.toBe('clean')
  })
})

describe('what cannot be looked at', () => {
  it.each([
    ['an encrypted member', { name: 'a.pkl', data: Buffer.alloc(40, 0x5a), isEncrypted: true, crc32: 1 }],
    ['an unknown method', { name: 'a.pkl', data: Buffer.alloc(40, 0x5a), method: 98 }],
  ])('calls an archive with %s unscannable', async (_, part) => {
    expect(await judgeContainer(buildZip([part]), 'a.zip')).toMatchObject({ verdict: 'unscannable', isWhole: false })
  })

  it('never calls clean what is longer than is unpacked', async () => {
    const long = Buffer.concat([evil.subarray(0, evil.length - 1), Buffer.alloc(40_000_000, 0x4e)])
    const part = {
      name: 'data.pkl',
      data: calm,
      method: 8,
      packed: deflateRawSync(long),
      sizeBytes: long.length,
      crc32: 1,
    }
    const { verdict, isWhole } = await judgeContainer(buildZip([part]), 'a.zip')
    expect({ verdict, isWhole }).toEqual({ verdict: 'malformed', isWhole: false })
  })
})
