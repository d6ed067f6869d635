// What Windows says is installed, by one question with whole sweeps only: the Uninstall keys of the machine and of everybody who is
// logged on (Microsoft Learn: Uninstall Registry Key; winget writes its identifier there, microsoft/winget-cli: PortableARPEntry.cpp),
// services (Win32_Service), scheduled tasks (Get-ScheduledTask), and distributions of WSL (key Lxss, as recorded in
// github.com/Eugeny/tabby/issues/2405: `wsl.exe --list` tells those of one person only, in UTF-16). Of a command line only the
// program is kept. Proved from captures; nothing here has run on Windows yet.
import type { InstallationObservation } from '../../../contract/installation.ts'
import type { SenseContext } from '../../../contract/observation.ts'
import type { Gap } from '../../../contract/wire.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { observationOf } from '../inventory/inventory-record.ts'
import type { Printed } from '../run-program.ts'
import { readRows, type Row, type Rows, textIn } from './answer-rows.ts'
import { askPowerShell, tellRows } from './powershell.ts'

/** Keys, services or tasks of one place: real ones have some hundreds (CWE-400). */
const MAX_THINGS = 20_000
/** People logged on at once: a terminal server has some hundred. */
const MAX_PEOPLE = 256
const PLACE = 'installed on Windows'
const SYSTEM = 'system'

const first = (count: number): string => `Select-Object -First ${count}`
/** Values of the keys below one; a missing value is no trouble, so they are named and not all read. */
const valuesBelow = (key: string, names: string): string =>
  `@("$place\\${key}"|Where-Object{Test-Path -LiteralPath $_}|ForEach-Object{Get-ChildItem -LiteralPath $_}|${first(MAX_THINGS)}|ForEach-Object{Get-ItemProperty -LiteralPath $_.PSPath -Name ${names} -ErrorAction SilentlyContinue})`
const APPLICATION = 'DisplayName,DisplayVersion,WinGetPackageIdentifier'
const APPLICATIONS = tellRows('application', valuesBelow('Uninstall', APPLICATION), `PSPath,${APPLICATION}`)
const DISTRIBUTIONS = tellRows('wsl', valuesBelow('Lxss', 'DistributionName'), 'PSPath,DistributionName')
const CURRENT = 'Microsoft\\Windows\\CurrentVersion'

const SCRIPT: readonly string[] = [
  `foreach($place in 'Registry::HKEY_LOCAL_MACHINE\\SOFTWARE\\${CURRENT}','Registry::HKEY_LOCAL_MACHINE\\SOFTWARE\\WOW6432Node\\${CURRENT}'){${APPLICATIONS}}`,
  // By name alone: keys of other people may be listed and not opened.
  `$people=@();try{$people=@(Get-ChildItem -LiteralPath 'Registry::HKEY_USERS' -Name|Where-Object{$_ -match '^S-1-(5-21|12-1)-[0-9-]+$'}|${first(MAX_PEOPLE)})}catch{[pscustomobject]@{Kind='trouble';Part='people';Code=[string]$_.FullyQualifiedErrorId}|ConvertTo-Json -Compress}`,
  `foreach($sid in $people){$place="Registry::HKEY_USERS\\$sid\\Software\\${CURRENT}";[pscustomobject]@{Kind='person';Sid=$sid}|ConvertTo-Json -Compress;${APPLICATIONS};${DISTRIBUTIONS}}`,
  tellRows(
    'profile',
    'Get-CimInstance -ClassName Win32_UserProfile -Property SID,LocalPath,Special -OperationTimeoutSec 20|Where-Object{-not $_.Special}',
    'SID,LocalPath',
  ),
  tellRows(
    'service',
    'Get-CimInstance -ClassName Win32_Service -Property Name,PathName -OperationTimeoutSec 20',
    'Name,PathName',
  ),
  tellRows(
    'task',
    `Get-ScheduledTask|${first(MAX_THINGS)}|ForEach-Object{$task=$_;$_.Actions|Where-Object{$_.Execute}|ForEach-Object{[pscustomobject]@{TaskPath=$task.TaskPath;TaskName=$task.TaskName;Execute=$_.Execute}}}`,
    'TaskPath,TaskName,Execute',
  ),
  `[pscustomobject]@{Kind='end'}|ConvertTo-Json -Compress`,
]

/** What PowerShell printed. */
export interface WindowsInstalledCapture {
  readonly printed: Printed
}

/** Asks once. */
export async function askInstalled(context: SenseContext): Promise<WindowsInstalledCapture> {
  return { printed: await askPowerShell(SCRIPT, context) }
}

/** What the answer says. */
export interface WindowsInstalled {
  readonly seen: readonly InstallationObservation[]
  readonly gaps: readonly Gap[]
  /** `system` and homes whose lists were told in full: only there can something be gone. */
  readonly told: ReadonlySet<string>
}

