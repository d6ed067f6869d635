// joblib's dumps in every packing, and the unpackers written for them. The packed bytes are those of Debian 12's xz 5.4.1 (`xz -k`,
// `lzma -k`), bzip2 1.0.8 and lz4 1.9.4 (`lz4`, all without options), made once by hand of the file that `plain` builds.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, it } from '@jest/globals'
import { inspectFile } from './open-candidate.ts'
import { readBytes } from './read-bytes.ts'
import { type Packing, packingOf, unpackHead } from '../../../agent/read/unpack-head.ts'
import { patternBytes } from '../../build-gguf.ts'
import { buildJoblib, joblibArray } from '../../build-pickle.ts'

const plain = buildJoblib([
  joblibArray('f4', [2, 3], patternBytes(24, 1)),
  joblibArray('i2', [40], Buffer.alloc(80, 7)),
])

const PACKED = {
  xz: [
    'fd377a585a000004e6d6b4460200210116000000742fe5a3e001f500cd5d004000c7456f18efc471eb3fd87a7747053779ad0e010a9dcc2694efae0f',
    'e37276808c5f577caa3488ea1eb7b76e8dc7cc824e9fb890d2e6dcc409b9b30cf431106b762ef61b49bc8e1c501f841a29454584a1df09501aa42ea8',
    '64c787cdb070a5afc39e087804794bd88c3f090123f9ae76b192ab5302d446e8308ed257537f5e14068eda74360ac7274aa2c4ca729e2143fb0819fe',
    'fc77818f6ee5645b3a9bd158b78f09e449cf55e521b9672c15d53a0e66d57ce43b3ab6061fa5ee587dbcf27ae6efb98351aa755339f3656a00000000',
    '5215e07a4b54d5480001e901f60300000540356eb1c467fb020000000004595a',
  ].join(''),
  lzma: [
    '5d00008000ffffffffffffffff004000c7456f18efc471eb3fd87a7747053779ad0e010a9dcc2694efae0fe37276808c5f577caa3488ea1eb7b76e8d',
    'c7cc824e9fb890d2e6dcc409b9b30cf431106b762ef61b49bc8e1c501f841a29454584a1df09501aa42ea864c787cdb070a5afc39e087804794bd88c',
    '3f090123f9ae76b192ab5302d446e8308ed257537f5e14068eda74360ac7274aa2c4ca729e2143fb0819fefc77818f6ee5645b3a9bd158b78f09e449',
    'cf55e521b9672c15d53a0e66d57ce43b3ab6061fa5ee587dbcf27ae6efb98351aa755344a24a5afffb35d6cb',
  ].join(''),
  bz2: [
    '425a68393141592653595feea4410000c9ffeffad4600800615420281d10d2bfffdebb6460804042002008000802040000b0011a8412aa7a8c4c8683',
    '400680001a000d34da43d21cd313264d184c13134c026010c11811802aa9a084668ca69ea643d41a0001a190d3268010594c956d1969601b660df7a4',
    '7222fe9e2bb21c6a98d1b2a297e1a22646070323e3128a02fcc7b6799e541376d7624d76cee325617330b2648e96966e0d42cb3a36350ca9d9995333',
    '25459d8504e9947b4cad5b03435565b0a1b8ba832414a0a552c5d5c47696106645a143d4956d42faa44faa5a152e17591f1a522754ad420bebc914a2',
    '4170f66d22ad2b3a099853a441898b77657941e4685820100d934709080405e07454498ee405968744c294bdf3f294a8f542753f8bb9229c28482ff7',
    '522080',
  ].join(''),
  'lz4 frame': [
    '04224d186440a7ec000000f00b80035d28636a6f626c69622e6e756d70795f7069636b6c650a4e0d00f1144172726179577261707065720a29812864',
    '70300a285808000000737562636c617373633500400a6e64612b00300a58051c00a168617065284b024b03741000b16f726465725801000000431000',
    '5364747970653900010c00f1130a285802000000663489887452580a000000616c6c6f775f6d6d617088581b0000006600115f6400ff205f616c6967',
    '6e6d656e745f62797465734b10756202ffff0aec7e0c07984adbe57ab0b5118fcbc16d847b39896f5a7ddd00441f28db001b2f6932db00281f070100',
    '3950070707652e00000000d9e38773',
  ].join(''),
} as const

