// A reader as a file might make it, once it has taken a parser over: speaks the protocol and asks for what it should not have.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Way } from '../../../agent/reader/start-reader.ts'

const FRAMES = `
import { readSync, writeSync } from 'node:fs'
const all = (count) => { const b = Buffer.alloc(count); for (let d = 0; d < count; ) { const n = readSync(0, b, d, count - d, null); if (n === 0) process.exit(0); d += n } return b }
const hear = () => { const p = all(8); const head = JSON.parse(all(p.readUInt32LE(0)).toString()); return { head, data: all(p.readUInt32LE(4)) } }
const raw = (bytes) => { for (let d = 0; d < bytes.length; ) d += writeSync(1, bytes, d) }
const tell = (head, data = Buffer.alloc(0)) => { const h = Buffer.from(JSON.stringify(head)); const p = Buffer.alloc(8); p.writeUInt32LE(h.length, 0); p.writeUInt32LE(data.length, 4); raw(Buffer.concat([p, h, data])) }
const ask = (head, data) => { tell(head, data); return hear() }
const found = (value) => tell({ op: 'found' }, Buffer.from(JSON.stringify(value)))
tell({ op: 'ready' })
`

/** Runs `script` as a reader; `hear`, `tell`, `ask`, `raw` and `found` are there for it. */
export function hostileReader(folder: string, script: string): readonly Way[] {
  const path = join(folder, `reader-${Math.random().toString(36).slice(2)}.mjs`)
  writeFileSync(path, `${FRAMES}\n${script}`)
  return [{ isolation: 'permission-model', command: [process.execPath, path] }]
}

/** A draft as one of our readers would make it. */
export function draftOf(path: string, identity: unknown): Readonly<Record<string, unknown>> {
  return {
    artifactId: `art1:${'0'.repeat(64)}`,
    kind: 'file',
    path,
    parts: [{ path, sizeBytes: 4, role: 'weights' }],
    sizeBytes: 4,
    format: 'gguf',
    formatVersion: '3',
    verdict: 'unchecked',
    fingerprint: {},
    gaps: [],
    identities: [identity],
    marks: [],
  }
}
