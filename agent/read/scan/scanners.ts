// The scanners. They never import each other (an import rule); what lies inside a file goes back through `scanNested`.
import { scanGguf } from './scan-gguf.ts'
import { scanGgufTemplate } from './scan-gguf-template.ts'
import { scanJinja } from './scan-jinja.ts'
import { scanPickle } from './scan-pickle.ts'
import { scanTokenizerConfig } from './scan-tokenizer-config.ts'
import type { Scanner } from './scanner.ts'

export const scanners: readonly Scanner[] = [scanGguf, scanGgufTemplate, scanTokenizerConfig, scanJinja, scanPickle]
