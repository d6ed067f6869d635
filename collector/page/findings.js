// Findings: the fleet's numbers, the list with its filters, and one finding with everything behind it.
import { ask, findingLink, hostLink, pager, query } from './api.js'
import { artifactStory, runtimeStory } from './details.js'
import { badge, count, empty, facts, h, list, mono, section, severity, simulatedBadge, table, when } from './view.js'

/** Fleet numbers and the list of findings. */
export async function overview(parameters) {
  const filter = {
    q: parameters.get('q') ?? '',
    severity: parameters.get('severity') ?? '',
    status: parameters.get('status') ?? 'open',
    simulated: parameters.get('drill') === 'hide' ? 'false' : '',
    host: parameters.get('host') ?? '',
  }
  const [summary, page] = await Promise.all([
    ask('summary'),
    ask(
      `findings${query({ ...filter, status: filter.status === 'all' ? '' : filter.status, cursor: parameters.get('cursor') ?? '' })}`,
    ),
  ])
  return [
    h('h1', {}, 'Findings'),
    numbers(summary),
    filters(parameters, filter),
    page.items.length === 0 ? nothing(summary, parameters) : findingsTable(page.items),
    pager(parameters, page.next),
  ]
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

function filters(parameters, filter) {
  const change = (name, value) => {
    parameters.delete('cursor')
    if (value === '') parameters.delete(name)
    else parameters.set(name, value)
    location.hash = `#/?${parameters}`
  }
  const choose = (name, label, value, options) =>
    h(
      'label',
      {},
      label,
      h(
        'select',
        { name, on: { change: (event) => change(name, event.target.value) } },
        ...options.map(([key, text]) => h('option', { value: key, selected: key === value }, text)),
      ),
    )
  return h(
    'form',
    {
      class: 'filters',
      role: 'search',
      on: {
        submit: (event) => {
          event.preventDefault()
          change('q', event.target.elements.q.value)
        },
      },
    },
    h(
      'label',
      { class: 'grow' },
      'Search',
      h('input', {
        type: 'search',
        name: 'q',
        value: filter.q,
        placeholder: 'title, path or policy',
        maxlength: '512',
        on: { search: (event) => change('q', event.target.value) },
      }),
    ),
    choose('severity', 'Severity', filter.severity, [
      ['', 'all'],
      ['critical', 'critical'],
      ['high', 'high'],
      ['medium', 'medium'],
      ['low', 'low'],
      ['info', 'info'],
    ]),
    choose('status', 'Status', filter.status, [
      ['open', 'open'],
      ['resolved', 'resolved'],
      ['all', 'all'],
    ]),
    choose('drill', 'Fire drills', parameters.get('drill') ?? '', [
      ['', 'show'],
      ['hide', 'hide'],
    ]),
    filter.host === ''
      ? null
      : h(
          'button',
          { type: 'button', class: 'chip', on: { click: () => change('host', '') } },
          `host ${filter.host} ×`,
        ),
  )
}

/** Rows of findings, as a list anywhere. */
export function findingsTable(rows) {
  return table(
    'Findings, most severe first',
    ['Severity', 'Finding', 'Host', 'First seen', 'Last seen'],
    rows.map((row) => [
      severity(row.severity),
      h(
        'div',
        {},
        h('a', { href: findingLink(row), class: 'title' }, row.title),
        ' ',
        simulatedBadge(row.simulated),
        row.status === 'resolved' ? badge('resolved') : null,
        h('div', { class: 'quiet subject' }, row.subject.kind, ' ', mono(row.subject.key), ` · ${row.confidence}`),
      ),
      h('a', { href: hostLink(row.hostId) }, row.hostName),
      when(row.firstSeenAt),
      row.status === 'resolved' ? h('span', {}, 'resolved ', when(row.resolvedAt)) : when(row.lastSeenAt),
    ]),
  )
}

function nothing({ hosts }, parameters) {
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
  const isBlind = hosts.withGaps > 0
  return empty(
    'No open findings.',
    isBlind
      ? 'But some hosts could not be seen completely: look at their coverage under Hosts.'
      : 'Every reporting host was looked at completely, as far as its sensors reach.',
  )
}

/** One finding with its evidence and its history. */
export async function finding(id, parameters) {
  const detail = await ask(`findings/${encodeURIComponent(id)}${query({ host: parameters.get('host') })}`)
  const { row, finding: f, history, artifacts, runtimes } = detail
  return [
    h('p', { class: 'crumb' }, h('a', { href: '#/' }, '← Findings')),
    h(
      'div',
      { class: 'headline' },
      severity(f.severity),
      h('h1', {}, f.title),
      simulatedBadge(f.simulated),
      row.status === 'resolved' ? badge('resolved') : null,
    ),
    h(
      'p',
      { class: 'quiet' },
      'on ',
      h('a', { href: hostLink(row.hostId) }, row.hostName),
      ` · ${f.confidence} · policy ${f.policyId} · first seen `,
      when(row.firstSeenAt),
      ' · last seen ',
      when(row.lastSeenAt),
    ),
    h(
      'div',
      { class: 'columns' },
      h(
        'div',
        {},
        section(
          'Because',
          list(f.because),
          f.loweredBy === null ? null : h('p', { class: 'notice' }, `Severity lowered: ${f.loweredBy}`),
        ),
        section(
          'Evidence',
          f.evidence.length === 0
            ? h('p', { class: 'quiet' }, 'None beyond the reasons above.')
            : table(
                'Evidence',
                ['Kind', 'What was seen, and where'],
                f.evidence.map((e) => [
                  h('code', { class: 'kind' }, e.kind),
                  h('div', {}, h('div', {}, e.detail), h('small', { class: 'quiet' }, mono(e.place, 90))),
                ]),
              ),
        ),
        artifacts.length === 0 ? null : section('The model file, rung by rung', ...artifacts.map(artifactStory)),
        runtimes.length === 0 ? null : section('What runs', ...runtimes.map(runtimeStory)),
      ),
      h(
        'aside',
        {},
        section('What to do', h('p', {}, f.advice)),
        section('When it is a false alarm', h('p', {}, f.falsePositives)),
        section(
          'History',
          h(
            'ol',
            { class: 'history' },
            ...history.map((step) =>
              h(
                'li',
                {},
                h('strong', {}, step.change),
                step.change === 'changed' && step.previousSeverity !== null
                  ? ` ${step.previousSeverity} → ${step.severity}`
                  : ` (${step.severity})`,
                h('div', { class: 'quiet' }, when(step.at), ` · report ${step.sequence}`),
              ),
            ),
          ),
        ),
        section(
          'Reference',
          facts([
            ['finding', mono(f.findingId, 30)],
            ['subject', f.subject.kind],
            ['observed', when(f.observedAt)],
          ]),
        ),
      ),
    ),
  ]
}
