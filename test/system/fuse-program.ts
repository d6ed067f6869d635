// A file system of a program (FUSE), for tests: serves a few files of one folder, and falls silent when it is told to. Words: the place to
// mount at, then NAME=FILE for each file it shows. Says `mounted`; at a line `silent` on its input it still takes requests and answers
// none, like a server that hangs; at `answer` it answers those and goes on; at `refuse` it tells nobody what a file is. The layouts are those of <linux/fuse.h>, protocol 7.31.
import { execFileSync } from 'node:child_process'
import { constants, fstatSync, openSync, read, readSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

const ROOT = 1n
const [ENOENT, EACCES, ENOSYS] = [2, 13, 38]
/** Forgetting and interrupting want no answer. */
const UNANSWERED = new Set([2, 36, 42])
const VALID_S = 0n
const FOLDER = constants.S_IFDIR | 0o755
const FILE = constants.S_IFREG | 0o755

interface Shown {
  readonly name: string
  readonly fd: number
  readonly size: number
}

const [place = '', ...words] = process.argv.slice(2)
const shown = words.map((word): Shown => {
  const [name = '', file = ''] = word.split('=')
  const fd = openSync(file, 'r')
  return { name, fd, size: fstatSync(fd).size }
})
const device = openSync('/dev/fuse', constants.O_RDWR)
const options = `fd=3,rootmode=40000,user_id=0,group_id=0,allow_other`
execFileSync('/usr/bin/mount', ['-i', '-t', 'fuse', '-o', options, 'gnomon-test', place], {
  stdio: ['ignore', 'inherit', 'inherit', device],
})
process.stdout.write('mounted\n')

let isSilent = false
let isRefusing = false
const waiting: Buffer[] = []
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  isSilent = line === 'silent'
  isRefusing = line === 'refuse'
  if (!isSilent) for (const request of waiting.splice(0)) answer(request)
  process.stdout.write(`${line}\n`)
})
// A read of the device is always under way, and an orderly end would wait for it. The mount ends with the device.
lines.on('close', () => process.kill(process.pid, 'SIGKILL'))

const buffer = Buffer.alloc(1024 * 1024)
function takeNext(): void {
  read(device, buffer, 0, buffer.length, null, (error, length) => {
    // Unmounted: nothing is left to serve.
    if (error?.code === 'ENODEV') process.exit(0)
    if (error === null) {
      const request = Buffer.from(buffer.subarray(0, length))
      if (isSilent) waiting.push(request)
      else answer(request)
    }
    takeNext()
  })
}
takeNext()

function answer(request: Buffer): void {
  const [operation, node] = [request.readUInt32LE(4), request.readBigUInt64LE(16)]
  if (UNANSWERED.has(operation)) return
  const said = say(operation, node, request.subarray(40))
  const body = typeof said === 'number' ? Buffer.alloc(0) : said
  const head = Buffer.alloc(16)
  head.writeUInt32LE(16 + body.length, 0)
  head.writeInt32LE(typeof said === 'number' ? -said : 0, 4)
  request.copy(head, 8, 8, 16)
  try {
    writeSync(device, Buffer.concat([head, body]))
  } catch {
    // Whoever asked was interrupted meanwhile.
  }
}

/** The body of an answer, or an error number. */
function say(operation: number, node: bigint, body: Buffer): Buffer | number {
  const file = shown[Number(node - ROOT) - 1]
  if (operation === 26) return initialised(body)
  if (operation === 1) return entryOf(body.toString('latin1', 0, body.indexOf(0)))
  if (operation === 3 && isRefusing) return EACCES
  if (operation === 3) return Buffer.concat([words64(VALID_S), Buffer.alloc(8), attributes(node, file)])
  if (operation === 14 || operation === 27) return Buffer.alloc(16)
  if (operation === 15 && file !== undefined) return contentOf(file, body)
  if (operation === 28) return entries(body)
  if (operation === 17) return Buffer.alloc(80)
  return operation === 18 || operation === 29 || operation === 25 ? 0 : ENOSYS
}

function initialised(asked: Buffer): Buffer {
  const body = Buffer.alloc(64)
  body.writeUInt32LE(7, 0)
  body.writeUInt32LE(31, 4)
  body.writeUInt32LE(asked.readUInt32LE(8), 8)
  body.writeUInt16LE(12, 16)
  body.writeUInt16LE(9, 18)
  body.writeUInt32LE(128 * 1024, 20)
  body.writeUInt32LE(1, 24)
  return body
}

function entryOf(name: string): Buffer | number {
  const at = shown.findIndex((file) => file.name === name)
  if (at < 0) return ENOENT
  const node = ROOT + BigInt(at) + 1n
  return Buffer.concat([words64(node, 0n, VALID_S, VALID_S), Buffer.alloc(8), attributes(node, shown[at])])
}

function attributes(node: bigint, file: Shown | undefined): Buffer {
  const size = BigInt(file?.size ?? 0)
  const rest = Buffer.alloc(40)
  rest.writeUInt32LE(file === undefined ? FOLDER : FILE, 12)
  rest.writeUInt32LE(1, 16)
  rest.writeUInt32LE(4096, 32)
  return Buffer.concat([words64(node, size, (size + 511n) / 512n, 0n, 0n, 0n), rest])
}

function contentOf(file: Shown, asked: Buffer): Buffer {
  const bytes = Buffer.alloc(asked.readUInt32LE(16))
  return bytes.subarray(0, readSync(file.fd, bytes, 0, bytes.length, Number(asked.readBigUInt64LE(8))))
}

function entries(asked: Buffer): Buffer {
  const from = Number(asked.readBigUInt64LE(8))
  return Buffer.concat(
    shown.slice(from).map(({ name }, at) => {
      const entry = Buffer.alloc(24 + Math.ceil(name.length / 8) * 8)
      entry.writeBigUInt64LE(ROOT + BigInt(from + at) + 1n, 0)
      entry.writeBigUInt64LE(BigInt(from + at + 1), 8)
      entry.writeUInt32LE(name.length, 16)
      entry.writeUInt32LE(8, 20)
      entry.write(name, 24, 'latin1')
      return entry
    }),
  )
}

function words64(...values: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, at) => bytes.writeBigUInt64LE(value, at * 8))
  return bytes
}
