// The two stories a finding tells: a model file rung by rung, and a running process.
import { badge, bytes, count, facts, h, list, mono, parameters, simulatedBadge, when } from './view.js'

/** The fingerprint ladder. A rung that is not there says so: absent, empty and refused are different answers. */
export function artifactStory({ artifact, firstSeenAt, changedAt }) {
  return h(
    'article',
    { class: 'story' },
    h('h3', {}, mono(artifact.path, 90), ' ', simulatedBadge(artifact.simulated)),
    h(
      'p',
      { class: 'quiet' },
      `${bytes(artifact.sizeBytes)} · ${artifact.kind} · verdict ${artifact.verdict} · first seen `,
      when(firstSeenAt),
      ' · changed ',
      when(changedAt),
    ),
    identifications(artifact),
    h('ol', { class: 'ladder', start: '0' }, ...rungs(artifact).map(rung)),
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
      ),
    ),
  )
}

function rungs({ format, formatVersion, fingerprint }) {
  const { claims, structure: s, tokenizer: t, barcode, content } = fingerprint
  return [
    {
      name: 'Format',
      proves: 'it is a model file at all',
      said: format === null ? null : facts([['container', `${format} ${formatVersion ?? ''}`]]),
    },
    {
      name: 'Claims',
      proves: 'nothing: anybody can write them',
      said:
        claims &&
        facts([
          ['name', claims.name],
          ['author', claims.author ?? claims.organization],
          ['licence', claims.license],
          ['quantised by', claims.quantizedBy],
          ['base', claims.baseModels?.map((base) => base.name ?? base.repoUrl ?? '').join(', ')],
          ['source', claims.sourceUrl],
          ['place says', claims.placeName],
          ['place digest', claims.placeDigest && mono(claims.placeDigest.sha256)],
        ]),
    },
    {
      name: 'Structure',
      proves: 'a structure that many models share',
      said:
        s &&
        facts([
          ['architecture', s.architecture],
          ['parameters', parameters(s.parameterCount)],
          ['layers × width', s.layers && `${s.layers} × ${s.embeddingWidth ?? '?'}`],
          ['heads / KV heads', s.attentionHeads && `${s.attentionHeads} / ${s.kvHeads ?? '?'}`],
          ['experts', s.experts],
          ['context', s.contextLength && count(s.contextLength)],
          [
            'quantisation',
            s.quantization &&
              `${s.quantization}${s.bitsPerWeight ? `, ${s.bitsPerWeight.toFixed(2)} bits a weight` : ''}`,
          ],
          ['digest', s.architectureDigest && mono(s.architectureDigest)],
        ]),
    },
    {
      name: 'Tokenizer',
      proves: 'tokenizer ancestry, often the release',
      said:
        t &&
        facts([
          ['kind', `${t.kind}, ${count(t.size)} tokens`],
          ['vocabulary', t.baseVocabDigest && mono(t.baseVocabDigest)],
          ['added tokens', t.addedTokensDigest && mono(t.addedTokensDigest)],
        ]),
    },
    { name: 'Lineage', proves: 'norm ancestry', said: null, absent: 'not computed by this version' },
    {
      name: 'Barcode',
      proves: 'the sampled bytes: a strong hint',
      said:
        barcode &&
        facts([
          ['digest', mono(barcode.digest)],
          ['sampled', `${bytes(barcode.bytesSampled)}${barcode.isComplete ? '' : ', not every tensor'}`],
        ]),
    },
    { name: 'Content', proves: 'the exact file', said: content && facts([['SHA-256', mono(content.sha256)]]) },
  ]
}

function rung({ name, proves, said, absent }) {
  const isKnown = said !== null && said !== undefined
  return h(
    'li',
    { class: isKnown ? 'known' : 'unknown' },
    h('div', { class: 'rung' }, h('strong', {}, name), h('span', { class: 'quiet' }, `proves ${proves}`)),
    isKnown ? said : h('p', { class: 'quiet' }, absent ?? 'not known; see the gaps'),
  )
}

/** Process, weights, memory and listener in one sentence, then what spoke for it. */
export function runtimeStory({ runtime: r, firstSeenAt }) {
  const { identification: named } = r
  return h(
    'article',
    { class: 'story' },
    h(
      'h3',
      {},
      named === null ? `Process ${r.name}` : named.product,
      ' ',
      badge(r.activity, r.activity === 'inference' ? 'likely' : ''),
      ' ',
      simulatedBadge(r.simulated),
    ),
    h('p', { class: 'told' }, ...sentence(r)),
    facts([
      [
        'executable',
        r.executable && h('span', {}, mono(r.executable.path), r.executable.isDeleted ? ' (deleted)' : ''),
      ],
      ['command line', r.commandLine.length > 0 && mono(r.commandLine.join(' '), 100)],
      ['started', when(r.startedAt)],
      ['first seen', when(firstSeenAt)],
      ['memory', r.memory && `${bytes(r.memory.residentBytes)} resident, ${bytes(r.memory.fileBytes)} of it files`],
      [
        'listeners',
        r.listeners.length > 0 &&
          list(
            r.listeners.map(
              ({ protocol, address, port, scope }) => `${protocol} ${address}:${port} (${SCOPES[scope] ?? scope})`,
            ),
          ),
      ],
    ]),
    named === null
      ? null
      : h(
          'div',
          {},
          h('h4', {}, `Why ${named.confidence}`),
          list(named.evidence.map(({ kind, detail }) => `${kind}: ${detail}`)),
        ),
    gapList(r.gaps),
  )
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
    gaps.map(({ code, place, count: times, detail }) =>
      h('span', {}, h('code', {}, code), times > 1 ? ` ×${count(times)} ` : ' ', mono(place, 60), ` ${detail}`),
    ),
  )
}