function packed(how: keyof typeof PACKED): Buffer {
  return Buffer.from(PACKED[how], 'hex')
}

/** joblib before 0.10: the length as text in front of a zlib stream. */
function oldFormat(): Buffer {
  return Buffer.concat([Buffer.from(`ZF0x${plain.length.toString(16)}`.padEnd(21)), deflateSync(plain)])
}

const folder = mkdtempSync(join(tmpdir(), 'gnomon-unpack-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function inspect(bytes: Uint8Array) {
  const path = join(folder, 'sample')
  writeFileSync(path, bytes)
  const { format, verdict, fingerprint } = await inspectFile(path)
  return { format, verdict, ...fingerprint }
}

const ways: readonly (readonly [packing: Packing, fact: string, bytes: Buffer])[] = [
  ['xz', 'lzma', packed('xz')],
  ['lzma', 'lzma', packed('lzma')],
  ['bz2', 'bz2', packed('bz2')],
  ['lz4 frame', 'lz4 frame', packed('lz4 frame')],
  ['zstd', 'zstd', zstdCompressSync(plain)],
  ['gzip', 'gzip', gzipSync(plain)],
  ['zlib', 'zlib', deflateSync(plain)],
  ['joblib ZF (zlib, old)', 'joblib ZF (zlib, old)', oldFormat()],
]

describe.each(ways)('a joblib dump in %s', (packing, fact, bytes) => {
  it('gives its arrays', async () => {
    const found = await inspect(bytes)

    expect(found).toMatchObject({ format: 'joblib', verdict: 'unchecked', container: { compression: fact } })
    const { tensors = [] } = readBytes(bytes).weights ?? {}
    expect(tensors.map(({ type, shape }) => ({ type, shape }))).toEqual([
      { type: 'F32', shape: [2, 3] },
      { type: 'I16', shape: [40] },
    ])
  })

  it('unpacks to what was packed, and never to more than was asked for', () => {
    expect(packingOf(bytes)).toBe(packing)
    expect(Buffer.from(unpackHead(bytes, packing, 4_096)?.bytes ?? []).equals(plain)).toBe(true)
    expect(unpackHead(bytes, packing, 100)?.bytes.length ?? 0).toBeLessThanOrEqual(100)
  })

  it('gives only a beginning when it is cut anywhere', () => {
    for (let size = 0; size < bytes.length; size += 1) {
      const found = Buffer.from(unpackHead(bytes.subarray(0, size), packing, 4_096)?.bytes ?? [])
      expect(plain.subarray(0, found.length).equals(found)).toBe(true)
    }
  })

  it('stays within its limit whatever bit is flipped', () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const broken = Buffer.from(bytes)
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(unpackHead(broken, packing, 2_048)?.bytes.length ?? 0).toBeLessThanOrEqual(2_048)
    }
  })
})

describe('what is damaged', () => {
  it.each(['xz', 'lzma', 'bz2', 'lz4 frame'] as const)('is malformed in %s when the end is missing', async (how) => {
    const bytes = how === 'bz2' ? Buffer.concat([packed(how), Buffer.alloc(40)]) : packed(how).subarray(0, -60)
    const wanted = how === 'bz2' ? 'unchecked' : 'malformed'

    expect(await inspect(bytes)).toMatchObject({ format: 'joblib', verdict: wanted })
  })

  it.each(['xz', 'lzma', 'bz2'] as const)('gives nothing of other bytes behind the magic of %s', (how) => {
    const bytes = Buffer.concat([packed(how).subarray(0, 14), patternBytes(2_000, 3)])

    expect(unpackHead(bytes, how, 65_536)?.bytes.length ?? 0).toBeLessThan(64)
  })
})

