// What the scans of tar, 7z, packed files, lone arrays, TorchScript's text and safetensors' texts tell.
import { describe, expect, it } from '@jest/globals'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { build7z } from '../../../build-7z.ts'
import { buildNpy } from '../../../build-npy.ts'
import {
  type Py,
  LINEAR_STORAGES,
  buildPickle,
  buildTorchTar,
  buildTorchZip,
  linearState,
  orderedDict,
  tarMember,
} from '../../../build-pickle.ts'
import { buildSafetensors } from '../../../build-safetensors.ts'
import { judgeContainer } from './judge-container.ts'

const SYSTEM: Py = { call: 'os.system', args: ['id'] }
const evil = buildPickle(SYSTEM)
const END = Buffer.alloc(1_024)

function tar(...members: readonly Buffer[]): Buffer {
  return Buffer.concat([...members, END])
}

describe('tar archives', () => {
  it('lets the first checkpoints of PyTorch be clean', async () => {
    const bytes = Buffer.concat([buildTorchTar(6, 24), END])
    expect(await judgeContainer(bytes, 'a.tar')).toMatchObject({ format: 'pytorch-tar', verdict: 'clean' })
  })

  it('finds a call between the numbers of its storages', async () => {
    const storage = buildPickle({ tuple: ['0', 'cpu', { global: 'torch.FloatStorage' }, SYSTEM] })
    const bytes = tar(
      tarMember('sys_info', buildPickle(new Map<Py, Py>([['little_endian', true]]))),
      tarMember('pickle', buildPickle(null)),
      tarMember('storages', Buffer.concat([buildPickle(1), storage, Buffer.alloc(8), buildPickle([])])),
    )
    expect(await judgeContainer(bytes, 'a.tar')).toMatchObject({ format: 'pytorch-tar', verdict: 'malicious' })
  })

  it.each([
    ['a pickle of any name', tar(tarMember('notes.txt', evil)), 'os.system', 'malicious'],
    ['a name that climbs out', tar(tarMember('../x', Buffer.from('x'))), 'climbs-out', 'malicious'],
    [
      'a long name that climbs out',
      tar(tarMember('L', Buffer.from('../../x\0'), 8, { type: 'L' }), tarMember('y', Buffer.from('x'))),
      'climbs-out',
      'malicious',
    ],
    [
      'a pax name that climbs out',
      tar(tarMember('p', Buffer.from('13 path=../x\n'), 13, { type: 'x' }), tarMember('y', Buffer.from('x'))),
      'climbs-out',
      'malicious',
    ],
    [
      'a link that leads out',
      tar(tarMember('a', Buffer.alloc(0), 0, { type: '2', linkName: '../../etc' })),
      'link-climbs-out',
      'malicious',
    ],
    [
      'a hard link to the root',
      tar(tarMember('a', Buffer.alloc(0), 0, { type: '1', linkName: '/etc/passwd' })),
      'link-climbs-out',
      'malicious',
    ],
    ['a device', tar(tarMember('a', Buffer.alloc(0), 0, { type: '3' })), 'device', 'suspicious'],
    ['a pickle behind its end', Buffer.concat([tar(tarMember('a', Buffer.from('x'))), evil]), 'os.system', 'malicious'],
  ])('tells %s', async (_, bytes, name, verdict) => {
    const judged = await judgeContainer(bytes, 'model.tar')
    expect(judged.names).toContain(name)
    expect(judged.verdict).toBe(verdict)
  })
})

describe('7z archives', () => {
  const members = [
    { name: 'config.json', data: Buffer.from('{}') },
    { name: 'model.pt', data: evil },
  ]
  it.each([
    ['as they are', {}],
    ['LZMA2', { coder: 'lzma2' }],
    ['LZMA2 under the filter for programs (nullifAI, py7zr)', { coder: 'lzma2+x86' }],
    ['deflate', { coder: 'deflate' }],
    ['LZMA2, the list packed as well', { coder: 'lzma2', isListPacked: true }],
  ] as const)('finds a call in members packed with %s', async (_, options) => {
    const { verdict, actions, format } = await judgeContainer(build7z(members, options), 'model.pt')
    expect({ verdict, format }).toEqual({ verdict: 'malicious', format: '7z' })
    expect(actions).toMatchObject([{ name: 'os.system', member: 'model.pt' }])
  })

  it('calls an encrypted archive unscannable', async () => {
    expect(await judgeContainer(build7z(members, { coder: 'aes' }), 'a.7z')).toMatchObject({ verdict: 'unscannable' })
  })

  it('tells names that climb out', async () => {
    const bytes = build7z([{ name: '..\\..\\x', data: Buffer.from('x') }])
    expect(await judgeContainer(bytes, 'a.7z')).toMatchObject({ verdict: 'malicious', names: ['climbs-out'] })
  })

  it('survives a list that lies at every byte', async () => {
    const bytes = build7z(members)
    for (let at = bytes.length - 90; at < bytes.length; at += 1) {
      const lying = Buffer.from(bytes)
      lying[at] = (lying[at] ?? 0) ^ 0xff
      expect((await judgeContainer(lying, 'a.7z')).verdict).not.toBe('clean')
    }
  })
})

