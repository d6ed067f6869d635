// `npm run screenshot`: the pictures of README, from a real quickstart over a demo home. The terminal as SVG, the page by
// Debian's Chromium where it is installed. Linux only: it needs script(1) for a terminal of its own.
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { RENAMED_MODEL, writeDemoModel } from './demo-model.ts'
import { PROCESS_NAME, startDemoRuntime } from './demo-runtime.ts'
import { drawTerminal } from './terminal-picture.ts'

const SCRIPT = '/usr/bin/script'
const CHROMIUM = '/usr/bin/chromium'
const COLUMNS = 128
/** Room for every column of `gnomon ps`. */
const PS_COLUMNS = 190
const WITHIN_MS = 120_000
const RENAMED = 'meeting-notes-2026'
const CTRL_C = '\u0003'
/** Pictures of one finding each: the policy that raises it, and a word of the demo in its row, since other things may run here. */
const PICTURED = {
  finding: { policyId: 'claims-contradict-structure', word: RENAMED },
  story: { policyId: 'unapproved-inference', word: PROCESS_NAME },
}

const dist = dirname(import.meta.dirname)
const root = dirname(dist)
const pictures = join(root, 'docs/pictures')
const run = promisify(execFile)

interface Pictured {
  readonly policyId: string
  readonly word: string
}

interface Session {
  readonly said: () => string
  readonly page: { readonly url: string; readonly token: string }
  readonly stop: () => Promise<void>
}

/** `npm start` on a terminal of its own, from its first line to Ctrl-C. */
async function startQuickstart(state: string, folder: string): Promise<Session> {
  const words = [process.execPath, join(dist, 'installer/quickstart.js'), '--state', state, folder]
  const command = `stty cols ${COLUMNS} rows 48; exec ${words.map((word) => `'${word}'`).join(' ')}`
  const child = spawn(SCRIPT, ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const page = await new Promise<Session['page']>((resolve, reject) => {
    const guard = setTimeout(() => reject(new Error(`the quickstart showed no page:\n${text}`)), WITHIN_MS)
    child.stdout.on('data', (piece: Buffer) => {
      text += piece.toString('utf8')
      const [, url, token] = /page\s+(http:\/\/[^/]+)\/#token=(\S+)/.exec(text) ?? []
      if (url === undefined || token === undefined) return
      clearTimeout(guard)
      resolve({ url, token })
    })
    void ended.then(() => reject(new Error(`the quickstart ended:\n${text}`)))
  })
  const stop = async (): Promise<void> => {
    child.stdin.write(CTRL_C)
    await ended
  }
  return { said: () => text, page, stop }
}

async function findingOf({ page }: Session, { policyId, word }: Pictured): Promise<string> {
  const headers = { authorization: `Bearer ${page.token}` }
  const answer = await fetch(`${page.url}/api/v1/findings?limit=200`, { headers })
  const rows: readonly unknown[] = itemsOf(await answer.json())
  for (const row of rows) {
    const text = JSON.stringify(row)
    const [, id] = /"findingId":"([^"]+)"/.exec(text) ?? []
    if (id !== undefined && text.includes(`"policyId":"${policyId}"`) && text.includes(word)) return id
  }
  throw new Error(`the demo raised no finding of ${policyId}:\n${JSON.stringify(rows)}`)
}

function itemsOf(page: unknown): readonly unknown[] {
  return typeof page === 'object' && page !== null && 'items' in page && Array.isArray(page.items) ? page.items : []
}

async function photograph(address: string, file: string, height: number): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'gnomon-chromium-'))
  try {
    const switches = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--hide-scrollbars',
      `--user-data-dir=${profile}`,
      `--window-size=1280,${height}`,
      // Waits for the answers of the API, which the page asks for after it is loaded.
      '--virtual-time-budget=4000',
      `--screenshot=${file}`,
    ]
    await run(CHROMIUM, [...switches, address], { timeout: WITHIN_MS })
  } finally {
    rmSync(profile, { recursive: true, force: true })
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function photographPage(session: Session): Promise<void> {
  if (!existsSync(CHROMIUM)) {
    say(`skipped: the page has no new picture, ${CHROMIUM} is not installed (apt-get install chromium)`)
    return
  }
  const { url, token } = session.page
  await photograph(`${url}/#token=${token}`, join(pictures, 'page.png'), 900)
  for (const [picture, pictured] of Object.entries(PICTURED)) {
    const at = `/finding/${encodeURIComponent(await findingOf(session, pictured))}`
    await photograph(`${url}/#token=${token}&at=${at}`, join(pictures, `${picture}.png`), 1000)
  }
  say(`page.png, ${Object.keys(PICTURED).join('.png, ')}.png taken`)
}

interface Drawn {
  readonly picture: string
  readonly title: string
  readonly columns: number
  readonly args: readonly string[]
}

/** One command of `gnomon`, on a terminal of its own. */
async function drawCommand({ picture, title, columns, args }: Drawn): Promise<void> {
  const words = [process.execPath, join(dist, 'agent/gnomon.js'), ...args]
  const command = `stty cols ${columns} rows 48; exec ${words.map((word) => `'${word}'`).join(' ')}`
  const { stdout } = await run(SCRIPT, ['-qefc', command, '/dev/null'], { timeout: WITHIN_MS })
  writeFileSync(join(pictures, picture), drawTerminal(title, stdout))
  say(`${picture} drawn`)
}

async function takePictures(place: string): Promise<void> {
  const home = join(place, 'ann')
  mkdirSync(join(home, 'Documents'), { recursive: true })
  writeDemoModel(join(home, 'Documents', RENAMED), RENAMED_MODEL)
  const runtime = await startDemoRuntime({ dist, home })
  try {
    const session = await startQuickstart(join(place, '.gnomon'), home)
    try {
      await photographPage(session)
      // Beside the daemon, which knows what the model did before this look.
      const args = ['ps', '--state', join(place, '.gnomon/agent')]
      await drawCommand({ picture: 'ps.svg', title: 'gnomon ps', columns: PS_COLUMNS, args })
    } finally {
      await session.stop()
    }
    const args = ['inspect', join(home, 'Documents', RENAMED)]
    await drawCommand({ picture: 'inspect.svg', title: `gnomon inspect ${RENAMED}`, columns: COLUMNS, args })
    const shown = session.said().replaceAll(/#token=\S+/g, '#token=…')
    writeFileSync(join(pictures, 'quickstart.svg'), drawTerminal('npm start', shown.replaceAll('^C', '')))
    say('quickstart.svg drawn')
  } finally {
    await runtime.stop()
  }
}

if (process.platform !== 'linux' || !existsSync(SCRIPT)) {
  process.stderr.write(`GNO_RUNTIME_UNSUPPORTED: the pictures are made on Linux with ${SCRIPT}\n`)
  process.exit(3)
}
// A fixed name, since it is seen in the pictures; mkdir fails when somebody else's folder is there.
const place = join(tmpdir(), 'gnomon-demo')
rmSync(place, { recursive: true, force: true })
mkdirSync(place, { mode: 0o700 })
mkdirSync(pictures, { recursive: true })
try {
  await takePictures(place)
} finally {
  rmSync(place, { recursive: true, force: true })
}
