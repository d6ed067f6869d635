// Secrets in what files say of themselves: texts at the beginning and at the end of weights, where every format has its metadata,
// and in the configurations inside archives. Numbers of tensors lie between, and are not looked at.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { type ZipDirectory, peekMember } from '../zip.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellSecrets } from './tell-secrets.ts'

/** safetensors and HDF5 have their texts in front, ONNX behind its graph; larger headers are those of vocabularies (CWE-400). */
const HEAD_BYTES = 1_048_576
const TAIL_BYTES = 262_144
/** Configurations inside archives. */
const MAX_MEMBERS = 32
const MEMBER_BYTES = 262_144
const TEXT_ENDINGS = ['.json', '.yaml', '.yml', '.txt', '.md', '.toml', '.ini', '.cfg', '.py', '.pkl', '.args']

/** Formats that a scanner of their own knows: this one alone can call no file clean. GGUF is told key by key in scan-gguf.ts. */
export const SECRET_FORMATS: ReadonlySet<string> = new Set([
  ...['safetensors', 'onnx', 'keras-h5', 'hdf5', 'keras-zip', 'hf-tokenizer-config', 'flax-msgpack', 'nemo', 'skops'],
  ...['pickle', 'joblib', 'pytorch-legacy', 'pytorch-zip', 'pytorch-tar', 'pytorch-mar', 'torchscript', 'numpy'],
  ...['tf-savedmodel', 'tf-frozen', 'tflite', 'openvino', 'coreml', 'tfjs'],
])

/** The scanner of texts in any file. */
export const scanMetadata: Scanner = {
  id: 'metadata',
  formats: [],
  looksAt: ({ format }) => format !== null && SECRET_FORMATS.has(format),
  scan,
}

function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { look }: ScanContext): void {
  const { size } = cursor
  tellRange(cursor, 0, Math.min(size, HEAD_BYTES), report)
  const tailAt = Math.max(HEAD_BYTES, size - TAIL_BYTES)
  if (tailAt < size) tellRange(cursor, tailAt, size - tailAt, report)
  const directory = look.zip()
  if (directory !== null) tellMembers(cursor, directory, report, gaps)
}

function tellRange(cursor: Cursor, at: number, sizeBytes: number, report: LoadReport): void {
  cursor.seek(at)
  const text = cursor.lend(sizeBytes, (bytes) => latin1(bytes))
  tellSecrets({ text, at }, report)
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** What is stored as it is was seen in the file itself; what is packed has to be unpacked. */
function tellMembers(cursor: Cursor, { members }: ZipDirectory, report: LoadReport, gaps: GapList): void {
  const texts = members.filter(({ name }) => TEXT_ENDINGS.some((ending) => name.toLowerCase().endsWith(ending)))
  for (const member of texts.filter(({ method }) => method !== 0).slice(0, MAX_MEMBERS)) {
    // A member that cannot be unpacked is told by the scanner of archives.
    const bytes = gaps.attempt(() => peekMember(cursor, member, MEMBER_BYTES))
    if (bytes !== undefined) tellSecrets({ text: latin1(bytes), at: 0, member: member.name }, report)
  }
}
