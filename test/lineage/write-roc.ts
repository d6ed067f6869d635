// Writes docs/lineage-roc.json and docs/pictures/lineage-roc.svg anew: `node installer/launch.cjs node test/lineage/write-roc.ts`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawMeasured, measureLineage, writeMeasured } from './roc.ts'

const docs = join(import.meta.dirname, '../../docs')
const measured = measureLineage()
writeFileSync(join(docs, 'lineage-roc.json'), writeMeasured(measured))
writeFileSync(join(docs, 'pictures/lineage-roc.svg'), drawMeasured(measured))
