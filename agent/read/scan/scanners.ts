// The scanners. They never import each other (an import rule); what lies inside a file goes back through `scanNested`.
import { scanGguf } from './scan-gguf.ts'
import { scanGgufTemplate } from './scan-gguf-template.ts'
import { scanJinja } from './scan-jinja.ts'
import { scanPickle } from './scan-pickle.ts'
import { scanTokenizerConfig } from './scan-tokenizer-config.ts'
import { scanNpy } from './scan-npy.ts'
import { scanPacked } from './scan-packed.ts'
import { scanSafetensorsText } from './scan-safetensors-text.ts'
import { scanSevenZip } from './scan-seven-zip.ts'
import { scanTar } from './scan-tar.ts'
import { scanTorchScript } from './scan-torchscript.ts'
import { scanZip } from './scan-zip.ts'
import type { Scanner } from './scanner.ts'

export const scanners: readonly Scanner[] = [
  scanGguf,
  scanGgufTemplate,
  scanTokenizerConfig,
  scanJinja,
  scanPickle,
  scanNpy,
  scanPacked,
  scanSafetensorsText,
  scanSevenZip,
  scanTar,
  scanTorchScript,
  scanZip,
]
