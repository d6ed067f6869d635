// The fleet: hosts with coverage and gaps, model files, runtimes.
import { ask, hostLink, pager, query } from './api.js'
import { artifactStory, gapItems, runtimeStory } from './details.js'
import { findingsTable } from './findings.js'
import { badge, bytes, count, empty, facts, h, mono, section, simulatedBadge, table, when } from './view.js'

const LOOKED = {
  never: ['never reported', 'caution'],
  blind: ['could not look', 'alarm'],
  partial: ['looked with gaps', 'caution'],
  complete: ['looked everywhere', 'fine'],
}
const looked = (word) => badge(LOOKED[word][0], LOOKED[word][1])

/** All enrolled hosts and how well each was looked at. */
export async function hosts(parameters) {
  const page = await ask(`hosts${query({ cursor: parameters.get('cursor') })}`)
  if (page.items.length === 0)
    return [
      h('h1', {}, 'Hosts'),
      empty('No host is enrolled yet.', 'Make a token with “gnomon-collector token” and enrol a machine with it.'),
    ]
  return [
    h('h1', {}, 'Hosts'),
    table(
      'Enrolled hosts',
      ['Host', 'System', 'Coverage', 'Open findings', 'Last report'],
      page.items.map((row) => [
        h(
          'div',
          {},
          h('a', { href: hostLink(row.hostId), class: 'title' }, row.hostName),
          h('div', { class: 'quiet' }, mono(row.hostId, 24)),
        ),
        row.operatingSystem ?? '',
        h(
          'div',
          {},
          looked(row.looked),
          row.gapCount > 0 ? h('div', { class: 'quiet' }, `${count(row.gapCount)} places in gaps`) : null,
        ),
        row.openFindings > 0 ? h('a', { href: `#/${query({ host: row.hostId })}` }, count(row.openFindings)) : '0',
        when(row.lastReportAt),
      ]),
    ),
    pager(parameters, page.next),
  ]
}

/** One host: what was found, what was looked at, and what could not be. */
export async function host(id) {
  const key = query({ host: id })
  const [detail, open, artifacts, runtimes] = await Promise.all([
    ask(`hosts/${encodeURIComponent(id)}`),
    ask(`findings${query({ host: id, status: 'open' })}`),
    ask(`artifacts${key}`),
    ask(`runtimes${key}`),
  ])
  const { row, host: facts_, coverage, gaps, statement } = detail
  return [
    h('p', { class: 'crumb' }, h('a', { href: '#/hosts' }, '← Hosts')),
    h('div', { class: 'headline' }, h('h1', {}, row.hostName), looked(row.looked)),
    h('p', { class: `notice ${LOOKED[row.looked][1]}` }, statement),
    row.lostReports > 0
      ? h('p', { class: 'notice alarm' }, `This agent had to drop ${count(row.lostReports)} reports.`)
      : null,
    h(
      'div',
      { class: 'columns' },
      h(
        'div',
        {},
        section(
          'Open findings',
          open.items.length === 0
            ? empty(
                'None.',
                row.looked === 'complete'
                  ? 'And every covered place was looked at.'
                  : 'But see the coverage: not every place could be looked at.',
              )
            : findingsTable(open.items),
        ),
        section(
          'Model files',
          artifacts.items.length === 0
            ? empty('None seen.', statement)
            : h('div', {}, ...artifacts.items.map(artifactStory)),
        ),
        section(
          'Runtimes',
          runtimes.items.length === 0
            ? empty('None seen.', statement)
            : h('div', {}, ...runtimes.items.map(runtimeStory)),
        ),
      ),
      h(
        'aside',
        {},
        section(
          'Machine',
          facts_ === null
            ? h('p', { class: 'quiet' }, 'No report yet.')
            : facts([
                ['system', facts_.operatingSystem],
                ['kernel', facts_.kernel],
                ['processor', `${facts_.processor}, ${facts_.cores} cores`],
                ['memory', bytes(facts_.memoryBytes)],
                ['graphics', facts_.graphics.map((card) => `${card.vendor} ${card.model}`).join(', ') || 'none seen'],
                ['agent', `${facts_.agentVersion}, rules ${facts_.packVersion}`],
              ]),
        ),
        section(
          'Coverage',
          coverage.length === 0
            ? h('p', { class: 'quiet' }, 'Nothing was looked at yet.')
            : h(
                'ul',
                { class: 'plainlist' },
                ...coverage.map((one) =>
                  h(
                    'li',
                    {},
                    badge(one.state, one.state === 'complete' ? 'fine' : one.state === 'failed' ? 'alarm' : 'caution'),
                    ' ',
                    h('strong', {}, one.sensor),
                    h(
                      'div',
                      { class: 'quiet' },
                      `${count(one.looked)} looked at${one.detail === '' ? '' : ` · ${one.detail}`}`,
                    ),
                    h('div', { class: 'quiet' }, ...one.places.slice(0, 8).flatMap((place) => [mono(place, 40), ' '])),
                  ),
                ),
              ),
        ),
        section('Could not look', gaps.length === 0 ? h('p', { class: 'quiet' }, 'No gaps.') : gapItems(gaps)),
        section(
          'Reports',
          facts([
            ['last', when(row.lastReportAt)],
            ['sequence', count(row.lastSequence)],
            ['enrolled', when(row.enrolledAt)],
            ['host id', mono(row.hostId, 24)],
          ]),
        ),
      ),
    ),
  ]
}

/** Model files on hosts. */
export async function models(parameters) {
  const page = await ask(`artifacts${query({ cursor: parameters.get('cursor'), q: parameters.get('q') })}`)
  if (page.items.length === 0)
    return [
      h('h1', {}, 'Models'),
      empty(
        'No model file is known.',
        'Model files appear here as soon as an agent reports them, whatever they are called.',
      ),
    ]
  return [
    h('h1', {}, 'Models'),
    table(
      'Model files on hosts, newest first',
      ['Model', 'Format', 'Size', 'Where', 'Host', 'First seen'],
      page.items.map(({ hostId, firstSeenAt, artifact }) => {
        const named = artifact.identifications[0]
        return [
          named === undefined
            ? h('span', { class: 'quiet' }, 'not identified')
            : h(
                'div',
                {},
                h('strong', {}, named.model),
                ' ',
                badge(named.confidence, named.confidence),
                ' ',
                simulatedBadge(artifact.simulated),
              ),
          artifact.format === null ? '' : `${artifact.format} ${artifact.formatVersion ?? ''}`,
          bytes(artifact.sizeBytes),
          mono(artifact.path, 60),
          h('a', { href: hostLink(hostId) }, mono(hostId, 16)),
          when(firstSeenAt),
        ]
      }),
    ),
    pager(parameters, page.next),
  ]
}

/** Runtimes on hosts. */
export async function runtimes(parameters) {
  const page = await ask(`runtimes${query({ cursor: parameters.get('cursor') })}`)
  if (page.items.length === 0)
    return [
      h('h1', {}, 'Runtimes'),
      empty('No runtime is known.', 'Running inference and known tools appear here as soon as an agent reports them.'),
    ]
  return [
    h('h1', {}, 'Runtimes'),
    ...page.items.map((record) =>
      section(
        '',
        h('p', { class: 'quiet' }, 'on ', h('a', { href: hostLink(record.hostId) }, mono(record.hostId, 24))),
        runtimeStory(record),
      ),
    ),
    pager(parameters, page.next),
  ]
}
