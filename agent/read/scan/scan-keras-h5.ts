// HDF5 files: the configurations that Keras keeps in attributes, and what the file takes from other files.
import { type Cursor, troubleOf } from '../cursor.ts'
import { GapList } from '../gap-list.ts'
import { type Hdf5Tree, readHdf5 } from '../hdf5.ts'
import { findHdf5 } from '../hdf5-file.ts'
import type { LoadReport } from './load-report.ts'
import { tellHdf5Stray } from './hdf5-stray.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellKeras } from './tell-keras.ts'
import { tellMetadata } from './tell-metadata.ts'

/** Attributes that Keras reads objects from: the model, and what it was compiled with. */
const CONFIGURATIONS: readonly string[] = ['model_config', 'training_config']

/** The scanner of HDF5 files, of Keras and of others. */
export const scanKerasH5: Scanner = { id: 'keras-h5', formats: ['keras-h5', 'hdf5'], scan }

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  // Reading has told what is wrong with the file; here it only means that something was not looked at.
  const own = new GapList('')
  const tree = readHdf5(cursor, findHdf5(context.look) ?? 0, own)
  if (own.list().length > 0) {
    gaps.note('GNO_READ_INVALID', 'scan: the tree of the file could not be walked to its end')
    report.break()
  }
  tellOutside(tree, report)
  for (const name of CONFIGURATIONS) await scanAttribute(name, { tree, cursor, report, gaps, context })
  const telling = { cursor, report, gaps, context }
  const texts = [...tree.attributes.values()].flatMap(({ name, text }) =>
    text === undefined || CONFIGURATIONS.includes(name) ? [] : [{ key: name, value: text, at: 0 }],
  )
  await tellMetadata(texts, telling)
  await tellHdf5Stray(tree, telling)
}

function tellOutside({ outside }: Hdf5Tree, report: LoadReport): void {
  for (const { kind, path, target, at } of outside) {
    const climbs = /(?:^|[/\\])\.\.(?:[/\\]|$)/.test(target)
    const facts = { climbs, isAbsolute: /^(?:[/\\]|[A-Za-z]:)/.test(target) }
    report.tell({ kind: 'external-file', name: `hdf5-${kind}`, shown: `${path} -> ${target}`, facts, at })
  }
}

interface Scan {
  readonly tree: Hdf5Tree
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
}

async function scanAttribute(name: string, { tree, cursor, report, gaps, context }: Scan): Promise<void> {
  const attribute = tree.attributes.get(name)
  if (attribute === undefined) return
  try {
    if (attribute.text === undefined) {
      gaps.note('GNO_READ_SKIPPED', `scan: ${name} is there and no plain text`)
      report.break()
      return
    }
    const { scanNested } = context
    await tellKeras(Buffer.from(attribute.text), { report, gaps, cursor, scanNested, container: 'hdf5', member: name })
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    gaps.note(failure.code, `scan: ${name}: ${failure.detail}`)
    report.break()
  }
}