/** Pure. */
export function interpretInstalled({ printed }: WindowsInstalledCapture): WindowsInstalled {
  const gaps = createGapList()
  const rows = readRows(printed, PLACE, gaps)
  const isWhole = gaps.list().length === 0
  const homes = new Map(rows.of('profile').map((row) => [textIn(row, 'SID') ?? '', textIn(row, 'LocalPath') ?? '']))
  const people = rows.of('person').map((row) => textIn(row, 'Sid') ?? '')
  const away = [...homes.keys()].filter((sid) => !people.includes(sid))
  if (away.length > 0) {
    const detail = 'people who are not logged on: what is installed for them alone is in a registry that is not loaded'
    gaps.add('GNO_SENSE_UNSUPPORTED', PLACE, detail, away.length)
  }
  const scopeOf = (key: KeyPlace): string => (key.sid === null ? SYSTEM : homes.get(key.sid) || key.sid)
  const seen = [...applications(rows, scopeOf), ...services(rows), ...tasks(rows)]
  noteDistributions(rows, gaps)
  const told = isWhole ? [SYSTEM, ...people.map((sid) => homes.get(sid) ?? '')] : []
  return { seen, gaps: gaps.list(), told: new Set(told) }
}

interface KeyPlace {
  readonly path: string
  readonly name: string
  /** Whose it is; null for the machine's. */
  readonly sid: string | null
}

/** `Microsoft.PowerShell.Core\Registry::HKEY_USERS\S-1-…\Software\…\NAME` (about_Registry_Provider). */
function keyOf(row: Row): KeyPlace | null {
  const path = (textIn(row, 'PSPath') ?? '').replace(/^.{0,64}?Registry::/, '')
  if (!/^HKEY_(?:LOCAL_MACHINE|USERS)\\/.test(path)) return null
  const sid = /^HKEY_USERS\\(S-1-[0-9-]{1,180})\\/.exec(path)?.[1] ?? null
  return { path, name: path.slice(path.lastIndexOf('\\') + 1), sid }
}

/** By the name of the key, and by the identifier of winget where winget installed it. */
function applications(rows: Rows, scopeOf: (key: KeyPlace) => string): readonly InstallationObservation[] {
  return rows.of('application').flatMap((row) => {
    const key = keyOf(row)
    if (key === null || textIn(row, 'DisplayName') === null) return []
    const where = { scope: scopeOf(key), path: key.path }
    const version = textIn(row, 'DisplayVersion')
    const winget = textIn(row, 'WinGetPackageIdentifier') ?? ''
    const own = observationOf({ source: 'application', ...where }, key.name, version)
    return winget === '' ? [own] : [own, observationOf({ source: 'winget', ...where }, winget, version)]
  })
}

/** Services with the program that each starts. */
function services(rows: Rows): readonly InstallationObservation[] {
  return rows.of('service').flatMap((row) => {
    const name = textIn(row, 'Name') ?? ''
    const program = programOf(textIn(row, 'PathName') ?? '')
    return name === '' ? [] : [startedBy(`Win32_Service: ${name}`, name, program)]
  })
}

/** Scheduled tasks: what starts by the clock or at a logon is a service to us. */
function tasks(rows: Rows): readonly InstallationObservation[] {
  return rows.of('task').flatMap((row) => {
    const name = textIn(row, 'TaskName') ?? ''
    const place = `scheduled task: ${textIn(row, 'TaskPath') ?? ''}${name}`
    return name === '' ? [] : [startedBy(place, name, (textIn(row, 'Execute') ?? '').replace(/^"(.*)"$/, '$1'))]
  })
}

function startedBy(path: string, name: string, program: string): InstallationObservation {
  const more = program === '' ? { isNameOnly: true } : { program }
  return observationOf({ source: 'service', scope: SYSTEM, path }, name, null, more)
}

/** A path with spaces and without quotes is ambiguous; the system itself tries each (CWE-428). `.exe` ends it. */
function programOf(command: string): string {
  const text = command.trim()
  return /^"([^"]+)"/.exec(text)?.[1] ?? /^.*?\.exe(?= |$)/i.exec(text)?.[0] ?? ''
}

/** Each Linux distribution inside Windows is a machine of its own that nobody looked into: a blind spot, told as such. */
function noteDistributions(rows: Rows, gaps: GapList): void {
  for (const row of rows.of('wsl')) {
    const name = textIn(row, 'DistributionName') ?? ''
    const detail = 'a Linux distribution inside Windows; what is in it was not looked at'
    if (name !== '') gaps.add('GNO_SENSE_UNSUPPORTED', `WSL: ${name}`.slice(0, 512), detail)
  }
}
