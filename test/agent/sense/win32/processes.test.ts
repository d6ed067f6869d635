import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Interpretation, ProcessObservation, Sensor } from '../../../../contract/observation.ts'
import { windowsGraphics } from '../../../../agent/sense/win32/graphics.ts'
import { windowsListeners } from '../../../../agent/sense/win32/listeners.ts'
import { type WindowsProcessesCapture, windowsProcesses } from '../../../../agent/sense/win32/processes.ts'

const corpus = join(import.meta.dirname, '../../../corpus/sense/win32')
const captured = (file: string): WindowsProcessesCapture =>
  (JSON.parse(readFileSync(join(corpus, file), 'utf8')) as { readonly capture: WindowsProcessesCapture }).capture
const interpret = (text: string): Interpretation => windowsProcesses.interpret({ printed: { text } })
const processesOf = ({ observations }: Interpretation): readonly ProcessObservation[] =>
  observations.filter((one) => one.kind === 'process')
const row = (pid: number, more: object = {}): string =>
  `${JSON.stringify({ Kind: 'process', ProcessId: pid, ParentProcessId: 4, Name: 'a.exe', ExecutablePath: 'C:\\a.exe', CommandLine: 'a', CreationDate: '/Date(1789820433377)/', WorkingSetSize: 1, PrivatePageCount: 2, ...more })}\r\n`
const END = '{"Kind":"end","Processes":1,"Large":0}\r\n'
const codes = ({ gaps }: Interpretation) => gaps.map(({ code, place, count }) => [code, place, count])

describe('windowsProcesses', () => {
  it('tells a runtime with its parent, memory, owner and libraries', () => {
    const seen = processesOf(windowsProcesses.interpret(captured('processes.json')))

    const server = seen.find(({ pid }) => pid === 14904)
    const folder = 'C:\\Users\\ann\\AppData\\Local\\Programs\\Ollama'
    expect(server).toMatchObject({
      startTicks: '1789820433377',
      startedAt: '2026-09-19T12:20:33.377Z',
      parentPid: 9524,
      name: 'llama-server.exe',
      executable: { path: `${folder}\\lib\\ollama\\llama-server.exe` },
      user: { name: 'S-1-5-21-3623811015-3361044348-30300820-1013' },
      memory: null,
      residentBytes: 2_435_342_336,
      privateBytes: 1_087_729_664,
      open: null,
    })
    expect(server?.mapped?.map(({ path, isExecutable }) => [path, isExecutable])).toContainEqual([
      `${folder}\\lib\\ollama\\cuda_v12\\ggml-cuda.dll`,
      true,
    ])
    expect(server?.commandLine.slice(1, 3)).toEqual([
      '--model',
      'C:\\Users\\ann\\.ollama\\models\\blobs\\sha256-dde5aa3fc5ffc17176b5e8bdc82f587b24b2678c6c66101bf7da77af9f7ccdff',
    ])
  })

  it('says what it cannot see, and lets no secret through', () => {
    const told = windowsProcesses.interpret(captured('processes.json'))

    expect(codes(told)).toEqual([
      ['GNO_SENSE_DENIED', 'libraries', 1],
      ['GNO_SENSE_DENIED', 'Win32_Process', 1],
      ['GNO_SENSE_UNSUPPORTED', 'open files', 7],
    ])
    expect(JSON.stringify(told)).not.toMatch(/merger|hf_abc|my secret plan/)
    expect(processesOf(told).find(({ pid }) => pid === 7012)?.mapped).toBeNull()
  })

  it('lets no process forge a line, and keeps names well-formed', () => {
    const told = windowsProcesses.interpret(captured('processes-hostile.json'))

    expect(processesOf(told).map(({ pid }) => pid)).toEqual([100, 101, 105])
    expect(processesOf(told).every(({ name }) => name.isWellFormed())).toBe(true)
    expect(processesOf(told).every(({ user }) => user.name === null)).toBe(true)
    expect(codes(told)).toEqual([
      ['GNO_SENSE_FAILED', 'Win32_Process', 4],
      ['GNO_SENSE_LIMIT', 'Win32_Process', 1],
      ['GNO_SENSE_DENIED', 'Win32_Process', 1],
      ['GNO_SENSE_LIMIT', 'libraries', 1],
      ['GNO_SENSE_DENIED', 'Win32_Process', 1],
      ['GNO_SENSE_FAILED', 'Win32_Process', 4],
      ['GNO_SENSE_UNSUPPORTED', 'open files', 3],
    ])
  })

  it('keeps of a list of libraries what is a path, up to its limit', () => {
    const seen = processesOf(windowsProcesses.interpret(captured('processes-hostile.json'))).find(
      ({ pid }) => pid === 105,
    )

    expect(seen?.mapped?.slice(0, 2)).toMatchObject([
      { path: 'C:\\t\\half\ufffd.dll', mappedBytes: 0, dev: '', inode: '' },
      { path: 'C:\\x.dll', mappedBytes: 0 },
    ])
    expect(seen?.mapped).toHaveLength(1_024 - 3)
  })

  it('tells numbers that cannot be exact as unknown, never as something near', () => {
    const [seen] = processesOf(windowsProcesses.interpret(captured('processes-hostile.json'))).filter(
      ({ pid }) => pid === 101,
    )

    expect([seen?.residentBytes, seen?.privateBytes]).toEqual([null, null])
  })

  it('keeps the lines before a cut, and says that it is one', () => {
    const whole = row(10) + row(11) + END

    const told = interpret(whole.slice(0, row(10).length + 40))

    expect(processesOf(told).map(({ pid }) => pid)).toEqual([10])
    expect(codes(told).slice(0, 2)).toEqual([
      ['GNO_SENSE_FAILED', 'Win32_Process', 1],
      ['GNO_SENSE_LIMIT', 'Win32_Process', 1],
    ])
  })

  it('is bounded on a huge list', () => {
    const pids = Array.from({ length: 20_000 }, (_, index) => index + 1)
    const told = interpret(`${pids.map((pid) => row(pid)).join('')}{"Kind":"end","Processes":20000,"Large":99}\r\n`)

    expect(told.observations).toHaveLength(16_384)
    expect(codes(told)).toContainEqual(['GNO_SENSE_LIMIT', 'Win32_Process', 20_000 - 16_384])
    expect(codes(told).filter(([code, place]) => code === 'GNO_SENSE_LIMIT' && place === 'libraries')).toHaveLength(1)
  })

  it.each([
    ['HRESULT 0x80041003,Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand', 'GNO_SENSE_DENIED'],
    ['HRESULT 0x80041010,Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand', 'GNO_SENSE_FAILED'],
  ])('makes a gap of %s', (code, expected) => {
    const trouble = JSON.stringify({ Kind: 'trouble', Part: 'process', Code: code })

    expect(codes(interpret(`${trouble}\r\n${END}`))).toEqual([[expected, 'Win32_Process', 1]])
  })
})

