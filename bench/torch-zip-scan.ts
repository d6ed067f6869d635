// A PyTorch zip of 5 GB, sparse, judged by its directory and its pickles alone (issue 5): at most 100 ms warm and 64 MB beyond the loaded
// program. Measured in a process of its own, so that its memory is its own.
import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { GapList } from '../agent/read/gap-list.ts'
import { scanPart } from '../agent/read/scan/scan-part.ts'
import { sniff } from '../agent/read/sniff-format.ts'
import { median, openGenerated } from './generated-model.ts'
import type { Measurement } from './measurement.ts'

const TENSORS = 640
const TENSOR_BYTES = 8_388_608
const ELEMENTS = TENSOR_BYTES / 2
const ALIGNMENT = 64
const LOCAL_BYTES = 30
const FULL_32 = 0xffffffff
const ROUNDS = 12

interface Figures {
  readonly firstMs: number
  readonly warmMs: number
  readonly grownBytes: number
}

/** Measures the scan of one generated checkpoint. */
export async function measure(): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-bench-'))
  try {
    const path = join(folder, 'generated.pt')
    writeTorchZip(path)
    const { firstMs, warmMs, grownBytes } = inChild(path)
    return await Promise.resolve([
      { name: `size of the generated checkpoint, ${TENSORS} tensors`, value: statSync(path).size / 1e9, unit: 'GB' },
      { name: 'scan, first', value: firstMs, unit: 'ms' },
      { name: 'scan, warm', value: warmMs, unit: 'ms', budget: 'at most 100' },
      { name: 'resident memory grown at its peak', value: grownBytes / 1e6, unit: 'MB', budget: 'at most 64' },
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function inChild(path: string): Figures {
  const program = `const m = await import(process.argv[1]); process.stdout.write(JSON.stringify(await m.scanOften(process.argv[2])))`
  const url = new URL('torch-zip-scan.js', import.meta.url).href
  const args = ['--input-type=module', '-e', program, url, path]
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  ) as Figures
}

/** Scans the checkpoint again and again; how much memory that took beyond the loaded program. */
export async function scanOften(path: string): Promise<Figures> {
  const before = process.memoryUsage().rss
  const firstMs = await scanOnce(path)
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) times.push(await scanOnce(path))
  // In KiB on every system.
  const grownBytes = Math.max(0, process.resourceUsage().maxRSS * 1024 - before)
  return { firstMs, warmMs: median(times), grownBytes }
}

async function scanOnce(path: string): Promise<number> {
  const opened = openGenerated(path)
  try {
    const started = performance.now()
    const gaps = new GapList(path)
    const { look, reader } = sniff(opened)
    const subject = { format: reader?.id ?? null, look, weights: null, scanTemplate: null }
    const scan = await scanPart(opened, subject, gaps)
    const ms = performance.now() - started
    if (scan?.isWhole !== true || reader?.id !== 'pytorch-zip' || gaps.list().length > 0) {
      throw new Error(`the generated checkpoint was not scanned: ${JSON.stringify(gaps.list())}`)
    }
    return ms
  } finally {
    opened.close()
  }
}

/** Writes the archive as torch.save does: stored members at multiples of 64, and zip64 fields where a place passes 4 GB. */
export function writeTorchZip(path: string): void {
  const fd = openSync(path, 'w')
  const entries: Buffer[] = []
  let at = 0
  const add = (name: string, data: Uint8Array | number): void => {
    const { local, entry, bytes } = describeMember(`archive/${name}`, data, at)
    writeSync(fd, local, 0, null, at)
    if (typeof data !== 'number') writeSync(fd, data, 0, null, at + local.length)
    entries.push(entry)
    at += local.length + bytes
  }
  add('data.pkl', stateDictionary())
  add('byteorder', Buffer.from('little'))
  for (let index = 0; index < TENSORS; index += 1) add(`data/${index}`, TENSOR_BYTES)
  add('version', Buffer.from('3\n'))
  const directory = Buffer.concat(entries)
  writeSync(fd, Buffer.concat([directory, endRecords(entries.length, directory.length, at)]), 0, null, at)
  ftruncateSync(fd, at + directory.length + 98)
  closeSync(fd)
}

function describeMember(
  name: string,
  data: Uint8Array | number,
  at: number,
): {
  readonly local: Buffer
  readonly entry: Buffer
  readonly bytes: number
} {
  const bytes = typeof data === 'number' ? data : data.length
  const sum = typeof data === 'number' ? 0 : crc32(data)
  const padding = -(at + LOCAL_BYTES + name.length + 4) & (ALIGNMENT - 1)
  const local = Buffer.alloc(LOCAL_BYTES + name.length + 4 + padding)
  local.write('PK\u0003\u0004', 'latin1')
  local.writeUInt32LE(sum, 14)
  local.writeUInt32LE(bytes, 18)
  local.writeUInt32LE(bytes, 22)
  local.writeUInt16LE(name.length, 26)
  local.writeUInt16LE(4 + padding, 28)
  local.write(name, LOCAL_BYTES)
  local.write('FB', LOCAL_BYTES + name.length)
  local.writeUInt16LE(padding, LOCAL_BYTES + name.length + 2)
  const entry = Buffer.alloc(46 + name.length + 12)
  entry.write('PK\u0001\u0002', 'latin1')
  entry.writeUInt32LE(sum, 16)
  entry.writeUInt32LE(bytes, 20)
  entry.writeUInt32LE(bytes, 24)
  entry.writeUInt16LE(name.length, 28)
  entry.writeUInt16LE(12, 30)
  entry.writeUInt32LE(FULL_32, 42)
  entry.write(name, 46)
  entry.writeUInt16LE(1, 46 + name.length)
  entry.writeUInt16LE(8, 48 + name.length)
  entry.writeBigUInt64LE(BigInt(at), 50 + name.length)
  return { local, entry, bytes }
}

/** Both kinds, as PyTorch writes them. */
function endRecords(count: number, directoryBytes: number, at: number): Buffer {
  const end = Buffer.alloc(98)
  end.write('PK\u0006\u0006', 'latin1')
  end.writeBigUInt64LE(44n, 4)
  end.writeBigUInt64LE(BigInt(count), 24)
  end.writeBigUInt64LE(BigInt(count), 32)
  end.writeBigUInt64LE(BigInt(directoryBytes), 40)
  end.writeBigUInt64LE(BigInt(at), 48)
  end.write('PK\u0006\u0007', 56, 'latin1')
  end.writeBigUInt64LE(BigInt(at + directoryBytes), 64)
  end.writeUInt32LE(1, 72)
  end.write('PK\u0005\u0006', 76, 'latin1')
  end.writeUInt16LE(count, 84)
  end.writeUInt16LE(count, 86)
  end.writeUInt32LE(directoryBytes, 88)
  end.writeUInt32LE(FULL_32, 92)
  return end
}

/** A dictionary of tensors, opcode by opcode: protocol 2, as torch.save writes it. */
function stateDictionary(): Buffer {
  const parts: Buffer[] = [Buffer.from('\u0080\u0002}(', 'latin1')]
  for (let index = 0; index < TENSORS; index += 1) {
    const size = Buffer.alloc(5, 'J')
    size.writeInt32LE(ELEMENTS, 1)
    const id = [text('storage'), Buffer.from('ctorch\nHalfStorage\n'), text(String(index)), text('cpu'), size]
    parts.push(text(`model.layers.${index}.weight`), Buffer.from('ctorch._utils\n_rebuild_tensor_v2\n(('))
    parts.push(...id, Buffer.from('tQK\u0000', 'latin1'), size, Buffer.from('\u0085K\u0001\u0085\u0089', 'latin1'))
    parts.push(Buffer.from('ccollections\nOrderedDict\n)RtR'))
  }
  return Buffer.concat([...parts, Buffer.from('u.')])
}

function text(value: string): Buffer {
  const length = Buffer.alloc(5, 'X')
  length.writeUInt32LE(value.length, 1)
  return Buffer.concat([length, Buffer.from(value)])
}
