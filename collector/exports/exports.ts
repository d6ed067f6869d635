// The list of exports, one line each.
import { cyclonedxMlBom } from './cyclonedx-mlbom.ts'
import type { Export } from './export.ts'

export const exports: readonly Export[] = [cyclonedxMlBom]
