// Rung 6 beside `openssl dgst -sha256` on the same warm file of 1 GiB: at its throughput when unpaced; what the hasher costs whose state
// can be saved, which only ever runs at a byte rate.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestFile } from '../agent/read/digest-file.ts'
import { digestPaced } from '../agent/read/digest-paced.ts'
import { median, noise, openGenerated } from './generated-model.ts'
import type { Measurement } from './measurement.ts'

const PIECE_BYTES = 16_777_216
const PIECES = 64
const SIZE_BYTES = PIECE_BYTES * PIECES
const ROUNDS = 3
/** Faster than any machine: nobody waits. */
const UNPACED = 1e15

/** Measures each way on the same file; the first reading of it is not counted. */
export async function measure(): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-digest-'))
  try {
    const path = join(folder, 'content')
    writeContent(path)
    const expected = digestPlainly(path)
    const openssl = await rate(() => Promise.resolve(digestWithOpenssl(path)), expected)
    const own = await rate(() => digestAtOnce(path), expected)
    const plain = await rate(() => Promise.resolve(digestPlainly(path)), expected)
    const resumable = await rate(() => digestResumably(path), expected)
    const peer = { name: 'openssl dgst -sha256', value: openssl }
    return [
      { name: 'size of the file', value: SIZE_BYTES / 1e6, unit: 'MB' },
      { name: 'rung 6, unpaced', value: own, unit: 'MB/s', budget: 'that of openssl', peer },
      { name: 'node:crypto alone, same pieces', value: plain, unit: 'MB/s', peer },
      { name: 'resumable (hash-wasm), not waiting', value: resumable, unit: 'MB/s', peer },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function writeContent(path: string): void {
  const fd = openSync(path, 'w')
  for (let piece = 0; piece < PIECES; piece += 1) writeSync(fd, noise(PIECE_BYTES, piece))
  closeSync(fd)
}

async function rate(digest: () => Promise<string>, expected: string): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now()
    if ((await digest()) !== expected) throw new Error('two ways to a SHA-256 differ')
    times.push(performance.now() - started)
  }
  return SIZE_BYTES / 1000 / median(times)
}

function digestWithOpenssl(path: string): string {
  const text = execFileSync('/usr/bin/openssl', ['dgst', '-sha256', '-r', path], { encoding: 'utf8' })
  return text.slice(0, 64)
}

function digestPlainly(path: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.alloc(1_048_576)
  const fd = openSync(path, 'r')
  for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) hash.update(piece.subarray(0, read))
  closeSync(fd)
  return hash.digest('hex')
}

async function digestAtOnce(path: string): Promise<string> {
  const file = openGenerated(path)
  const digest = await digestFile(file, new AbortController().signal)
  file.close()
  return digest.ok ? digest.value : digest.failure.detail
}

async function digestResumably(path: string): Promise<string> {
  const file = openGenerated(path)
  const digest = await digestPaced(file, {
    bytesPerSecond: UNPACED,
    signal: new AbortController().signal,
    saved: null,
    onSave: () => undefined,
    now: () => performance.now(),
    sleep: () => Promise.resolve(),
  })
  file.close()
  return digest.ok ? digest.value : digest.failure.detail
}
