// Starts the collector of the quickstart on loopback and waits for its first line, which says where it listens.
import { createWriteStream, readFileSync } from 'node:fs'
import { endProgram, type Program, startProgram } from './programs.ts'

export interface RunningCollector {
  readonly program: Program
  readonly url: string
  readonly adminToken: string
  readonly adminTokenFile: string
}

export interface CollectorPlace {
  /** The built program. */
  readonly file: string
  readonly stateFolder: string
  readonly logFile: string
  /** Ends the waiting. */
  readonly signal: AbortSignal
}

const USUAL_ADDRESS = '127.0.0.1:8787'
const ANY_FREE_PORT = '127.0.0.1:0'
const START_WITHIN_MS = 20_000

/** Takes the usual port, or any free one when something else listens there. A text is the reason why it did not start. */
export async function startCollector(place: CollectorPlace): Promise<RunningCollector | string> {
  const first = await tryAddress(place, USUAL_ADDRESS)
  const isTaken = typeof first === 'string' && first.includes('GNO_LISTEN_FAILED')
  return isTaken ? tryAddress(place, ANY_FREE_PORT) : first
}

async function tryAddress(place: CollectorPlace, address: string): Promise<RunningCollector | string> {
  const args = [place.file, 'serve', '--state', place.stateFolder, '--listen', address, '--json']
  const program = startProgram({ name: 'collector', args, output: 'pipe' })
  const line = await firstLine(program, place)
  const started = readStart(line)
  if (started !== null) return { program, ...started }
  await endProgram(program, 1_000)
  return line.trim() === '' ? `the collector said nothing within ${START_WITHIN_MS / 1000} s` : line.trim()
}

/** The first line on stdout, or what was said on stderr when the program ends before it. All output goes to the log. */
async function firstLine(program: Program, place: CollectorPlace): Promise<string> {
  const { stdout, stderr } = program.child
  if (stdout === null || stderr === null) return ''
  const log = createWriteStream(place.logFile, { flags: 'a', mode: 0o600 })
  // A full disk must not stop the collector; its own state tells about that.
  log.on('error', () => stderr.resume())
  stderr.pipe(log)
  let complaint = ''
  stderr.on('data', (piece: Buffer) => {
    complaint = `${complaint}${piece.toString('utf8')}`.slice(-4_096)
  })
  const line = new Promise<string>((resolve) => {
    let text = ''
    stdout.on('data', (piece: Buffer) => {
      text = `${text}${piece.toString('utf8')}`.slice(0, 65_536)
      if (text.includes('\n')) resolve(text)
    })
  })
  const patience = AbortSignal.any([place.signal, AbortSignal.timeout(START_WITHIN_MS)])
  const late = new Promise<string>((resolve) => patience.addEventListener('abort', () => resolve('')))
  return Promise.race([line, program.ended.then(() => complaint), late])
}

function readStart(line: string): Omit<RunningCollector, 'program'> | null {
  try {
    const told: unknown = JSON.parse(line.split('\n')[0] ?? '')
    if (typeof told !== 'object' || told === null || !('listening' in told) || !('adminTokenFile' in told)) return null
    const { listening, adminTokenFile } = told
    if (typeof listening !== 'string' || typeof adminTokenFile !== 'string') return null
    return { url: listening, adminToken: readFileSync(adminTokenFile, 'utf8').trim(), adminTokenFile }
  } catch {
    return null
  }
}
