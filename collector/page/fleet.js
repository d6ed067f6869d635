// The fleet: the lists of hosts, model files and runtimes.
import { ask, hostLink, pager, query } from './api.js'
import { runtimeStory } from './details.js'
import { looked } from './host.js'
import { badge, bytes, count, each, empty, h, mono, section, simulatedBadge, table, when } from './view.js'
import { fleetNote, isWithheld, numberOfFindings, privacyBadge } from './withheld.js'

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
      each(page.items, hostCells),
    ),
    pager(parameters, page.next),
  ]
}

function hostCells(row) {
  const gaps = row.gapCount > 0 ? h('div', { class: 'quiet' }, `${count(row.gapCount)} places in gaps`) : null
  const chain = row.reportChain?.last ? h('div', {}, badge('reports broken', 'alarm')) : null
  return [
    h(
      'div',
      {},
      h('a', { href: hostLink(row.hostId), class: 'title' }, row.hostName),
      ' ',
      privacyBadge(row),
      h('div', { class: 'quiet' }, mono(row.hostId, 24)),
    ),
    row.operatingSystem ?? '',
    h('div', {}, looked(row.looked), gaps, chain),
    isWithheld(row) ? numberOfFindings(row) : openLink(row),
    when(row.lastReportAt),
  ]
}

function openLink({ openFindings, hostId }) {
  return openFindings > 0 ? h('a', { href: `#/${query({ host: hostId })}` }, count(openFindings)) : '0'
}

/** Model files on hosts. */
export async function models(parameters) {
  const list = `artifacts${query({ cursor: parameters.get('cursor'), q: parameters.get('q') })}`
  const [summary, page] = await Promise.all([ask('summary'), ask(list)])
  if (page.items.length === 0)
    return [
      h('h1', {}, 'Models'),
      fleetNote(summary),
      empty(
        'No model file is known.',
        'Model files appear here as soon as an agent reports them, whatever they are called.',
      ),
    ]
  return [
    h('h1', {}, 'Models'),
    fleetNote(summary),
    table(
      'Model files on hosts, newest first',
      ['Model', 'Format', 'Size', 'Where', 'Host', 'First seen'],
      each(page.items, modelCells),
    ),
    pager(parameters, page.next),
  ]
}

function modelCells({ hostId, hostName, firstSeenAt, artifact }) {
  return [
    modelName(artifact),
    artifact.format === null ? '' : `${artifact.format} ${artifact.formatVersion ?? ''}`,
    bytes(artifact.sizeBytes),
    mono(artifact.path, 60),
    h('a', { href: hostLink(hostId) }, hostName),
    when(firstSeenAt),
  ]
}

function modelName({ identifications, simulated }) {
  const [named] = identifications
  if (named === undefined) return h('span', { class: 'quiet' }, 'not identified')
  const sure = badge(named.confidence, named.confidence)
  return h('div', {}, h('strong', {}, named.model), ' ', sure, ' ', simulatedBadge(simulated))
}

/** Runtimes on hosts. */
export async function runtimes(parameters) {
  const list = `runtimes${query({ cursor: parameters.get('cursor') })}`
  const [summary, page] = await Promise.all([ask('summary'), ask(list)])
  if (page.items.length === 0)
    return [
      h('h1', {}, 'Runtimes'),
      fleetNote(summary),
      empty('No runtime is known.', 'Running inference and known tools appear here as soon as an agent reports them.'),
    ]
  return [
    h('h1', {}, 'Runtimes'),
    fleetNote(summary),
    ...each(page.items, (record) =>
      section(
        '',
        h('p', { class: 'quiet' }, 'on ', h('a', { href: hostLink(record.hostId) }, record.hostName)),
        runtimeStory(record),
      ),
    ),
    pager(parameters, page.next),
  ]
}
