// An artifact as a CycloneDX 1.6 component of type machine-learning-model. A hash stands there only when all bytes were hashed (rung 6);
// a licence is `declared` when the file claims it and `concluded` only for an identification that is at least likely.
import type { Artifact, Identification } from '../../contract/artifact.ts'
import type { Structure } from '../../contract/fingerprint.ts'
import { printable } from '../../contract/printable.ts'
import { CONFIDENCE_NUMBERS, gapLine, lastName, order, properties, reference } from './bom-parts.ts'

export type Component = Readonly<Record<string, unknown>>

/** Renders one artifact. */
export function modelComponent(artifact: Artifact): Component {
  const { fingerprint, parts, path } = artifact
  const named = artifact.identifications.find((candidate) => candidate.confidence !== 'possible')
  const sha256 = fingerprint.content?.sha256
  const licenses = licensesOf(artifact, named)
  const nested = parts.length > 1 ? parts.map((part) => partComponent(path, part)) : []
  return {
    type: 'machine-learning-model',
    'bom-ref': reference('artifact', path),
    name: named === undefined ? lastName(path) : printable(named.model),
    ...(sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256 }] }),
    ...(licenses.length === 0 ? {} : { licenses }),
    ...(fingerprint.structure === undefined ? {} : { modelCard: modelCard(fingerprint.structure) }),
    ...(nested.length === 0 ? {} : { components: nested.sort((a, b) => order(a['bom-ref'], b['bom-ref'])) }),
    evidence: {
      ...identityOf(artifact),
      occurrences: [{ location: printable(path) }],
    },
    properties: artifactProperties(artifact),
  }
}

function partComponent(path: string, part: Artifact['parts'][number]) {
  return {
    type: 'file',
    'bom-ref': reference('part', `${path}\n${part.path}`),
    name: lastName(part.path),
    evidence: { occurrences: [{ location: printable(part.path) }] },
    properties: properties([
      ['role', part.role],
      ['size-bytes', part.sizeBytes],
    ]),
  }
}

function licensesOf({ fingerprint }: Artifact, named: Identification | undefined): readonly Component[] {
  const declared = fingerprint.claims?.license
  const concluded = named?.license
  return [
    ...(declared === undefined || declared === '' ? [] : [license(declared, 'declared')]),
    ...(concluded === undefined || concluded === '' ? [] : [license(concluded, 'concluded')]),
  ]
}

// By name, never by id: the closed list of SPDX has no id for the licences of Llama or Gemma, and a wrong id makes the file invalid.
function license(name: string, acknowledgement: 'declared' | 'concluded'): Component {
  return { license: { name: printable(name), acknowledgement } }
}

function modelCard(structure: Structure): Component {
  const { architecture, structureKey, kind } = structure
  const parameters = {
    ...(kind === 'text' ? { task: 'text-generation' } : {}),
    ...(architecture === undefined ? {} : { architectureFamily: printable(architecture) }),
    ...(structureKey === undefined ? {} : { modelArchitecture: printable(structureKey) }),
  }
  const { architectureDigest: _a, layoutDigest: _l, structureKey: _k, tensorTypes: _t, ...facts } = structure
  const listed = Object.entries(facts).map(([name, value]) => [`structure:${kebab(name)}`, value] as const)
  return {
    ...(Object.keys(parameters).length === 0 ? {} : { modelParameters: parameters }),
    properties: properties(listed),
  }
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function identityOf({ identifications, fingerprint }: Artifact): Component {
  const sha256 = fingerprint.content?.sha256
  const hash = {
    field: 'hash',
    confidence: 1,
    concludedValue: sha256,
    methods: [method('hash-comparison', 1, 'SHA-256 of every byte')],
  }
  const names = identifications.map((candidate) => {
    const confidence = CONFIDENCE_NUMBERS[candidate.confidence]
    const value = `rung ${candidate.rung}: ${candidate.because.join('; ')}`
    const methods = [method(candidate.rung >= 5 ? 'hash-comparison' : 'binary-analysis', confidence, value)]
    return { field: 'name', confidence, concludedValue: printable(candidate.model), methods }
  })
  const identity = [...(sha256 === undefined ? [] : [hash]), ...names]
  return identity.length === 0 ? {} : { identity }
}

function method(technique: 'hash-comparison' | 'binary-analysis', confidence: number, value: string): Component {
  return { technique, confidence, value: printable(value) }
}

function artifactProperties(artifact: Artifact) {
  const { fingerprint, identifications, threats, gaps } = artifact
  const { structure, tokenizer, barcode, claims } = fingerprint
  return properties([
    ['artifact-id', artifact.artifactId],
    ['kind', artifact.kind],
    ['path', artifact.path],
    ['size-bytes', artifact.sizeBytes],
    ['modified-at', artifact.modifiedAt],
    ['format', artifact.format ?? 'unknown'],
    ['format-version', artifact.formatVersion],
    ['verdict', artifact.verdict],
    ['simulated', artifact.simulated],
    ['digest:architecture', structure?.architectureDigest],
    ['digest:layout', structure?.layoutDigest],
    ['digest:base-vocabulary', tokenizer?.baseVocabDigest],
    ['digest:added-tokens', tokenizer?.addedTokensDigest],
    ['digest:merges', tokenizer?.mergesDigest],
    ['digest:barcode', barcode?.digest],
    ['digest:chat-template', claims?.chatTemplateDigest],
    ['claim:name', claims?.name],
    ['claim:author', claims?.author],
    ['claim:organization', claims?.organization],
    ['claim:quantized-by', claims?.quantizedBy],
    ['claim:source-url', claims?.sourceUrl],
    ['claim:place-name', claims?.placeName],
    ['claim:place-sha256', claims?.placeDigest?.sha256],
    ...identifications.map(identificationLine),
    ...threats.map((threat) => ['threat', `${threat.severity} ${threat.id}: ${threat.because.join('; ')}`] as const),
    ...gaps.map((gap) => ['gap', gapLine(gap)] as const),
  ])
}

function identificationLine({
  confidence,
  model,
  rung,
  vendor,
  candidates,
}: Identification): readonly [string, string] {
  const by = vendor === undefined ? '' : ` of ${vendor}`
  const others = candidates.length === 0 ? '' : `; fits as well: ${candidates.join(', ')}`
  return ['identification', `${confidence}: ${model}${by}, by rung ${rung}${others}`]
}
