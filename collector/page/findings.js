// Findings: the fleet's numbers and the list with its filters.
import { ask, findingLink, hostLink, pager, query } from './api.js'
import { badge, count, each, empty, h, mono, severity, simulatedBadge, table, when } from './view.js'
import { fleetNote } from './withheld.js'

/** Fleet numbers and the list of findings. */
export async function overview(parameters) {
  const filter = readFilter(parameters)
  const status = filter.status === 'all' ? '' : filter.status
  const cursor = parameters.get('cursor') ?? ''
  const [summary, page] = await Promise.all([ask('summary'), ask(`findings${query({ ...filter, status, cursor })}`)])
  return [
    h('h1', {}, 'Findings'),
    numbers(summary),
    fleetNote(summary),
    filters(parameters, filter),
    page.items.length === 0 ? nothing(summary, parameters) : findingsTable(page.items),
    pager(parameters, page.next),
  ]
}

function readFilter(parameters) {
  return {
    q: parameters.get('q') ?? '',
    severity: parameters.get('severity') ?? '',
    status: parameters.get('status') ?? 'open',
    simulated: parameters.get('drill') === 'hide' ? 'false' : '',
    host: parameters.get('host') ?? '',
  }
}

function numbers({ hosts, artifacts, runtimes, findings }) {
  const open = findings.open
  const urgent = open.critical + open.high
  const cards = [
    [
      urgent,
      'critical and high',
      urgent > 0 ? 'alarm' : '',
      `${count(open.medium)} medium · ${count(open.low)} low · ${count(open.info)} info`,
    ],
    [artifacts.total, 'model files', '', `${count(artifacts.distinct)} different`],
    [runtimes.inference, 'running inference', '', `${count(runtimes.total)} runtimes known`],
    [hosts.reporting, 'hosts reporting', '', `of ${count(hosts.enrolled)} enrolled, ${count(hosts.stale)} stale`],
    [
      hosts.withGaps + hosts.never,
      'hosts not fully seen',
      hosts.withGaps + hosts.never > 0 ? 'caution' : '',
      `${count(hosts.withGaps)} with gaps, ${count(hosts.never)} silent`,
    ],
  ]
  return h(
    'ul',
    { class: 'numbers', 'aria-label': 'Fleet numbers' },
    ...cards.map(([value, name, kind, detail]) =>
      h(
        'li',
        { class: kind },
        h('span', { class: 'value' }, count(value)),
        h('span', { class: 'name' }, name),
        h('span', { class: 'quiet' }, detail),
      ),
    ),
  )
}

const same = (word) => [word, word]
const SEVERITIES = [['', 'all'], ...['critical', 'high', 'medium', 'low', 'info'].map(same)]
const STATUSES = ['open', 'resolved', 'all'].map(same)
const DRILLS = [
  ['', 'show'],
  ['hide', 'hide'],
]

function filters(parameters, filter) {
  const change = (name, value) => {
    parameters.delete('cursor')
    if (value === '') parameters.delete(name)
    else parameters.set(name, value)
    location.hash = `#/?${parameters}`
  }
  const submit = (event) => {
    event.preventDefault()
    change('q', event.target.elements.q.value)
  }
  return h(
    'form',
    { class: 'filters', role: 'search', on: { submit } },
    searchField(filter.q, change),
    choice({ name: 'severity', label: 'Severity', value: filter.severity, options: SEVERITIES }, change),
    choice({ name: 'status', label: 'Status', value: filter.status, options: STATUSES }, change),
    choice({ name: 'drill', label: 'Fire drills', value: parameters.get('drill') ?? '', options: DRILLS }, change),
    hostChip(filter.host, change),
  )
}

function searchField(value, change) {
  const attributes = { type: 'search', name: 'q', value, placeholder: 'title, path or policy', maxlength: '512' }
  const search = (event) => change('q', event.target.value)
  return h('label', { class: 'grow' }, 'Search', h('input', { ...attributes, on: { search } }))
}

function choice({ name, label, value, options }, change) {
  const entries = options.map(([key, text]) => h('option', { value: key, selected: key === value }, text))
  return h(
    'label',
    {},
    label,
    h('select', { name, on: { change: (event) => change(name, event.target.value) } }, ...entries),
  )
}

function hostChip(host, change) {
  if (host === '') return null
  return h('button', { type: 'button', class: 'chip', on: { click: () => change('host', '') } }, `host ${host} ×`)
}

/** How a finding ended, as a badge; null while it is open. Withheld is not gone. */
export function closed({ status, isWithheld }) {
  if (status !== 'resolved') return null
  return isWithheld ? badge('no longer told', 'caution') : badge('resolved')
}

/** Rows of findings, as a list anywhere. */
export function findingsTable(rows) {
  return table(
    'Findings, most severe first',
    ['Severity', 'Finding', 'Host', 'First seen', 'Open as of'],
    each(rows, (row) => [
      severity(row.severity),
      h(
        'div',
        {},
        h('a', { href: findingLink(row), class: 'title' }, row.title),
        ' ',
        simulatedBadge(row.simulated),
        closed(row),
        h('div', { class: 'quiet subject' }, row.subject.kind, ' ', mono(row.subject.key), ` · ${row.confidence}`),
      ),
      h('a', { href: hostLink(row.hostId) }, row.hostName),
      when(row.firstSeenAt),
      row.status === 'resolved'
        ? h('span', {}, row.isWithheld ? 'no longer told ' : 'resolved ', when(row.resolvedAt))
        : when(row.lastSeenAt),
    ]),
  )
}

function nothing({ hosts, countsOnly }, parameters) {
  if ([...parameters.keys()].length > 0)
    return empty('Nothing matches this filter.', 'Widen it, or set the status to all.')
  if (hosts.enrolled === 0)
    return empty(
      'No host is enrolled yet.',
      'Make a token with “gnomon-collector token” and run “gnomon enroll --collector URL --token TOKEN” on a machine.',
    )
  if (hosts.reporting === 0)
    return empty(
      'No host has reported in the last day.',
      'An enrolled agent reports after its first sweep: “gnomon run”.',
    )
  if (countsOnly.hosts > 0)
    return empty(
      'No open findings are told in detail.',
      'Some hosts tell numbers only: see the note above and under Hosts.',
    )
  const isBlind = hosts.withGaps > 0
  return empty(
    'No open findings.',
    isBlind
      ? 'But some hosts could not be seen completely: look at their coverage under Hosts.'
      : 'Every reporting host was looked at completely, as far as its sensors reach.',
  )
}
