// What a rule says of a process, with what spoke for it: the libraries of an engine, the file that holds its strings, the value of a field.
// Pure. Nothing is added that the sentence says already, or that would make it untrue.
import type { EvidenceRule } from '../contract/rule-pack.ts'
import { type Spoken, type Subject, spoken } from './operators.ts'

/** A file in which the strings of an engine or an entry were found. */
export interface EngineFile {
  readonly id: string
  readonly path: string
}

/** Its values are in the sentences themselves: `it maps a weights file`. */
const SAID: ReadonlySet<string> = new Set(['weightHow'])
/** Values of one sentence, and libraries or characters of one value: a person reads them. */
const MAX_VALUES = 6
const MAX_VALUE_CHARS = 200

/** Where the libraries of a loaded engine are kept for the evidence; no entry asks for it. */
export function librariesField(engine: string): string {
  return `libraries of ${engine}`
}

/** The sentence of a rule that holds. `withJoin` adds what links a value to an installed thing. */
export function evidenceDetail(
  { says, when }: EvidenceRule,
  subject: Subject,
  engineFiles: readonly EngineFile[],
  withJoin: (value: string) => string,
): string {
  const told = spoken(when, subject).filter(({ field }) => field === null || !SAID.has(field))
  const words = told.slice(0, MAX_VALUES).map((each) => wordOf(each, subject, engineFiles))
  return words.length === 0 ? says : `${says}: ${[...new Set(words)].map(withJoin).join(', ')}`
}

function wordOf({ field, value }: Spoken, subject: Subject, engineFiles: readonly EngineFile[]): string {
  const word = value.slice(0, MAX_VALUE_CHARS)
  if (field === 'engine') {
    const libraries = subject.values(librariesField(value)).slice(0, MAX_VALUES).map(String)
    return libraries.length === 0
      ? word
      : `${word} (${libraries.map((each) => each.slice(0, MAX_VALUE_CHARS)).join(', ')})`
  }
  const file = field === 'binaryEngine' ? engineFiles.find(({ id }) => id === value) : undefined
  return file === undefined ? word : `${word} (in ${file.path.slice(0, MAX_VALUE_CHARS)})`
}
