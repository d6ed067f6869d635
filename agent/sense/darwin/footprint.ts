// A close look at the memory of one process of macOS: what it is charged with, what it gave the accelerator, what it maps. Half a
// second of processor time each, so candidates only. `footprint` is exact and asked first; where it is absent or tells no total,
// `vmmap` is asked, which suspends the process for an instant. Both are refused for processes of others without root, and for those that the system
// protects.
import type { Gap } from '../../../contract/wire.ts'
import { createGapList } from '../gap-list.ts'
import type { Printed } from '../run-program.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'
import { textOf } from './answer-text.ts'
import { askProgram } from './ask-system.ts'
import { type Footprint, parseFootprint, parseVmmap } from './footprint-text.ts'

/** What this close look touches. */
export const footprintDeclaration: TouchDeclaration = {
  id: 'darwin-footprint',
  platform: 'darwin',
  touches: [
    'programs: /usr/bin/footprint -f bytes -p PID, and where it tells nothing /usr/bin/vmmap -summary PID (of processes that look like a runtime, hold weights or much memory)',
  ],
  collects: [
    'of processes that look like a runtime, hold weights or much memory: physical footprint, memory given to the graphics accelerator, memory of mapped files; never what is in it',
  ],
}

/** Answers of the programs, as printed; vmmap is null where it was not asked. */
export interface FootprintCapture {
  readonly footprint: Printed
  readonly vmmap: Printed | null
}

/** Asks about one process. */
export async function askFootprint(pid: number, signal: AbortSignal): Promise<FootprintCapture> {
  const number = String(Math.trunc(pid))
  const footprint = await askProgram('/usr/bin/footprint', ['-f', 'bytes', '-p', number], signal)
  const isTold = 'text' in footprint && parseFootprint(footprint.text).footprintBytes !== null
  return { footprint, vmmap: isTold ? null : await askProgram('/usr/bin/vmmap', ['-summary', number], signal) }
}

/** Pure: what the answers say, and what they do not. */
export function interpretFootprint({ footprint, vmmap }: FootprintCapture): {
  readonly footprint: Footprint | null
  readonly gaps: readonly Gap[]
} {
  const gaps = createGapList()
  const exact = parseFootprint(textOf(footprint, 'footprint', gaps) ?? '')
  if (exact.footprintBytes !== null) return { footprint: exact, gaps: gaps.list() }
  const rounded = vmmap === null ? null : parseVmmap(textOf(vmmap, 'vmmap', gaps) ?? '')
  if (rounded !== null && rounded.footprintBytes !== null) return { footprint: rounded, gaps: gaps.list() }
  gaps.add('GNO_SENSE_FAILED', 'footprint, vmmap', 'the memory of this process was not told')
  return { footprint: null, gaps: gaps.list() }
}
