// Sensor: graphics cards and neural processors of Windows, and which processes use how much of them, from its performance
// counters (Microsoft: GPUs in the task manager, DirectX blog 2017), by the names of their WMI classes, which are the same in
// every language. Which adapter is which card is told by the registry of DirectX, where both have the LUID (recorded in
// github.com/unslothai/unsloth/pull/8863). Neural processors have no counters of their own: they are adapters that compute and do
// nothing else. Proved from captures; nothing here has run on Windows yet.
import type { Interpretation, SenseContext, Sensor } from '../../../contract/observation.ts'
import { createGapList } from '../gap-list.ts'
import type { Printed } from '../run-program.ts'
import { readRows } from './answer-rows.ts'
import { describeDevices, describeUses, readDevices } from './graphics-use.ts'
import { askPowerShell, POWERSHELL, tellRows } from './powershell.ts'

const COUNTERS = 'Win32_PerfFormattedData_GPUPerformanceCounters_'
const TIMEOUT = '-OperationTimeoutSec 10'
/** One adapter, some engines of it, and a process each: a desktop has 2,000. */
const MAX_COUNTED = 50_000

const counted = (kind: string, source: string, fields: string): string =>
  tellRows(
    kind,
    `Get-CimInstance -ClassName ${COUNTERS}${source} -Property Name,${fields} ${TIMEOUT}|Select-Object -First ${MAX_COUNTED}`,
    `Name,${fields}`,
  )

const SCRIPT: readonly string[] = [
  counted('memory', 'GPUAdapterMemory', 'DedicatedUsage,SharedUsage'),
  counted('use', 'GPUProcessMemory', 'DedicatedUsage,SharedUsage'),
  counted('engine', 'GPUEngine', 'UtilizationPercentage'),
  tellRows(
    'adapter',
    `Get-ChildItem -LiteralPath 'HKLM:\\SOFTWARE\\Microsoft\\DirectX'|ForEach-Object{Get-ItemProperty -LiteralPath $_.PSPath}|Where-Object{$_.AdapterLuid}`,
    'AdapterLuid,Description,VendorId,DedicatedVideoMemory,SharedSystemMemory',
  ),
  // Last, so that a process that took over a number meanwhile is younger than the counters and not believed to be meant.
  tellRows(
    'start',
    'Get-CimInstance -ClassName Win32_Process -Property ProcessId,CreationDate -OperationTimeoutSec 20',
    'ProcessId,CreationDate',
  ),
  `[pscustomobject]@{Kind='end'}|ConvertTo-Json -Compress`,
]

/** What PowerShell printed, and when it was asked. */
export interface WindowsGraphicsCapture {
  readonly askedAtMs: number
  readonly printed: Printed
}

export const windowsGraphics: Sensor<WindowsGraphicsCapture> = {
  id: 'win32-graphics',
  platform: 'win32',
  touches: [
    `program: ${POWERSHELL} -NoLogo -NoProfile -NonInteractive -Command with one fixed script, every two minutes at most: Get-CimInstance ${COUNTERS}GPUAdapterMemory, GPUProcessMemory and GPUEngine, Win32_Process (number and start time)`,
    'registry: HKLM\\SOFTWARE\\Microsoft\\DirectX\\*: AdapterLuid, Description, VendorId, DedicatedVideoMemory, SharedSystemMemory',
  ],
  collects: [
    'graphics cards and neural processors: model, size and use of their memory, how busy they are',
    'of processes that use one: how much memory they use on it and how busy they keep it; nothing of what they draw or compute',
  ],
  collect: async (context: SenseContext) => ({
    askedAtMs: context.now().getTime(),
    printed: await askPowerShell(SCRIPT, context),
  }),
  interpret: interpretGraphics,
}

function interpretGraphics({ askedAtMs, printed }: WindowsGraphicsCapture): Interpretation {
  const gaps = createGapList()
  const rows = readRows(printed, 'GPU counters', gaps)
  const devices = readDevices(rows, gaps)
  const uses = describeUses(rows, devices, askedAtMs, gaps)
  return { observations: [...describeDevices(devices), ...uses], gaps: gaps.list() }
}
