// A program for spool-kills.test.ts: a real collector in a process of its own, so that it can be killed. Words: FOLDER, PORT (0: any).
// One line on stdout once it listens: its address.
import { startServer } from '../../collector/server.ts'
import { resolveServeSettings } from '../../collector/settings/settings.ts'
import { openStateFolder } from '../../collector/settings/state-folder.ts'

const [statePath = '', port = '0'] = process.argv.slice(2)
const folder = openStateFolder(statePath)
const settings = resolveServeSettings({}, { listen: `127.0.0.1:${port}`, allowRemote: false, feeds: [] })
if (!folder.ok || !settings.ok) throw new Error('the state folder or the address cannot be used')
const limits = { agentPerMinute: 1_000_000, adminPerMinute: 1_000_000, anonymousPerMinute: 1_000_000 }
const started = await startServer({
  folder: folder.value,
  settings: { ...settings.value, limits },
  now: () => new Date(),
  log: (message, fields) => process.stderr.write(`${JSON.stringify({ message, ...fields })}\n`),
})
if (!started.ok) throw new Error(started.failure.detail)
process.stdout.write(`${started.value.url}\n`)