/** An estimator with 800 bytes that do not pack: one block of bzip2, longer than what is glanced at first (made once, by Python's bz2). */
const LONG_BLOCK = Buffer.from(
  [
    '425a68393141592653590e96aa270000dd7ffffbbffffffefffffffffffdffffbffffbfdf7bfffffffefffffff7fffdffbffffc0023aeedb',
    'bad5bb620000000000000000000000034000d00d00d0000000000000000000340190000019340688234d927a11e44d309b48d1e826234f51',
    '84c191334c81304c6a66a31321826000d04f53d41a3d1a000f541e9a36a991a30989a3047a27a23d47a4da353c531a01a264da3224f53d13',
    'd0d1a262794c993ca6d466a335184da0d4cd4cd4d3350f4c48da268cd27a32693d027a34d13436a30013043684da4f4688d36a30d41809e9',
    '1a608c268d3320d0001a26200d26983469ea2794c3434130269b46a6d130000684c4c99341a61a1a0004cd0000000342699a009b44609806',
    '82627900000686a600000001f52503c02a2cb458f7030d08d078ddc112ace70ab973a253bc4a43b432a4faa3a846d41a286ca93dd0bde262',
    '007a8f7d59a352d86e8e00976b7661f7c6284c073c81bf2e6be9d41c2bafe038c3c2e05069c12a218fdcc2d4bcf619c48e3a99ed6b15ec37',
    '20df0b358e3ddbeca1d6acb2ed467fd401026693c24bb0a00cedb642605735a2bdfc913c514f860fcd0693d915ae711b5eb08eb40507301f',
    '599fa057375746dcbe237ca98e0d6b3943d8c888a129923e4eabe55cdc31590d895301c253b18a88a110f758df4d30cfc3e4532d1ec9b276',
    'a991a915c610487fa0241e278d63222b00bbb619a08d1c1bc8645ae66e11880437db5b528dcb865cbaa1d6608b7f5fa04835aaf27600b0de',
    '746d52e686bd7bb3f0118903a430919709de76d0607365051f19399ee85960f92bbc5159e5c126da3c5ceba44863b2835ca943788c68bff9',
    '1f7e0eb680c84c5c731155f1032c941004a2592ea68fa34cb1d4f9c37cc6445b4f8708a57771086e868941062a4b9271f985ad30d3772922',
    '13783a25c47238e087c8b6f5495b2c134bdf3873353a681d323d7f794902cb86afdb9437c443e641894c0117b04889f507dd91fca082ee14',
    '51c4141817462960f607bc18922e5f19cf99b0e1e0c59272bb6b28027589619f49f6b9e3863fbba2ff064acf59b8feb2a9c6764c1c8a10e6',
    '4222a40640257ffd00c42f2fd7c7858ec4eda4135dc29948a7ea13a8a7002bafde148ea5dff16fd940180d3175e6c44ff8f0785f65b993ba',
    '051e3526f72b591aebd8cc897c8727c63e0b48eb507748a997cdd9014c713160641847caec0aabd91f89c3baaa48c8ea40f883ffe762b3b5',
    '3064b8b6078ca2b9f8beb69c0c975c754c45ffb81fb3d22c2d2821e7f11d8036a1ba9157bddfa2ea44090dc0284e96809f3bf5acffb15032',
    '6075546a3c0df150432c2682a24e6518995a1f77cc20085096ee74ea9fa62a7ffcc122a402b862f7951c20b302268c2761486b903e0837e7',
    'd8d4a47d2ce9ea2dca82814ed4d560f469d549bfe5488b1237a13327f5d3cbe6ad0f49ed7b30770023b5a497777b63c4241de02f0762f7dc',
    '0272618b8516683f7a289209ea5ac32336975810610a8169f4acfcf00da1fea7017b9d6598a00a823be2ee48a70a1201d2d544e0',
  ].join(''),
  'hex',
)

it('knows a dump in bz2 whose first block is longer than the first glance', async () => {
  expect(LONG_BLOCK.length).toBeGreaterThan(768)
  expect(await inspect(LONG_BLOCK)).toMatchObject({
    format: 'joblib',
    container: { globals: 'sklearn.svm._classes.SVC' },
  })
})

it('finds no model in other packed files', async () => {
  const text = Buffer.from('plain text, and more of it\n'.repeat(400))
  for (const bytes of [gzipSync(text), deflateSync(text), zstdCompressSync(text)]) {
    expect((await inspect(bytes)).format).not.toBe('joblib')
  }
})

it('does not blame a dump whose unpacked size is beyond what is read', async () => {
  const large = buildJoblib([joblibArray('f4', [10_000_000], Buffer.alloc(40_000_000))])

  expect(await inspect(gzipSync(large))).toMatchObject({ format: 'joblib', verdict: 'unchecked' })
  expect(await inspect(zstdCompressSync(large))).toMatchObject({ format: 'joblib', verdict: 'unchecked' })
})
