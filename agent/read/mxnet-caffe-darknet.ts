// The containers of older frameworks, one each: Caffe's networks, MXNet's arrays, Darknet's values and its configuration,
// Torch 7's objects.
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { caffeKind, readCaffe } from './caffe-net.ts'
import { isDarknetConfig, isDarknetWeights, readDarknetConfig, readDarknetWeights } from './darknet-files.ts'
import { isMxnetParams, readMxnetParams } from './mxnet-params.ts'
import type { Look } from './look.ts'
import { isTorch7, readTorch7 } from './torch7.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

/** The reader of older frameworks. */
export const mxnetCaffeDarknet: FormatReader = {
  id: 'mxnet-caffe-darknet',
  endings: ['.caffemodel', '.prototxt', '.params', '.weights', '.cfg', '.t7'],
  certainty: 'structure',
  recognise: (look) =>
    isMxnetParams(look) ||
    isTorch7(look) ||
    isDarknetWeights(look) ||
    isDarknetConfig(look) ||
    caffeKind(look) !== null,
  read,
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  if (isMxnetParams(look)) return readMxnetParams(cursor, gaps)
  if (isTorch7(look)) return readTorch7(cursor, gaps)
  if (isDarknetWeights(look)) return readDarknetWeights(cursor, gaps)
  if (isDarknetConfig(look)) return readDarknetConfig(cursor, gaps)
  return readCaffe(cursor, gaps, kindOf(look))
}

function kindOf(look: Look): 'binary' | 'text' {
  return caffeKind(look) ?? 'binary'
}