/** Runs the collecting half here, where the program is absent, and notes what it would have started. */
async function collectHere<Capture>(sensor: Sensor<Capture>) {
  const started: unknown[] = []
  const note = (message: unknown) => void started.push((message as { readonly process: unknown }).process)
  subscribe('child_process', note)
  const signal = new AbortController().signal
  const told = sensor.interpret(await sensor.collect({ signal, now: () => new Date(0) }))
  unsubscribe('child_process', note)
  return { told, started: started as readonly { readonly spawnfile: string; readonly spawnargs: readonly string[] }[] }
}

const SYSTEM = 'C:\\Windows\\System32'
const POWERSHELL = `${SYSTEM}\\WindowsPowerShell\\v1.0\\powershell.exe`

describe('what the sensors of Windows start', () => {
  it.each([
    ['win32-processes', () => collectHere(windowsProcesses)],
    ['win32-graphics', () => collectHere(windowsGraphics)],
  ])('%s: PowerShell by absolute path, with a script that needs no quoting', async (_id, collect) => {
    const { started, told } = await collect()

    expect(started).toHaveLength(1)
    const [program, ...args] = started[0]?.spawnargs ?? []
    expect(program).toBe(POWERSHELL)
    expect(args.slice(0, -1)).toEqual(['-NoLogo', '-NoProfile', '-NonInteractive', '-Command'])
    const script = args.at(-1) ?? ''
    // CreateProcess takes 32,767 characters; a double quote or a line end would be read by somebody else first.
    expect(script.length).toBeLessThan(8_000)
    expect(script).not.toMatch(/["\r\n]/)
    expect(isBalanced(script)).toBe(true)
    expect(told.observations).toEqual([])
    expect(told.gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED', detail: expect.stringContaining('ENOENT') }])
  })

  it('win32-listeners: netstat for both families of addresses', async () => {
    const { started, told } = await collectHere(windowsListeners)

    expect(started.map(({ spawnargs }) => spawnargs)).toEqual([
      [`${SYSTEM}\\netstat.exe`, '-a', '-n', '-o', '-p', 'TCP'],
      [`${SYSTEM}\\netstat.exe`, '-a', '-n', '-o', '-p', 'TCPv6'],
    ])
    expect(told.observations).toEqual([])
    expect(codes(told).map(([code, place]) => [code, place])).toEqual([
      ['GNO_SENSE_FAILED', 'netstat -p TCP'],
      ['GNO_SENSE_FAILED', 'netstat -p TCPv6'],
    ])
  })
})

/** Brackets close in order, and texts in single quotes end: the least that PowerShell asks of a script. */
function isBalanced(script: string): boolean {
  const open: string[] = []
  for (const [mark] of script.matchAll(/'[^']*'|[(){}[\]]|'/g)) {
    if (mark === "'") return false
    if (mark.startsWith("'")) continue
    const at = '({['.indexOf(mark)
    if (at >= 0) open.push(')}]'.charAt(at))
    else if (open.pop() !== mark) return false
  }
  return open.length === 0
}