describe('packed files', () => {
  it.each([
    ['gzip', gzipSync(evil), 'model.pkl.gz'],
    ['zlib', deflateSync(evil), 'model.z'],
    ['zstd', zstdCompressSync(evil), 'model.zst'],
    ['a checkpoint in gzip', gzipSync(buildTorchZip({ value: SYSTEM })), 'model.pt.gz'],
    ['a tar in gzip', gzipSync(tar(tarMember('a', evil))), 'model.tar.gz'],
  ])('finds a call in %s', async (_, bytes, name) => {
    const { verdict, names } = await judgeContainer(bytes, name)
    expect(names).toContain('os.system')
    expect(verdict).toBe('malicious')
  })
})

describe('lone arrays', () => {
  it.each([
    ['numbers', {}],
    ['text', { descr: '<U4', shape: '1' }],
    ['records', { descr: '|S8', shape: '2' }],
  ])('lets %s be clean', async (_, spec) => {
    expect(await judgeContainer(buildNpy(spec), 'a.npy')).toMatchObject({ format: 'numpy', verdict: 'clean' })
  })

  it.each([
    ['objects (CVE-2019-6446)', buildNpy({ descr: '|O', data: evil })],
    ['objects under another name', buildNpy({ descr: 'object', data: evil })],
    ['objects whose type is escaped', buildNpy({ descr: '|\\x4f', data: evil })],
    ['an array of objects behind one of numbers', Buffer.concat([buildNpy(), buildNpy({ descr: '|O', data: evil })])],
    ['a pickle behind the numbers', Buffer.concat([buildNpy(), evil])],
  ])('finds a call in %s', async (_, bytes) => {
    const { verdict, names } = await judgeContainer(bytes, 'a.npy')
    expect(names).toContain('os.system')
    expect(verdict).toBe('malicious')
  })
})

describe("TorchScript's program text", () => {
  function script(text: string): Buffer {
    return buildTorchZip({
      value: orderedDict(linearState()),
      storages: LINEAR_STORAGES,
      more: [
        { name: 'archive/constants.pkl', data: buildPickle({ tuple: [] }) },
        { name: 'archive/code/__torch__.py', data: Buffer.from(text), method: 8 },
      ],
    })
  }
  const net = (line: string): string =>
    `class Net(Module):\n  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    ${line}\n    return torch.relu(x)\n`
  it.each([
    ['numbers alone', 'x0 = ops.prim.NumToTensor(torch.size(x, 0))', 'clean'],
    ['a class of quantized weights', 'w = self.w : __torch__.torch.classes.quantized.LinearPackedParamsBase', 'clean'],
    ['calls in a message', 'ops.prim.RaiseException("torch.save(x) failed: eval(y)")', 'clean'],
    ['a message', 'print("hello")', 'suspicious'],
    ['an unknown library', 'ops.evil.run(x)', 'suspicious'],
    ['an unknown class', 'y = __torch__.torch.classes.evil.Loader.__new__(x)', 'suspicious'],
    ['a remote call', 'rpc_async("other", x)', 'suspicious'],
    ['a file that is mapped', 'y = torch.from_file("/etc/passwd", True, 8)', 'malicious'],
    ['a file that is written', 'ops.image.write_file("/home/x/.bashrc", x)', 'malicious'],
  ])('judges %s', async (_, line, wanted) => {
    expect(await judgeContainer(script(net(line)), 'a.pt')).toMatchObject({ format: 'torchscript', verdict: wanted })
  })
})

describe('texts of safetensors', () => {
  const tensors = [{ name: 'a', dtype: 'F32', shape: [2] }]
  it.each([
    ['base64', evil.toString('base64')],
    ['hexadecimal', evil.toString('hex')],
    ['its own letters', "cos\nsystem\n(S'id'\ntR."],
  ])('finds a pickle as %s', async (_, text) => {
    const { names } = await judgeContainer(buildSafetensors({ tensors, metadata: { cache: text } }), 'a.safetensors')
    expect(names).toEqual(expect.arrayContaining(['nested-pickle', 'os.system']))
  })

  it('finds none in ordinary texts', async () => {
    const metadata = {
      format: 'pt',
      note: 'gASomething that begins like one',
      hash: '8003'.repeat(16),
      cos: 'cos\nine',
    }
    const { names } = await judgeContainer(buildSafetensors({ tensors, metadata }), 'a.safetensors')
    expect(names).not.toContain('nested-pickle')
  })
})
