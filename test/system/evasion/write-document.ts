// Writes docs/evasion.md from a run of the matrix:
//   GNOMON_EVASION_OUT=FOLDER npm test -- --selectProjects system test/system/evasion
//   node installer/launch.cjs node test/system/evasion/write-document.ts FOLDER
// Without a folder it renders the committed result again.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { HIDING_WAYS, ORDINARY } from './matrix.ts'
import { renderDocument, type Result, resultSchema } from './render-document.ts'

const RESULT = join(import.meta.dirname, 'result.json')
const DOCUMENT = join(import.meta.dirname, '../../../docs/evasion.md')
const GROUPS = ['weights', 'program', 'circumstances']

const folder = process.argv[2]
if (folder !== undefined) writeFileSync(RESULT, `${JSON.stringify(collect(folder), null, 2)}\n`)
writeFileSync(DOCUMENT, renderDocument(resultSchema.parse(JSON.parse(readFileSync(RESULT, 'utf8')))))

function collect(from: string): Result {
  const read = (name: string): unknown[] => {
    const path = join(from, `${name}.json`)
    const list: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : []
    return Array.isArray(list) ? list : []
  }
  const [processor] = cpus()
  const memory = `${(totalmem() / 1e9).toFixed(1)} GB`
  const result = resultSchema.parse({
    date: new Date().toISOString().slice(0, 10),
    machine: `Linux ${release()} ${arch()}, ${cpus().length} x ${processor?.model.trim() ?? 'unknown'}, ${memory}, as root`,
    intervalSeconds: 10,
    outcomes: GROUPS.flatMap(read),
    ordinary: read('ordinary'),
  })
  const order = HIDING_WAYS.map(({ id }) => id)
  const place = (id: string, list: readonly string[]): number => list.indexOf(id)
  const ordinaryOrder = ORDINARY.map(({ id }) => id)
  return {
    ...result,
    outcomes: result.outcomes.toSorted((left, right) => place(left.id, order) - place(right.id, order)),
    ordinary: result.ordinary.toSorted((left, right) => place(left.id, ordinaryOrder) - place(right.id, ordinaryOrder)),
  }
}
