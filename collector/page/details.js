// The two stories a finding tells: a model file rung by rung, and a running process.
import { ladder } from './ladder.js'
import { badge, bytes, count, each, facts, h, list, mono, simulatedBadge, when } from './view.js'

/** A model file: what it is called, what it is, and what could not be read of it. */
export function artifactStory({ artifact, firstSeenAt, changedAt }, title = '') {
  return h(
    'article',
    { class: 'story' },
    h('h3', {}, title, mono(artifact.path, 90), ' ', simulatedBadge(artifact.simulated)),
    h(
      'p',
      { class: 'quiet' },
      `${bytes(artifact.sizeBytes)} · ${artifact.kind} · verdict ${artifact.verdict} · first seen `,
      when(firstSeenAt),
      ' · changed ',
      when(changedAt),
    ),
    artifact.summary === undefined ? null : h('p', { class: 'told' }, artifact.summary),
    identifications(artifact),
    placeFacts(artifact),
    relationList(artifact),
    ladder(artifact),
    artifact.threats.length === 0
      ? null
      : h(
          'div',
          {},
          h('h4', {}, 'Threats'),
          list(artifact.threats.map((threat) => `${threat.severity} ${threat.id}: ${threat.because.join('; ')}`)),
        ),
    gapList(artifact.gaps),
  )
}

/** Where it came from, where it is kept, and what running it takes. */
function placeFacts({ store, arrival, memoryNeed }) {
  const mount = arrival?.mount
  const told = [
    ['kept by', store && `${store.id}: ${store.name}`],
    ...(arrival?.marks ?? []).map(({ mark, value }) => [mark, mono(value, 90)]),
    ['lies on', mount && `${mount.fileSystem} of ${mount.source}${mount.isRemovable === true ? ', removable' : ''}`],
    ['serial', mount?.serial],
    ['owner', arrival?.owner],
    ['to run', memoryNeed && `${bytes(memoryNeed.totalBytes)} of memory`],
  ]
  return facts(told)
}

function relationList({ relations = [] }) {
  if (relations.length === 0) return null
  const told = relations.map(({ kind, path, because }) =>
    h('span', {}, badge(kind.replaceAll('-', ' ')), ' ', mono(path, 70), ` ${because.join('; ')}`),
  )
  return h('div', {}, h('h4', {}, 'On the same machine'), list(told))
}

/** General knowledge stands apart: nobody read it in a source. */
function unverified(said) {
  if (said === undefined) return null
  const told = [
    said.license && `licence ${said.license}`,
    said.restrictions,
    said.origin && `publisher in ${said.origin}`,
  ]
  return h('div', { class: 'quiet' }, `not verified, general knowledge: ${told.filter(Boolean).join('; ')}`)
}

function identifications({ identifications: named }) {
  if (named.length === 0)
    return h('p', { class: 'quiet' }, 'No known model matches; the ladder shows what is certain about the file itself.')
  return h(
    'ul',
    { class: 'plainlist' },
    ...named.map((one) =>
      h(
        'li',
        {},
        badge(one.confidence, one.confidence),
        ' ',
        h('strong', {}, one.model),
        one.vendor === undefined ? null : ` by ${one.vendor}`,
        h('span', { class: 'quiet' }, ` · rung ${one.rung} spoke`),
        one.candidates.length === 0
          ? null
          : h('span', { class: 'quiet' }, ` · fits as well: ${one.candidates.slice(0, 6).join(', ')}`),
        h('div', { class: 'because' }, one.because.join('; ')),
        unverified(one.unverified),
      ),
    ),
  )
}

/** Process, weights, memory and listener in one sentence, then what spoke for it. */
export function runtimeStory({ runtime: told, firstSeenAt }) {
  const { identification: named } = told
  return h(
    'article',
    { class: 'story' },
    h(
      'h3',
      {},
      named === null ? `Process ${told.name}` : named.product,
      ' ',
      badge(told.activity, told.activity === 'inference' ? 'likely' : ''),
      ' ',
      simulatedBadge(told.simulated),
    ),
    h('p', { class: 'told' }, ...sentence(told)),
    processFacts(told, firstSeenAt),
    named === null ? null : spokeFor(named),
    gapList(told.gaps),
  )
}

function processFacts({ executable, commandLine, startedAt, memory, listeners }, firstSeenAt) {
  const program = executable && h('span', {}, mono(executable.path), executable.isDeleted ? ' (deleted)' : '')
  return facts([
    ['executable', program],
    ['command line', commandLine.length > 0 ? mono(commandLine.join(' '), 100) : null],
    ['started', when(startedAt)],
    ['first seen', when(firstSeenAt)],
    ['memory', memory && `${bytes(memory.residentBytes)} resident, ${bytes(memory.fileBytes)} of it files`],
    ['listeners', listeners.length > 0 ? list(listeners.map(listening)) : null],
  ])
}

function listening({ protocol, address, port, scope }) {
  return `${protocol} ${address}:${port} (${SCOPES[scope] ?? scope})`
}

function spokeFor({ confidence, evidence }) {
  const pieces = evidence.map(({ kind, detail }) => `${kind}: ${detail}`)
  return h('div', {}, h('h4', {}, `Why ${confidence}`), list(pieces))
}

const SCOPES = {
  loopback: 'this machine only',
  any: 'reachable from the network',
  specific: 'reachable on that address',
}

function sentence(r) {
  const weights = r.weights[0]
  const listener = r.listeners[0]
  return [
    `Process ${r.pid}, started as “`,
    h('strong', {}, r.name),
    `”${r.user.name === null ? '' : ` by ${r.user.name}`}`,
    ...(weights === undefined
      ? []
      : [
          `, ${weights.how === 'mapped' ? 'maps' : 'holds open'} ${bytes(weights.sizeBytes)} of `,
          mono(weights.path, 60),
          weights.isDeleted ? ' (deleted from disk)' : '',
          weights.model === null ? '' : `, which is ${weights.model}`,
        ]),
    ...(listener === undefined ? [] : [`, listens on ${listener.address}:${listener.port}`]),
    '.',
  ]
}

/** What could not be looked at, and why; folded where it is not the subject. */
export function gapList(gaps) {
  if (gaps.length === 0) return null
  const title = `${gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'}: what could not be looked at`
  return h('details', { class: 'gaps' }, h('summary', {}, title), gapItems(gaps))
}

/** The gaps themselves. */
export function gapItems(gaps) {
  return list(
    each(gaps, ({ code, place, count: times, detail }) =>
      h('span', {}, h('code', {}, code), times > 1 ? ` ×${count(times)} ` : ' ', mono(place, 60), ` ${detail}`),
    ),
  )
}
