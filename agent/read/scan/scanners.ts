// The scanners. They never import each other (an import rule); what lies inside a file goes back through `scanNested`.
import type { Scanner } from './scanner.ts'

export const scanners: readonly Scanner[] = []
