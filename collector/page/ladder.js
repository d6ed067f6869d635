// The fingerprint ladder of a model file. A rung that is not there says so: absent, empty and refused are different answers.
import { bytes, count, facts, h, mono, parameters } from './view.js'

/** Facts of a container that are shown; the export has them all. */
const MAX_FACTS = 12

/** The rungs as a list; each says what equality on it would prove. */
export function ladder({ format, formatVersion, dialect, fingerprint }) {
  const container = format === null ? null : containerFacts(`${format} ${formatVersion ?? ''}`, dialect, fingerprint)
  const rungs = [
    { name: 'Format', proves: 'it is a model file at all', said: container },
    { name: 'Claims', proves: 'nothing: anybody can write them', said: claims(fingerprint) },
    { name: 'Structure', proves: 'a structure that many models share', said: structure(fingerprint) },
    { name: 'Tokenizer', proves: 'tokenizer ancestry, often the release', said: tokenizer(fingerprint) },
    { name: 'Lineage', proves: 'norm ancestry', said: lineage(fingerprint) },
    { name: 'Barcode', proves: 'the sampled bytes: a strong hint', said: barcode(fingerprint) },
    { name: 'Content', proves: 'the exact file', said: content(fingerprint) },
  ]
  return h('ol', { class: 'ladder', start: '0' }, ...rungs.map(rung))
}

function containerFacts(name, dialect, { container: said = {}, training }) {
  const told = Object.entries(said).slice(0, MAX_FACTS)
  return facts([
    ['container', name],
    ['convention', dialect],
    ...told.map(([key, value]) => [key, String(value)]),
    ['training', training && `${training.kind} ${training.optimizer ?? training.framework ?? ''}`],
    ['step', training?.step && `${count(training.step)} of ${training.maxSteps ? count(training.maxSteps) : '?'}`],
    ['base', training?.baseModel],
  ])
}

function lineage({ lineage: said }) {
  if (said === undefined) return null
  return facts([
    ['digest', mono(said.normDigest)],
    ['norms', `${said.roles.join(', ')} of ${count(said.blocks)} blocks, ${bytes(said.bytesRead)} read`],
  ])
}

function claims({ claims: said }) {
  if (said === undefined) return null
  const bases = said.baseModels?.map((base) => base.name ?? base.repoUrl ?? '')
  return facts([
    ['name', said.name],
    ['author', said.author ?? said.organization],
    ['licence', said.license],
    ['quantised by', said.quantizedBy],
    ['base', bases?.join(', ')],
    ['source', said.sourceUrl],
    ['place says', said.placeName],
    ['place digest', said.placeDigest && mono(said.placeDigest.sha256)],
  ])
}

function structure({ structure: said }) {
  if (said === undefined) return null
  const bits = said.bitsPerWeight ? `, ${said.bitsPerWeight.toFixed(2)} bits a weight` : ''
  return facts([
    ['architecture', said.architecture],
    ['parameters', parameters(said.parameterCount)],
    ['layers × width', said.layers && `${said.layers} × ${said.embeddingWidth ?? '?'}`],
    ['heads / KV heads', said.attentionHeads && `${said.attentionHeads} / ${said.kvHeads ?? '?'}`],
    ['experts', said.experts],
    ['context', said.contextLength && count(said.contextLength)],
    ['quantisation', said.quantization && `${said.quantization}${bits}`],
    ['digest', said.architectureDigest && mono(said.architectureDigest)],
  ])
}

function tokenizer({ tokenizer: said }) {
  if (said === undefined) return null
  return facts([
    ['kind', `${said.kind}, ${count(said.size)} tokens`],
    ['vocabulary', said.baseVocabDigest && mono(said.baseVocabDigest)],
    ['added tokens', said.addedTokensDigest && mono(said.addedTokensDigest)],
  ])
}

function barcode({ barcode: said }) {
  if (said === undefined) return null
  return facts([
    ['digest', mono(said.digest)],
    ['sampled', `${bytes(said.bytesSampled)}${said.isComplete ? '' : ', not every tensor'}`],
  ])
}

function content({ content: said }) {
  return said === undefined ? null : facts([['SHA-256', mono(said.sha256)]])
}

function rung({ name, proves, said, absent }) {
  const isKnown = said !== null
  return h(
    'li',
    { class: isKnown ? 'known' : 'unknown' },
    h('div', { class: 'rung' }, h('strong', {}, name), h('span', { class: 'quiet' }, `proves ${proves}`)),
    isKnown ? said : h('p', { class: 'quiet' }, absent ?? 'not known; see the gaps'),
  )
}
