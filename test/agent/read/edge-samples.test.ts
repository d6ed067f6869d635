// The samples of the edge runtimes' formats are what their builders make: nobody edits bytes by hand.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import {
  buildCircle,
  buildDl4j,
  buildDlc,
  buildDlcZip,
  buildEngine,
  buildOm,
  buildQnnContext,
  buildRknn,
  buildTvm,
  buildVpmn,
} from '../../build-chip-models.ts'
import { buildLitertlm, buildTask } from '../../build-edge-bundles.ts'
import { buildNcnnBin, buildNcnnParam, buildNcnnParamBin, buildOpenvinoXml } from '../../build-edge-graphs.ts'
import { buildMnn, buildOrt, buildPtd, buildPte, buildTflite } from '../../build-edge-models.ts'

const corpus = join(import.meta.dirname, '../../corpus/read')
const PREFACE =
  '{"description":"Example model","author":"Example Labs","license":"AGPL-3.0","version":"8.3.0","task":"detect"}'

describe('a committed sample', () => {
  it.each([
    ['tflite/two-layers.tflite', () => buildTflite().bytes],
    ['ort/gemm.ort', () => buildOrt().bytes],
    ['executorch/linear.pte', () => buildPte().bytes],
    ['executorch/linear.ptd', () => buildPtd().bytes],
    ['mnn/convolution.mnn', () => buildMnn().bytes],
    ['litertlm/prefill.litertlm', () => buildLitertlm()],
    ['mediapipe-task/prefill.task', () => buildTask()],
    ['openvino/product.xml', () => buildOpenvinoXml()],
    ['ncnn/convolution.param', () => buildNcnnParam()],
    ['ncnn/convolution.param.bin', () => buildNcnnParamBin()],
    ['ncnn/half.bin', () => buildNcnnBin()],
    ['rknn/tiny.rknn', () => buildRknn()],
    ['rknn/tiny.nb', () => buildVpmn()],
    ['qnn-dlc/tiny.dlc', () => buildDlc()],
    ['qnn-dlc/tiny-zip.dlc', () => buildDlcZip()],
    ['qnn-dlc/context.bin', () => buildQnnContext()],
    ['tensorrt/tiny.engine', () => buildEngine()],
    ['tensorrt/prefaced.engine', () => buildEngine({ preface: PREFACE })],
    ['onednn-om/tiny.om', () => buildOm()],
    ['onednn-om/tiny.circle', () => buildCircle()],
    ['onednn-om/tiny.params', () => buildTvm()],
    ['onednn-om/tiny.zip', () => buildDl4j()],
  ])('%s is what its builder makes', (path, build) => {
    expect(build().equals(readFileSync(join(corpus, path)))).toBe(true)
  })
})
