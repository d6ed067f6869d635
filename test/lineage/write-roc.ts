// Writes lineage-roc.json and pictures/lineage-roc.svg anew, into docs/ or the folder that is named:
// `node installer/launch.cjs node test/lineage/write-roc.ts [FOLDER]`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawMeasured, measureLineage, writeMeasured } from './roc.ts'

const docs = process.argv[2] ?? join(import.meta.dirname, '../../docs')
mkdirSync(join(docs, 'pictures'), { recursive: true })
const measured = measureLineage()
writeFileSync(join(docs, 'lineage-roc.json'), writeMeasured(measured))
writeFileSync(join(docs, 'pictures/lineage-roc.svg'), drawMeasured(measured))
