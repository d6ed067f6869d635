// The scanners. They never import each other (an import rule); what lies inside a file goes back through `scanNested`.
import { scanGguf } from './scan-gguf.ts'
import { scanGgufTemplate } from './scan-gguf-template.ts'
import { scanJinja } from './scan-jinja.ts'
import { scanMetadata } from './scan-metadata.ts'
import { scanPickle } from './scan-pickle.ts'
import { scanTokenizerConfig } from './scan-tokenizer-config.ts'
import { scanNpy } from './scan-npy.ts'
import { scanPacked } from './scan-packed.ts'
import { scanSafetensorsText } from './scan-safetensors-text.ts'
import { scanSevenZip } from './scan-seven-zip.ts'
import { scanTar } from './scan-tar.ts'
import { scanTorchScript } from './scan-torchscript.ts'
import { scanZip } from './scan-zip.ts'
import { scanCaffe } from './scan-caffe.ts'
import { scanCoreml } from './scan-coreml.ts'
import { scanDisguised } from './scan-disguised.ts'
import { scanExecutorch } from './scan-executorch.ts'
import { scanHfIndex } from './scan-hf-index.ts'
import { scanLeftovers } from './scan-leftovers.ts'
import { scanLlamafile } from './scan-llamafile.ts'
import { scanLooseConfig } from './scan-loose-config.ts'
import { scanMar } from './scan-mar.ts'
import { scanNemo } from './scan-nemo.ts'
import { scanOnnx } from './scan-onnx.ts'
import { scanOpenvino } from './scan-openvino.ts'
import { scanOrt } from './scan-ort.ts'
import { scanPaddle } from './scan-paddle.ts'
import { scanSafetensors } from './scan-safetensors.ts'
import { scanSkops } from './scan-skops.ts'
import { scanFlax } from './scan-flax.ts'
import { scanKerasH5 } from './scan-keras-h5.ts'
import { scanKerasZip } from './scan-keras-zip.ts'
import { scanTensorflow } from './scan-tensorflow.ts'
import { scanTfCheckpoint } from './scan-tf-checkpoint.ts'
import { scanTfjs } from './scan-tfjs.ts'
import { scanTflite } from './scan-tflite.ts'
import type { Scanner } from './scanner.ts'

export const scanners: readonly Scanner[] = [
  scanGguf,
  scanGgufTemplate,
  scanTokenizerConfig,
  scanJinja,
  scanMetadata,
  scanPickle,
  scanNpy,
  scanPacked,
  scanSafetensorsText,
  scanSevenZip,
  scanTar,
  scanTorchScript,
  scanZip,
  scanCaffe,
  scanCoreml,
  scanDisguised,
  scanExecutorch,
  scanHfIndex,
  scanLeftovers,
  scanLlamafile,
  scanLooseConfig,
  scanMar,
  scanNemo,
  scanOnnx,
  scanOpenvino,
  scanOrt,
  scanPaddle,
  scanSafetensors,
  scanSkops,
  scanFlax,
  scanKerasH5,
  scanKerasZip,
  scanTensorflow,
  scanTfCheckpoint,
  scanTfjs,
  scanTflite,
]
