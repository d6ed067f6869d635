// Sensor: who listens on a Windows machine, by netstat.exe, which takes some milliseconds where PowerShell takes a second. It is
// asked once for each family of addresses. Proved from captures; nothing here has run on Windows yet.
import type { Interpretation, ListenerObservation, SenseContext, Sensor } from '../../../contract/observation.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { type Printed, runProgram } from '../run-program.ts'
import { type NetstatListener, parseNetstatLine } from './netstat-text.ts'
import { windowsFolder } from './powershell.ts'

const TIMEOUT_MS = 20_000
/** A line has 80 bytes; a busy server has 100,000 connections. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const MAX_LINES = 200_000
/** Listeners kept; Windows has 65,535 ports, and several addresses. */
const MAX_LISTENERS = 16_384
/** Owners named for one place: SO_REUSEADDR shares it. */
const MAX_OWNERS = 64
const PLACE = '\\System32\\netstat.exe'
const FAMILIES = ['TCP', 'TCPv6'] as const

/** What netstat printed for each family. */
export interface WindowsListenersCapture {
  readonly answers: Readonly<Record<(typeof FAMILIES)[number], Printed>>
}

export const windowsListeners: Sensor<WindowsListenersCapture> = {
  id: 'win32-listeners',
  platform: 'win32',
  touches: [`program: %SystemRoot%${PLACE} -a -n -o -p TCP, and the same with TCPv6, every 30 seconds at most`],
  collects: [
    'listening TCP sockets: address, port, and the number of the process that holds each; connections are read over and not kept',
  ],
  collect: collectListeners,
  interpret: interpretListeners,
}

async function collectListeners({ signal }: SenseContext): Promise<WindowsListenersCapture> {
  const ask = (family: string): Promise<Printed> =>
    runProgram(`${windowsFolder()}${PLACE}`, ['-a', '-n', '-o', '-p', family], {
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_OUTPUT_BYTES,
      signal,
      // Headings are in the code page of the console; nothing but ASCII is read from a line.
      encoding: 'latin1',
      keepsPart: true,
    })
  const TCP = await ask('TCP')
  return { answers: { TCP, TCPv6: await ask('TCPv6') } }
}

function interpretListeners({ answers }: WindowsListenersCapture): Interpretation {
  const gaps = createGapList()
  const listeners = new Map<string, ListenerObservation>()
  for (const family of FAMILIES) {
    const place = `netstat -p ${family}`
    const found = linesOf(answers[family], place, gaps).map(parseNetstatLine)
    for (const each of found.filter((one) => one !== null)) addListener(listeners, each, place, gaps)
  }
  return { observations: [...listeners.values()], gaps: gaps.list() }
}

function linesOf(printed: Printed, place: string, gaps: GapList): readonly string[] {
  if ('trouble' in printed) {
    gaps.add('GNO_SENSE_FAILED', place, `netstat gave nothing: ${printed.trouble}`)
    return []
  }
  // Headings come always; without any text it was somebody else who answered.
  if (printed.text.trim() === '') gaps.add('GNO_SENSE_FAILED', place, 'netstat printed nothing')
  const lines = printed.text.split('\n', MAX_LINES + 1)
  const isCut = printed.cut !== undefined || lines.length > MAX_LINES
  if (isCut) gaps.add('GNO_SENSE_LIMIT', place, `the table is only a part: ${printed.cut ?? 'too many lines'}`)
  return lines.slice(0, MAX_LINES)
}

function addListener(
  listeners: Map<string, ListenerObservation>,
  { protocol, address, port, scope, pid }: NetstatListener,
  place: string,
  gaps: GapList,
): void {
  // Windows tells no number of the socket: its place is its name.
  const inode = `${protocol} ${address} ${port}`
  const known = listeners.get(inode)
  if (known === undefined && listeners.size >= MAX_LISTENERS) {
    gaps.add('GNO_SENSE_LIMIT', place, `listeners beyond the limit of ${MAX_LISTENERS}`)
    return
  }
  if (pid === null) gaps.add('GNO_SENSE_FAILED', place, 'sockets without a known owner were told')
  const owners = new Set([...(known?.pids ?? []), ...(pid === null ? [] : [pid])])
  const pids = [...owners].slice(0, MAX_OWNERS)
  listeners.set(inode, { kind: 'listener', protocol, address, port, scope, inode, pids })
}
