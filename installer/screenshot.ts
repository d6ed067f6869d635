// `npm run screenshot`: the pictures of README, from a real quickstart over a demo folder. The terminal as SVG, the page by
// Debian's Chromium where it is installed. Linux only: it needs script(1) for a terminal of its own.
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { writeDemoModel } from './demo-model.ts'
import { drawTerminal } from './terminal-picture.ts'

const SCRIPT = '/usr/bin/script'
const CHROMIUM = '/usr/bin/chromium'
const COLUMNS = 128
const WITHIN_MS = 120_000
const CTRL_C = '\u0003'

const dist = dirname(import.meta.dirname)
const root = dirname(dist)
const pictures = join(root, 'docs/pictures')
const run = promisify(execFile)

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

/** The finding with the most to show: the first of the highest severity. */
async function worstFinding({ page }: Session): Promise<string> {
  const headers = { authorization: `Bearer ${page.token}` }
  for (const severity of ['high', 'medium', 'low', 'info']) {
    const answer = await fetch(`${page.url}/api/v1/findings?severity=${severity}`, { headers })
    const [, id] = /"findingId":"([^"]+)"/.exec(await answer.text()) ?? []
    if (id !== undefined) return id
  }
  throw new Error('the demo raised no finding')
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

async function takePictures(place: string): Promise<void> {
  const folder = join(place, 'ann')
  mkdirSync(join(folder, 'Documents'), { recursive: true })
  writeDemoModel(join(folder, 'Documents/meeting-notes-2026'))
  const session = await startQuickstart(join(place, '.gnomon'), folder)
  try {
    if (existsSync(CHROMIUM)) {
      const { url, token } = session.page
      const at = `/finding/${encodeURIComponent(await worstFinding(session))}`
      await photograph(`${url}/#token=${token}`, join(pictures, 'page.png'), 800)
      await photograph(`${url}/#token=${token}&at=${at}`, join(pictures, 'finding.png'), 1000)
      say('page.png and finding.png taken')
    } else say(`skipped: the page has no new picture, ${CHROMIUM} is not installed (apt-get install chromium)`)
  } finally {
    await session.stop()
  }
  const shown = session.said().replaceAll(/#token=\S+/g, '#token=…')
  writeFileSync(join(pictures, 'quickstart.svg'), drawTerminal('npm start', shown.replaceAll('^C', '')))
  say('quickstart.svg drawn')
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
