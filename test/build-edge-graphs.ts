// Graphs as text and the bare weights beside them: OpenVINO and ncnn. Each builder takes the one thing that may lie.
import { patternBytes } from './build-gguf.ts'

/** An OpenVINO graph of an input, two constants and a product. */
export function buildOpenvinoXml(
  options: { readonly size?: string; readonly offset?: string; readonly shape?: string; readonly before?: string } = {},
): Buffer {
  const { size = '24', offset = '0', shape = '2,3', before = '' } = options
  return Buffer.from(`<?xml version="1.0"?>
${before}<net name="tiny" version="11">
	<layers>
		<layer id="0" name="x" type="Parameter" version="opset1">
			<data shape="1,3" element_type="f32" />
			<output><port id="0" precision="FP32"><dim>1</dim><dim>3</dim></port></output>
		</layer>
		<layer id="1" name="weight" type="Const" version="opset1">
			<data element_type="f32" shape="${shape}" offset="${offset}" size="${size}" />
		</layer>
		<layer id="2" name="scale" type="Const" version="opset1">
			<data element_type="f16" shape="" offset="24" size="2" />
		</layer>
		<layer id="3" name="y" type="MatMul" version="opset1" />
	</layers>
	<edges><edge from-layer="0" from-port="0" to-layer="3" to-port="0" /></edges>
	<rt_info>
		<Runtime_version value="2024.4.0-16579" />
		<conversion_parameters><framework value="pytorch" /></conversion_parameters>
	</rt_info>
</net>
`)
}

/** The weights of that graph. */
export function buildOpenvinoBin(): Buffer {
  return patternBytes(26, 1)
}

/** An ncnn graph as text; `layers` is what its second line declares. */
export function buildNcnnParam(options: { readonly layers?: number; readonly inputs?: string } = {}): Buffer {
  return Buffer.from(`7767517
${options.layers ?? 3} 3
Input                    x                        0 1 x
Convolution              conv                     ${options.inputs ?? '1'} 1 x c 0=2 1=3 6=18
Softmax                  prob                     1 1 c prob
`)
}

/** The same graph as numbers. */
export function buildNcnnParamBin(options: { readonly layers?: number; readonly names?: number } = {}): Buffer {
  const words = [
    0x007685dd,
    options.layers ?? 3,
    3,
    16,
    0,
    1,
    0,
    -233,
    6,
    options.names ?? 1,
    1,
    0,
    1,
    0,
    2,
    1,
    3,
    -23310,
    2,
    7,
    8,
    -233,
    32,
    1,
    1,
    1,
    2,
    -233,
  ]
  const bytes = Buffer.alloc(words.length * 4)
  words.forEach((word, index) => bytes.writeInt32LE(word | 0, index * 4))
  return bytes
}

/** Weights of ncnn whose first blob is of half precision. */
export function buildNcnnBin(): Buffer {
  return Buffer.concat([Buffer.from('476b3001', 'hex'), patternBytes(36, 2), Buffer.alloc(4), patternBytes(8, 3)])
}
