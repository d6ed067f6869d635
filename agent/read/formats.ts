// The formats that are read, one line each. The first that recognises the first bytes reads the file.
import { burnBpk } from './burn-bpk.ts'
import { drawthings } from './drawthings.ts'
import { flaxMsgpack } from './flax-msgpack.ts'
import { ggmlLegacy } from './ggml-legacy.ts'
import { gguf } from './gguf.ts'
import { llama2c } from './llama2c.ts'
import { llama2cTokenizer } from './llama2c-tokenizer.ts'
import { llamafile } from './llamafile.ts'
import { marian } from './marian.ts'
import { numpy } from './numpy.ts'
import { safetensors } from './safetensors.ts'
import { tflite } from './tflite.ts'
import { ort } from './ort.ts'
import { executorch } from './executorch.ts'
import { hdf5Data } from './hdf5-data.ts'
import { kerasH5 } from './keras-h5.ts'
import { treeModels } from './tree-models.ts'
import { whisperGgml } from './whisper-ggml.ts'
import { mnn } from './mnn.ts'
import { onnx } from './onnx.ts'
import { litertlm } from './litertlm.ts'
import { mediapipeTask } from './mediapipe-task.ts'
import { dduf } from './dduf.ts'
import { kerasZip } from './keras-zip.ts'
import { openvino } from './openvino.ts'
import { ncnn } from './ncnn.ts'
import { tfSavedModel } from './tf-savedmodel.ts'
import { tfFrozen } from './tf-frozen.ts'
import { torchDistributed } from './torch-distributed.ts'
import { torchscript } from './torchscript.ts'
import { pytorchZip } from './pytorch-zip.ts'
import { pytorchLegacy } from './pytorch-legacy.ts'
import { pickle } from './pickle.ts'
import { rknn } from './rknn.ts'
import { tensorrt } from './tensorrt.ts'
import { qnnDlc } from './qnn-dlc.ts'
import { onednnOm } from './onednn-om.ts'
import { chromeNano } from './chrome-nano.ts'
import { hfIndex } from './hf-index.ts'
import { hfModelConfig } from './hf-model-config.ts'
import { hfTokenizerConfig } from './hf-tokenizer-config.ts'
import { mlc } from './mlc.ts'
import { sevenZip } from './seven-zip.ts'
import { zipArchive } from './zip-archive.ts'
import { tfCheckpoint } from './tf-checkpoint.ts'
import { coreml } from './coreml.ts'
import { tfjs } from './tfjs.ts'
import { mxnetCaffeDarknet } from './mxnet-caffe-darknet.ts'
import { sentencepiece } from './sentencepiece.ts'
import { nemo } from './nemo.ts'
import { paddle } from './paddle.ts'
import { pytorchMar } from './pytorch-mar.ts'
import { pytorchTar } from './pytorch-tar.ts'
import { skops } from './skops.ts'
import { joblib } from './joblib.ts'
import type { FormatReader } from './weights.ts'

export const formats: readonly FormatReader[] = [
  gguf, //
  safetensors,
  tflite,
  ort,
  executorch,
  kerasH5,
  hdf5Data,
  ggmlLegacy,
  whisperGgml,
  mnn,
  onnx,
  litertlm,
  mediapipeTask,
  kerasZip,
  dduf,
  openvino,
  ncnn,
  marian,
  numpy,
  tfSavedModel,
  tfFrozen,
  torchDistributed,
  torchscript,
  pytorchZip,
  pytorchLegacy,
  pickle,
  rknn,
  tensorrt,
  qnnDlc,
  onednnOm,
  sevenZip,
  mlc,
  chromeNano,
  hfTokenizerConfig,
  hfIndex,
  hfModelConfig,
  zipArchive,
  tfCheckpoint,
  coreml,
  burnBpk,
  llama2c,
  llama2cTokenizer,
  tfjs,
  mxnetCaffeDarknet,
  sentencepiece,
  pytorchTar,
  pytorchMar,
  nemo,
  paddle,
  skops,
  joblib,
  treeModels,
  llamafile,
  drawthings,
  flaxMsgpack,
]
