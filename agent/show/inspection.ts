// One artifact as a detection engineer reads it: the ladder rung by rung, then what it may be, then what was not seen.
import type { Artifact } from '../../contract/artifact.ts'
import type { Structure } from '../../contract/fingerprint.ts'
import { printable } from '../../contract/printable.ts'
import type { Gap } from '../../contract/wire.ts'
import { describeBytes, describeParameters } from './measure.ts'
import { paint, type Terminal } from './terminal.ts'

/** Several lines about one artifact; every word from the file is escaped. */
export function renderInspection(artifact: Artifact, terminal: Terminal): string {
  const { claims, structure, tokenizer, barcode, content } = artifact.fingerprint
  const version = artifact.formatVersion === null ? '' : ` version ${artifact.formatVersion}`
  const rows: [string, string][] = [
    ['format', artifact.format === null ? 'not recognised' : `${artifact.format}${version}`],
    ['verdict', artifact.verdict],
    ['size', `${describeBytes(artifact.sizeBytes)} in ${artifact.parts.length} part(s)`],
  ]
  if (claims !== undefined) rows.push(['claims', describeClaims(claims)])
  if (structure !== undefined) rows.push(['structure', describeStructure(structure)])
  if (tokenizer !== undefined) rows.push(['tokenizer', `${tokenizer.kind}, ${tokenizer.size} tokens`])
  if (barcode !== undefined) rows.push(['barcode', `${barcode.digest}${barcode.isComplete ? '' : ' (partial)'}`])
  if (content !== undefined) rows.push(['sha-256', content.sha256])
  for (const candidate of artifact.identifications) {
    rows.push([candidate.confidence, `${candidate.model} (rung ${candidate.rung}): ${candidate.because.join('; ')}`])
  }
  for (const threat of artifact.threats)
    rows.push(['threat', `${threat.id} (${threat.severity}): ${threat.because.join('; ')}`])
  for (const gap of artifact.gaps)
    rows.push(gap.code === 'GNO_READ_SKIPPED' ? ['skipped', gap.detail] : ['gap', describeGap(gap)])
  const lines = rows.map(([label, value]) => `  ${paint(terminal, 'dim', label.padEnd(10))} ${printable(value)}`)
  return [paint(terminal, 'bold', printable(artifact.path)), ...lines].join('\n')
}

/** A gap in one sentence. */
export function describeGap(gap: Gap): string {
  const times = gap.count === 1 ? '' : ` (${gap.count} times)`
  return printable(`${gap.code} ${gap.place}: ${gap.detail}${times}`)
}

function describeClaims(claims: NonNullable<Artifact['fingerprint']['claims']>): string {
  const said = [
    claims.name && `name "${claims.name}"`,
    claims.organization && `by ${claims.organization}`,
    claims.license && `licence ${claims.license}`,
    claims.placeName && `lies as ${claims.placeName}`,
    claims.placeDigest && `its place says sha256:${claims.placeDigest.sha256.slice(0, 12)}…`,
    claims.chatTemplateDigest && 'has a chat template',
  ]
  return said.filter((word) => word !== undefined && word !== '').join(', ') || 'none'
}

function describeStructure(structure: Structure): string {
  const heads =
    structure.attentionHeads === undefined
      ? undefined
      : `${structure.attentionHeads}/${structure.kvHeads ?? structure.attentionHeads} heads`
  const said = [
    structure.architecture,
    structure.kind === 'text' ? undefined : structure.kind,
    structure.layers === undefined ? undefined : `${structure.layers} layers`,
    structure.embeddingWidth === undefined ? undefined : `width ${structure.embeddingWidth}`,
    heads,
    structure.experts === undefined ? undefined : `${structure.experts} experts (${structure.expertsUsed ?? '?'} used)`,
    `${describeParameters(structure.parameterCount)} parameters`,
    structure.quantization,
    structure.bitsPerWeight === undefined ? undefined : `${structure.bitsPerWeight.toFixed(2)} bits per weight`,
    structure.contextLength === undefined ? undefined : `context ${structure.contextLength}`,
  ]
  return said.filter((word) => word !== undefined).join(', ')
}
