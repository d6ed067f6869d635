// TensorFlow Lite, now LiteRT (.tflite): a flatbuffer with the identifier TFL3; what is in it is read in tflite-model.ts.
import { hasIdentifier } from './flatbuffer.ts'
import { readTfliteModel } from './tflite-model.ts'
import type { FormatReader } from './weights.ts'

/** The reader of TensorFlow Lite models. */
export const tflite: FormatReader = {
  id: 'tflite',
  endings: ['.tflite', '.lite'],
  certainty: 'magic',
  recognise: (look) => hasIdentifier(look, 'TFL3'),
  read: (cursor, gaps) => readTfliteModel(cursor, gaps, 'TFL3'),
}
