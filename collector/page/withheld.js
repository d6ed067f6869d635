// Hosts at the privacy level `counts` tell numbers only. Where lists would be empty, the page says so and shows the numbers.
import { badge, count, empty, facts, h, severity, table } from './view.js'

/** Whether the lists of a host are empty because it tells numbers only. */
export const isWithheld = ({ privacyLevel }) => privacyLevel === 'counts'

const WHY = 'The privacy level “counts” withholds which ones. Its administrator sees them on the machine.'

/** A mark beside the name of a host. */
export function privacyBadge({ privacyLevel }) {
  if (privacyLevel === 'full') return null
  return badge(privacyLevel === 'counts' ? 'numbers only' : 'pseudonyms', 'caution')
}

const KINDS = {
  artifact: ['model file', 'model files'],
  runtime: ['runtime', 'runtimes'],
  installation: ['installed product', 'installed products'],
  finding: ['open finding', 'open findings'],
}
const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info']

/** One kind of thing on a host, in numbers. */
export function withheld(kind, machine) {
  const [one, many] = KINDS[kind]
  if (machine?.counts === undefined) return empty('Not told.', `This host has not told numbers yet. ${WHY}`)
  const rows = machine.counts.filter((told) => told.kind === kind)
  const sum = rows.reduce((total, told) => total + told.count, 0)
  if (sum === 0) return empty(`0 ${many}.`, 'The host told this number, and no details.')
  const note = h('p', { class: 'notice caution' }, `${count(sum)} ${sum === 1 ? one : many}, details withheld. ${WHY}`)
  return h('div', {}, note, kind === 'finding' ? bySeverity(rows) : byName(rows))
}

function bySeverity(rows) {
  const order = (told) => SEVERITIES.indexOf(told.severity)
  const cells = [...rows]
    .sort((a, b) => order(a) - order(b))
    .map((told) => [severity(told.severity), count(told.count)])
  return table('Findings in numbers only', ['Severity', 'How many'], cells)
}

function byName(rows) {
  return facts(rows.map((told) => [told.family ?? 'not identified', count(told.count)]))
}

/** How many open findings a host told, for the list of hosts. */
export function numberOfFindings(row) {
  const told = row.numbersOnly
  if (told === null) return 'not told'
  return h('div', {}, count(sumOf(told.findings)), h('div', { class: 'quiet' }, 'details withheld'))
}

/** What no list of the fleet holds; null where every host tells its details. */
export function fleetNote({ countsOnly }) {
  const { hosts, numbers } = countsOnly
  if (hosts === 0) return null
  const told = [
    `${count(sumOf(numbers.findings))} findings (${SEVERITIES.map((word) => `${count(numbers.findings[word])} ${word}`).join(', ')})`,
    `${count(numbers.artifacts)} model files`,
    `${count(numbers.runtimes)} runtimes`,
    `${count(numbers.installations)} installed products`,
  ]
  const who = hosts === 1 ? '1 host tells' : `${count(hosts)} hosts tell`
  return h(
    'p',
    { class: 'notice caution' },
    `${who} numbers only (privacy level “counts”): ${told.join(', ')}. Details are withheld: no list holds these, but for one finding a host that stands for all of its findings.`,
  )
}

function sumOf(findings) {
  return Object.values(findings).reduce((total, number) => total + number, 0)
}
