// Tells layers of Caffe that are Python: the module and class that pycaffe imports (BVLC/caffe:include/caffe/layers/python_layer.hpp).
// The other containers of the same reader hold numbers, but Torch 7 keeps functions of Lua: so nothing is called clean here.
//
//   net: 100 layer { 2 type | 130 python_param { 1 module | 2 layer | 3 param_str } }
import { type Cursor, readTrouble } from '../cursor.ts'
import { caffeKind } from '../caffe-net.ts'
import type { GapList } from '../gap-list.ts'
import { type FieldRange, fieldText, readAlong, readFields } from '../protobuf-fields.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

const PYTHON_PARAM = [100, 130] as const
const MAX_WORD_BYTES = 4_096
/** Descriptions of networks are under 1 MB of text. */
const MAX_TEXT_BYTES = 16_777_216
const MAX_LAYERS = 256
const TEXT_PARAM = /python_param\s{0,64}:?\s{0,64}\{([^}]{0,4096})/g
const WORD = /\b(module|layer)\s{0,16}:\s{0,16}["']([^"'\n]{0,256})["']/g

/** The scanner of Caffe's networks. */
export const scanCaffe: Scanner = {
  id: 'caffe',
  formats: [],
  looksAt: ({ format }) => format === 'mxnet-caffe-darknet',
  scan,
}

function scan(cursor: Cursor, report: LoadReport, _gaps: GapList, { look }: ScanContext): void {
  const kind = caffeKind(look)
  if (kind === 'text') scanText(cursor, report)
  if (kind !== 'binary') return
  for (const parameter of readAlong(cursor, { start: 0, size: cursor.size }, PYTHON_PARAM)) {
    const [module, layer] = wordsOf(cursor, parameter)
    tellLayer(module, layer, parameter.start, report)
  }
}

/** Module and class. */
function wordsOf(cursor: Cursor, parameter: FieldRange): readonly string[] {
  const words = ['', '']
  for (const field of readFields(cursor, parameter)) {
    const isWord = field.wireType === 2 && field.number <= 2
    if (isWord) words[field.number - 1] = fieldText(cursor, field, MAX_WORD_BYTES)
  }
  return words
}

function scanText(cursor: Cursor, report: LoadReport): void {
  if (cursor.size > MAX_TEXT_BYTES) throw readTrouble('GNO_READ_LIMIT', `${cursor.size} bytes of text`)
  const text = Buffer.from(cursor.copy(cursor.size)).toString('latin1')
  for (const { 1: inside = '', index } of [...text.matchAll(TEXT_PARAM)].slice(0, MAX_LAYERS)) {
    const words = new Map([...inside.matchAll(WORD)].map(([, key = '', value = '']) => [key, value]))
    tellLayer(words.get('module'), words.get('layer'), index, report)
  }
}

function tellLayer(module = '', layer = '', at: number, report: LoadReport): void {
  const shown = `import ${module}; ${module}.${layer}(…)`
  report.tell({
    kind: 'configured-object',
    name: `caffe-python.${module}.${layer}`,
    shown,
    facts: { format: 'caffe' },
    at,
  })
}
