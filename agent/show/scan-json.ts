// The published document of a sweep, piece by piece: as one text a sweep of thousands of models would need its size twice.
import { printableJson } from '../../contract/printable.ts'
import type { Scan } from '../../contract/report.ts'

const LISTS = ['coverage', 'artifacts', 'runtimes', 'installations', 'findings', 'gaps'] as const

/** Pieces that make one JSON document; what the outbox needs beside it stays inside. */
export function* scanPieces(scan: Scan): Generator<string> {
  const { schema, host, startedAt, finishedAt } = scan
  yield printableJson({ schema, host, startedAt, finishedAt }).slice(0, -1)
  for (const list of LISTS) yield* listPieces(list, scan[list] ?? [])
  yield '\n}\n'
}

function* listPieces(name: string, items: readonly unknown[]): Generator<string> {
  yield `,\n"${name}":[`
  for (const [index, item] of items.entries()) yield `${index === 0 ? '\n' : ',\n'}${printableJson(item)}`
  yield ']'
}
