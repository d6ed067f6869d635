// Tells what program text beside weights imports, calls and hands on. What Python itself brings is told first and in full; of libraries
// the least used ones, since a modelling file calls a hundred functions of torch.
import { type LoadReport, showText } from './load-report.ts'
import { type CodeUse, glancePython } from './python-glance.ts'
import { decodedRuns, shapesOf } from './text-shapes.ts'

/** Uses that are told of one file; of those of libraries beside them (contract/threat.ts holds 256 of one model). */
const MAX_STANDARD = 96
const MAX_LIBRARY = 24
/** A text in a program; an encoded one may be the program that it runs. */
const LEAST_RUN_BYTES = 24
const MAX_INNER_CHARS = 512

/** False where more is there than is told. */
export function tellCode(source: string, member: string, report: LoadReport): boolean {
  const { uses, isWhole } = glancePython(source)
  const standard = distinct(uses.filter(({ isStandard }) => isStandard))
  const library = distinct(uses.filter(({ isStandard }) => !isStandard))
  for (const use of [...worthFirst(standard).slice(0, MAX_STANDARD), ...rareFirst(library).slice(0, MAX_LIBRARY)]) {
    report.tell(actionOf(use, source, member))
  }
  tellRuns(source, member, report)
  return isWhole && standard.length <= MAX_STANDARD
}

interface Counted {
  readonly use: CodeUse
  readonly count: number
}

/** One of each name and way; of several the one with most inside its arguments. */
function distinct(uses: readonly CodeUse[]): readonly Counted[] {
  const kept = new Map<string, Counted>()
  for (const use of uses) {
    const key = `${use.how} ${use.name}`
    const known = kept.get(key)
    const isBetter = known === undefined || use.inner.length > known.use.inner.length
    kept.set(key, { use: isBetter ? use : known.use, count: (known?.count ?? 0) + 1 })
  }
  return [...kept.values()]
}

/** Functions of modules before those that every line has. */
function worthFirst(uses: readonly Counted[]): readonly Counted[] {
  const rank = ({ use }: Counted): number => (use.name.includes('.') ? 0 : 1) - (use.inner.length > 0 ? 2 : 0)
  return [...uses].sort((left, right) => rank(left) - rank(right))
}

/** Libraries of which little is used before those of which much is; an import before calls. */
function rareFirst(uses: readonly Counted[]): readonly Counted[] {
  const rootOf = ({ use }: Counted): string => use.name.split('.')[0] ?? ''
  const sizes = new Map<string, number>()
  for (const each of uses) sizes.set(rootOf(each), (sizes.get(rootOf(each)) ?? 0) + 1)
  const rank = (each: Counted): number => (sizes.get(rootOf(each)) ?? 0) - (each.use.how === 'import' ? 1_000 : 0)
  return [...uses].sort((left, right) => rank(left) - rank(right))
}

function actionOf({ use, count }: Counted, source: string, member: string) {
  const { name, how, argument, inner, at } = use
  const shown =
    how === 'call'
      ? `${name}(${argument === null ? '' : `'${showText(argument, 100)}'`})`
      : `${how === 'import' ? 'import ' : ''}${name}`
  return {
    kind: 'code' as const,
    name,
    shown,
    facts: { how, inner: inner.join(' ').slice(0, MAX_INNER_CHARS) },
    member,
    at: Buffer.byteLength(source.slice(0, at)),
    count,
  }
}

/** Texts in base64 or hexadecimal that are a program, and command lines in texts that the program hands on. */
function tellRuns(source: string, member: string, report: LoadReport): void {
  for (const { bytes, kind, at } of decodedRuns(source)) {
    if (kind !== null && kind !== 'image') report.tell({ kind: 'code', name: `encoded.${kind}`, member, at })
    else if (kind === null && bytes.length >= LEAST_RUN_BYTES) tellEncoded(bytes, { member, at }, report)
  }
  for (const { name, at, shown } of shapesOf(source)) report.tell({ kind: 'code', name, shown, member, at })
}

function tellEncoded(bytes: Buffer, place: { readonly member: string; readonly at: number }, report: LoadReport): void {
  const calls = glancePython(bytes.toString('latin1'), { isProse: true }).uses.map(({ name }) => name)
  for (const name of new Set(calls)) report.tell({ kind: 'code', name: `encoded.code.${name}`, ...place })
}
