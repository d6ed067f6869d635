import { describe, expect, it } from '@jest/globals'
import { artifactTrail, runtimeTrail } from '../../../agent/show/byte-trail.ts'
import { headerFacts, hexLines } from '../../../agent/show/first-bytes.ts'
import { artifact, runtime } from '../../rules/judged-subjects.ts'

const GGUF = '474755460300000023010000000000001800000000000000100000000000000067656e'.slice(0, 64)
const part = (firstBytes: string, headerBytes?: number) => ({
  path: "/home/ann/it's",
  sizeBytes: 9_000,
  role: 'weights' as const,
  firstBytes,
  ...(headerBytes === undefined ? {} : { headerBytes }),
})

describe('hexLines', () => {
  it('show bytes as xxd does', () => {
    expect(hexLines(GGUF)).toEqual([
      '00000000: 4747 5546 0300 0000 2301 0000 0000 0000  GGUF....#.......',
      '00000010: 1800 0000 0000 0000 1000 0000 0000 0000  ................',
    ])
    expect(hexLines('1b5d30')).toEqual(['00000000: 1b5d 30                                  .]0'])
  })
})

describe('headerFacts', () => {
  const rows: readonly (readonly [string, string, string, readonly string[]])[] = [
    [
      'gguf',
      'version 3',
      GGUF,
      [
        'byte 4: version 3 (uint32, little-endian)',
        'byte 8: 291 tensors (uint64)',
        'byte 16: 24 keys of metadata (uint64)',
      ],
    ],
    [
      'gguf',
      'big-endian',
      '47475546000000030000000000000123000000000000001800',
      ['byte 4: version 3 (uint32, big-endian)', 'byte 8: 291 tensors (uint64)'],
    ],
    [
      'gguf',
      'version 1',
      '474755460100000023010000180000000000000000000000',
      ['byte 8: 291 tensors', 'byte 12: 24 keys'],
    ],
    ['gguf', 'cut', '47475546', ['byte 0: "GGUF": the first bytes by which gguf was recognised']],
    [
      'safetensors',
      'header length',
      '40000000000000007b22',
      ['byte 0: the header has 64 bytes (uint64, little-endian)'],
    ],
    ['pytorch-zip', 'any other', '504b0304', ['byte 0: "PK..": the first bytes by which pytorch-zip was recognised']],
  ]
  it.each(rows)('%s, %s', (format, _name, firstBytes, wanted) => {
    expect(headerFacts(part(firstBytes), format)).toEqual(expect.arrayContaining([...wanted]))
  })

  it('says where the header ends', () => {
    expect(headerFacts(part(GGUF, 4_096), 'gguf')).toContain('byte 4096: the header ends here, data of tensors follows')
  })
})

describe('artifactTrail', () => {
  it('quotes the path in its command, and has none for a file that only a process leads to', () => {
    const [step] = artifactTrail(artifact({ parts: [part(GGUF)] }))
    const [gone] = artifactTrail(artifact({ parts: [{ ...part(GGUF), path: 'unlinked:/x' }] }))

    expect(step?.check).toBe("ls -li -- $'/home/ann/it\\047s'; xxd -l 32 -- $'/home/ann/it\\047s'")
    expect(gone?.check).toBeNull()
  })

  it('says nothing of a model whose bytes were not kept', () => {
    expect(artifactTrail(artifact())).toEqual([])
  })
})

describe('runtimeTrail', () => {
  it('leads to process, program, range, engine string, listener and answer', () => {
    const [held] = runtime().weights
    if (held === undefined) throw new Error('no weights')
    const steps = runtimeTrail(
      runtime({
        executable: { path: '/home/ann/bin/notes', isDeleted: true, dev: '2049', inode: '77' },
        weights: [
          { ...held, isDeleted: true, dev: '2049', inode: '88', procLink: 'map_files/7f00-7f10' },
          { ...held, how: 'open', dev: '2049', inode: '99', procLink: 'fd/12' },
        ],
        engines: [{ id: 'ggml', path: '/opt/$(id)/lib.so', text: 'llama_model_loader', offset: 4_321 }],
        api: { opensWithoutKey: true, models: [], asked: [{ port: 9999, path: '/v1/models', status: 200 }] },
      }),
    )

    expect(steps.map(({ says }) => says)).toEqual([
      expect.stringContaining('process 812, started 2026-11-22T10:00:00.000Z'),
      'runs /home/ann/bin/notes (its name is gone), device 2049, inode 77',
      'maps /home/ann/notes at 7f00-7f10, device 2049, inode 88, 4661211808 bytes, its name is gone',
      'holds open /home/ann/notes as fd/12, device 2049, inode 99, 4661211808 bytes, not deleted',
      'engine ggml: "llama_model_loader" at byte 4321 of /opt/$(id)/lib.so',
      'listens on 127.0.0.1:9999',
      'the metadata request GET /v1/models at port 9999 was answered with status 200',
    ])
    expect(steps.map(({ check }) => check)).toEqual([
      'LC_ALL=C TZ=UTC0 ps -o pid=,lstart=,comm= -p 812',
      "readlink /proc/812/exe; stat -L -c 'device %d, inode %i, %s bytes' /proc/812/exe",
      "grep -F 7f00-7f10 /proc/812/maps; stat -L -c 'device %d, inode %i, %s bytes' /proc/812/map_files/7f00-7f10; xxd -l 32 /proc/812/map_files/7f00-7f10",
      "readlink /proc/812/fd/12; stat -L -c 'device %d, inode %i, %s bytes' /proc/812/fd/12; xxd -l 32 /proc/812/fd/12",
      "xxd -s 4321 -l 18 -- '/opt/$(id)/lib.so'",
      "ss -tlnp 'sport = :9999'",
      "curl --noproxy '*' -s -o /dev/null -w '%{http_code}\\n' -- http://127.0.0.1:9999/v1/models",
    ])
  })
})
