// HDF5 files that no model library wrote: netCDF-4, MATLAB 7.3, plain arrays. They are described and no inventory of models.
import { readHdf5 } from './hdf5.ts'
import { findHdf5 } from './hdf5-file.ts'
import { judgeHdf5 } from './hdf5-kind.ts'
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

const MAX_FACT_CHARS = 512

/** The reader of HDF5 files without a trace of Keras. */
export const hdf5Data: FormatReader = {
  id: 'hdf5',
  endings: ['.h5', '.hdf5', '.nc', '.mat', '.h5ad'],
  certainty: 'magic',
  recognise: (look) => judgeHdf5(look) === 'data',
  read,
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const tree = readHdf5(cursor, findHdf5(look) ?? 0, gaps)
  const { datasets, groups, top, version, attributes } = tree
  const facts = new Map<string, string | number | boolean>([
    ['datasets', datasets.length],
    ['elements', datasets.reduce((sum, { elements }) => sum + elements, 0)],
    ['groups', groups.size],
    ['top', top.join(', ').slice(0, MAX_FACT_CHARS)],
  ])
  if (attributes.size > 0) facts.set('attributes', [...attributes.keys()].join(', ').slice(0, MAX_FACT_CHARS))
  return {
    isModel: true,
    holds: 'data',
    formatVersion: version === null ? null : String(version),
    facts,
    claims: {},
    hyperparameters: {},
    tensors: datasets,
    headerBytes: datasets.reduce(
      (least, { offset, bytes }) => (bytes === null ? least : Math.min(least, offset)),
      cursor.size,
    ),
  }
}
