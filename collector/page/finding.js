// One finding with everything behind it: reasons, evidence, the files and processes it speaks of, and its history.
import { ask, encode, hostLink, query } from './api.js'
import { artifactStory, runtimeStory } from './details.js'
import { closed } from './findings.js'
import { each, facts, h, list, mono, section, severity, simulatedBadge, table, when } from './view.js'

/** One finding with its evidence and its history. */
export async function finding(id, parameters) {
  const detail = await ask(`findings/${encode(id)}${query({ host: parameters.get('host') })}`)
  const { row, finding: told, history, artifacts, runtimes } = detail
  return [
    h('p', { class: 'crumb' }, h('a', { href: '#/' }, '← Findings')),
    headline(row, told),
    origin(row, told),
    row.isWithheld ? h('p', { class: 'notice caution' }, NO_LONGER_TOLD) : null,
    h(
      'div',
      { class: 'columns' },
      h(
        'div',
        {},
        reasons(told),
        evidence(told),
        modelFiles(told.subject, artifacts),
        runtimes.length === 0 ? null : section('What runs', ...each(runtimes, runtimeStory)),
      ),
      h(
        'aside',
        {},
        section('What to do', h('p', {}, told.advice)),
        section('When it is a false alarm', h('p', {}, told.falsePositives)),
        section('History', h('ol', { class: 'history' }, ...each(history, step))),
        reference(told),
      ),
    ),
  ]
}

const NO_LONGER_TOLD =
  'This host tells numbers only since then (privacy level “counts”). Whether this is still there is not known here.'

function headline(row, told) {
  return h(
    'div',
    { class: 'headline' },
    severity(told.severity),
    h('h1', {}, told.title),
    simulatedBadge(told.simulated),
    closed(row),
  )
}

function origin(row, told) {
  return h(
    'p',
    { class: 'quiet' },
    'on ',
    h('a', { href: hostLink(row.hostId) }, row.hostName),
    ` · ${told.confidence} · policy ${told.policyId} · first seen `,
    when(row.firstSeenAt),
    row.status === 'resolved' ? (row.isWithheld ? ' · no longer told since ' : ' · resolved ') : ' · open as of ',
    when(row.status === 'resolved' ? row.resolvedAt : row.lastSeenAt),
  )
}

/** The file that the finding is about, then others with the same content, each called what it is. */
function modelFiles(subject, artifacts) {
  if (artifacts.length === 0) return null
  const isSubject = ({ artifact }) => subject.kind !== 'artifact' || artifact.path === subject.key
  const own = artifacts.filter(isSubject)
  const others = artifacts.filter((record) => !isSubject(record))
  const title = own.length === 0 ? 'same content, now at ' : 'same content, also at '
  return section(
    'The model file, rung by rung',
    ...each(own, (record) => artifactStory(record)),
    ...each(others, (record) => artifactStory(record, title)),
  )
}

function reasons({ because, loweredBy }) {
  const lowered = loweredBy === null ? null : h('p', { class: 'notice' }, `Severity lowered: ${loweredBy}`)
  return section('Because', list(because), lowered)
}

function evidence({ evidence: pieces }) {
  if (pieces.length === 0) return section('Evidence', h('p', { class: 'quiet' }, 'None beyond the reasons above.'))
  const rows = each(pieces, ({ kind, place, detail }) => [
    h('code', { class: 'kind' }, kind),
    h('div', {}, h('div', {}, detail), h('small', { class: 'quiet' }, mono(place, 90))),
  ])
  return section('Evidence', table('Evidence', ['Kind', 'What was seen, and where'], rows))
}

function step({ change, severity: now, previousSeverity: before, at, sequence }) {
  return h(
    'li',
    {},
    h('strong', {}, change),
    change === 'changed' && before !== null ? ` ${before} → ${now}` : ` (${now})`,
    h('div', { class: 'quiet' }, when(at), ` · report ${sequence}`),
  )
}

function reference({ findingId, subject, observedAt }) {
  return section(
    'Reference',
    facts([
      ['finding', mono(findingId, 30)],
      ['subject', subject.kind],
      ['observed', when(observedAt)],
    ]),
  )
}
