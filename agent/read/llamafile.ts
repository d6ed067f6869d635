// llamafile (mozilla-ai/llamafile): a program for six systems with a zip at its end, and in it the GGUF it runs, stored as it is so
// that it can be mapped into memory. It is both: a model with claims and tensors of its own, and a program.
import { type Cursor, readTrouble } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import { type GapList, quoted } from './gap-list.ts'
import { shifted } from './laid-out.ts'
import type { Look } from './look.ts'
import type { FormatReader, NestedPart, ReadContext, WeightsPart } from './weights.ts'
import { STORED, type ZipDirectory, type ZipMember, dataPlace, openMember, readZip } from './zip.ts'

/** First bytes of a program -> what it is. `MZqFpD` and `jartsr` begin one that runs on six systems. */
const PROGRAMS: readonly (readonly [magic: string, kind: string])[] = [
  ['MZqFpD', 'actually portable executable'],
  ['jartsr', 'actually portable executable'],
  ['MZ', 'Windows program'],
  ['\u007fELF', 'ELF program'],
  ['#!', 'script'],
]
const MODEL_ENDING = '.gguf'
const ARGUMENTS = '.args'
/** A command line; real ones are under 1 KB (CWE-409). */
const MAX_ARGUMENTS_BYTES = 65_536
/** Arguments that are told: names of switches, never what a person wrote behind them. */
const SWITCH = /^--?[A-Za-z][A-Za-z0-9-]{0,31}$/
const MAX_SWITCHES = 32
/** A file carries one model, and a projector for pictures beside it. */
const MAX_MODELS = 8

/** The reader of llamafiles. */
export const llamafile: FormatReader = {
  id: 'llamafile',
  endings: ['.llamafile', '.exe'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise: (look) => findProgram(look) !== null && listModels(look.zip()).length > 0,
  read,
}

function findProgram(look: Look): string | null {
  const head = look.text(0, 6)
  return PROGRAMS.find(([magic]) => head.startsWith(magic))?.[1] ?? null
}

function listModels(directory: ZipDirectory | null): readonly ZipMember[] {
  return (directory?.members ?? []).filter(({ name }) => name.toLowerCase().endsWith(MODEL_ENDING))
}

interface FoundModel {
  readonly at: number
  readonly part: NestedPart
}

function read(cursor: Cursor, gaps: GapList, context: ReadContext): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  const program = findProgram(context.look)
  facts.set('isProgram', program !== null)
  if (program !== null) facts.set('program', program)
  const found = gaps.attempt(() => readMembers(cursor, facts, gaps, context))
  const weights = found?.part.weights
  if (found === undefined || weights === undefined) {
    return { isModel: true, ...NOTHING, facts, tensors: [], headerBytes: cursor.size }
  }
  return {
    ...weights,
    isModel: true,
    facts,
    tensors: shifted(weights.tensors, found.at),
    headerBytes: found.at + weights.headerBytes,
  }
}

const NOTHING = { formatVersion: null, claims: {}, hyperparameters: {} } as const

function readMembers(
  cursor: Cursor,
  facts: Map<string, string | number | boolean>,
  gaps: GapList,
  context: ReadContext,
): FoundModel {
  cursor.step()
  const directory = readZip(cursor)
  if (directory === null) throw readTrouble('GNO_READ_TRUNCATED', 'the archive behind the program has no end record')
  for (const name of directory.doubles) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  facts.set('memberCount', directory.members.length)
  const models = listModels(directory)
  facts.set('modelCount', models.length)
  const argumentsFile = directory.byName.get(ARGUMENTS)
  if (argumentsFile !== undefined) gaps.attempt(() => readArguments(cursor, argumentsFile, facts))
  const found = models
    .slice(0, MAX_MODELS)
    .flatMap((model) => gaps.attempt(() => readModel(cursor, model, gaps, context)) ?? [])
  // The projector for pictures is the smaller of two; what has most tensors is what the program talks with.
  const [largest] = [...found].sort(
    (left, right) => right.part.weights.tensors.length - left.part.weights.tensors.length,
  )
  if (largest === undefined) throw readTrouble('GNO_READ_INVALID', 'the archive behind the program holds no model')
  facts.set('nestedFormat', largest.part.format)
  return largest
}

function readModel(cursor: Cursor, member: ZipMember, gaps: GapList, { readNested }: ReadContext): FoundModel {
  if (member.method !== STORED || member.isEncrypted) {
    throw readTrouble('GNO_READ_LOCKED', `${quoted(member.name)} is not stored as it is`)
  }
  const at = dataPlace(cursor, member)
  const part = readNested(cursor.within(at, member.packedBytes), member.name, gaps)
  if (part === null) throw readTrouble('GNO_READ_INVALID', `${quoted(member.name)} is no model`)
  return { at, part }
}

/** The command line that the program gives itself, one argument a line. */
function readArguments(cursor: Cursor, member: ZipMember, facts: Map<string, string | number | boolean>): void {
  const inner = openMember(cursor, member, MAX_ARGUMENTS_BYTES)
  if (inner.size > MAX_ARGUMENTS_BYTES) throw readTrouble('GNO_READ_LIMIT', `a command line of ${inner.size} bytes`)
  const words = Buffer.from(inner.copy(inner.size))
    .toString('utf8')
    .split(/\r?\n/)
    .filter((word) => word !== '')
  cursor.step(1 + words.length)
  facts.set('argumentCount', words.length)
  facts.set(
    'switches',
    words
      .filter((word) => SWITCH.test(word))
      .slice(0, MAX_SWITCHES)
      .join(' ')
      .slice(0, 512),
  )
}
