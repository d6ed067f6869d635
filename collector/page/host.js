// One host: what was found on it, what was looked at, and what could not be.
import { agentUse, isOwn } from './agent-use.js'
import { ask, encode, query } from './api.js'
import { artifactStory, gapItems, runtimeStory } from './details.js'
import { installationStory } from './installed.js'
import { findingsTable } from './findings.js'
import { badge, bytes, count, each, empty, facts, h, mono, section, when } from './view.js'
import { isWithheld, privacyBadge, withheld } from './withheld.js'

const LOOKED = {
  never: ['never reported', 'caution'],
  blind: ['could not look', 'alarm'],
  partial: ['looked with gaps', 'caution'],
  complete: ['looked everywhere', 'fine'],
}
/** How well a host was looked at, as a badge. */
export const looked = (word) => badge(LOOKED[word][0], LOOKED[word][1])

/** One host: what was found, what was looked at, and what could not be. */
export async function host(id) {
  const [detail, open, artifacts, runtimes, installations] = await Promise.all([
    ask(`hosts/${encode(id)}`),
    ask(`findings${query({ host: id, status: 'open' })}`),
    ask(`artifacts${query({ host: id })}`),
    ask(`runtimes${query({ host: id })}`),
    ask(`installations${query({ host: id })}`),
  ])
  const { row, host: machine, coverage, gaps, statement } = detail
  const blind = gaps.filter((gap) => !isOwn(gap))
  return [
    h('p', { class: 'crumb' }, h('a', { href: '#/hosts' }, '← Hosts')),
    h('div', { class: 'headline' }, h('h1', {}, row.hostName), looked(row.looked), privacyBadge(row)),
    h('p', { class: `notice ${LOOKED[row.looked][1]}` }, statement),
    lost(row.lostReports),
    broken(row.reportChain),
    h(
      'div',
      { class: 'columns' },
      h(
        'div',
        {},
        ...(isWithheld(row)
          ? numbers(machine)
          : lists({ open, artifacts, runtimes, installations, statement, looked: row.looked })),
      ),
      h(
        'aside',
        {},
        section('Machine', machineFacts(machine)),
        section('Coverage', coverageList(coverage)),
        section('Could not look', blind.length === 0 ? h('p', { class: 'quiet' }, 'No gaps.') : gapItems(blind)),
        section('The agent itself', agentUse(machine, gaps.filter(isOwn))),
        section('Reports', reportFacts(row)),
      ),
    ),
  ]
}

function lists({ open, artifacts, runtimes, installations, statement, looked: word }) {
  const files = each(artifacts.items, (record) => artifactStory(record))
  return [
    section('Open findings', openFindings(open.items, word)),
    section('Model files', stories(files, statement)),
    section('Runtimes', stories(each(runtimes.items, runtimeStory), statement)),
    section('Installed', stories(each(installations.items, installationStory), statement)),
  ]
}

function numbers(machine) {
  return [
    section('Open findings', withheld('finding', machine)),
    section('Model files', withheld('artifact', machine)),
    section('Runtimes', withheld('runtime', machine)),
    section('Installed', withheld('installation', machine)),
  ]
}

function lost(reports) {
  if (reports === 0) return null
  return h('p', { class: 'notice alarm' }, `This agent had to drop ${count(reports)} reports.`)
}

/** What is wrong with the chain of a host's reports; nothing while it holds, or where none was ever chained. */
function broken(chain) {
  if (!chain?.last) return null
  const { statement, at } = chain.last
  const times = chain.breaks > 1 ? ` It broke ${count(chain.breaks)} times in all.` : ''
  return h('p', { class: 'notice alarm' }, statement, times, ' ', when(at))
}

function openFindings(rows, word) {
  if (rows.length > 0) return findingsTable(rows)
  return empty(
    'None.',
    word === 'complete'
      ? 'And every covered place was looked at.'
      : 'But see the coverage: not every place could be looked at.',
  )
}

function stories(told, statement) {
  return told.length === 0 ? empty('None seen.', statement) : h('div', {}, ...told)
}

function machineFacts(machine) {
  if (machine === null) return h('p', { class: 'quiet' }, 'No report yet.')
  const graphics = machine.graphics.map((card) => `${card.vendor} ${card.model}`).join(', ')
  const none = machine.privacy?.level === 'counts' ? 'not told' : 'none seen'
  return facts([
    ['system', machine.operatingSystem],
    ['kernel', machine.kernel],
    ['processor', [machine.processor, `${machine.cores} cores`].filter((part) => part !== '').join(', ')],
    ['memory', bytes(machine.memoryBytes)],
    ['graphics', graphics || none],
    ['could run', machine.couldRun && `${machine.couldRun.largest}, in ${machine.couldRun.memoryKind}`],
    ['agent', `${machine.agentVersion}, rules ${machine.packVersion}`],
  ])
}

function coverageList(coverage) {
  if (coverage.length === 0) return h('p', { class: 'quiet' }, 'Nothing was looked at yet.')
  return h('ul', { class: 'plainlist' }, ...each(coverage, covered))
}

const STATES = { complete: 'fine', failed: 'alarm' }

function covered({ state, sensor, looked: things, detail, places }) {
  return h(
    'li',
    {},
    badge(state, STATES[state] ?? 'caution'),
    ' ',
    h('strong', {}, sensor),
    h('div', { class: 'quiet' }, `${count(things)} looked at${detail === '' ? '' : ` · ${detail}`}`),
    h('div', { class: 'quiet' }, ...places.slice(0, 8).flatMap((place) => [mono(place, 40), ' '])),
  )
}

const REPLACED_BY = { 'own-token': 'its own token', 'replacement-token': 'a replacement token' }

function replaced({ replacedAt, replacedBy }) {
  return replacedAt === null ? null : h('span', {}, when(replacedAt), `, by ${REPLACED_BY[replacedBy]}`)
}

function reportFacts(row) {
  return facts([
    ['last', when(row.lastReportAt)],
    ['sequence', count(row.lastSequence)],
    ['privacy level', row.privacyLevel],
    ['chain', row.reportChain && (row.reportChain.last ? 'broken' : 'holds')],
    ['enrolled', when(row.enrolledAt)],
    ['enrolled again', replaced(row)],
    ['host id', mono(row.hostId, 24)],
  ])
}
