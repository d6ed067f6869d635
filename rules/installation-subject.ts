// What a policy may ask about an installed product, and the evidence that a finding will carry.
import type { FindingEvidence } from '../contract/finding.ts'
import type { Installation } from '../contract/installation.ts'
import { cut, listOf } from './artifact-evidence.ts'
import type { JudgeSubject } from './judge-subject.ts'
import type { FieldValue } from './operators.ts'

const MAX_LABEL_CHARS = 300

/** An installed product, with its weaknesses and the settings of its configurations. */
export function installationSubject(installation: Installation): JudgeSubject {
  const { installationKey, product, version, scope, confidence, vulnerabilities, riskySettings } = installation
  const fields = new Map<string, readonly FieldValue[]>([
    ['entryId', [installation.entryId]],
    ['category', [installation.category]],
    ['confidence', [confidence]],
    ['version', listOf(version ?? undefined)],
    ['source', [...new Set(installation.parts.map(({ source }) => source))]],
    ['vulnerability', vulnerabilities.map(({ id }) => id)],
    ['vulnerabilitySeverity', [...new Set(vulnerabilities.map(({ severity }) => severity))]],
    ['riskySetting', riskySettings.map(({ setting, value }) => `${setting}=${value}`)],
    ['guardOff', [...new Set(riskySettings.flatMap(({ turnsOff }) => turnsOff))]],
    ['pointsAtLocalModel', listOf(installation.pointsAtLocalModel ?? undefined)],
    ['mcpServerCount', [installation.mcpServers.length]],
  ])
  const where = scope === 'system' ? 'on the system' : `in ${scope}`
  return {
    kind: 'installation',
    key: installationKey,
    label: `${product}${version === null ? '' : ` ${version}`} ${where}`.slice(0, MAX_LABEL_CHARS),
    fields,
    confidence,
    because: installation.because,
    evidence: evidenceOf(installation),
    artifactIds: [],
    models: [],
    simulated: false,
  }
}

function evidenceOf(installation: Installation): readonly FindingEvidence[] {
  const { parts, vulnerabilities, riskySettings, mcpServers } = installation
  const scope = installation.scope
  return [
    ...vulnerabilities.map(({ id, version, below, says, reference }) => ({
      kind: 'vulnerability',
      place: parts.find((part) => part.version === version)?.place ?? scope,
      detail: cut(`${id}: ${version} is older than ${below}, which ends it; ${says} (${reference})`),
    })),
    ...riskySettings.map(({ place, setting, value, says }) => ({
      kind: 'setting',
      place,
      detail: cut(`${setting} = ${value}: ${says}`),
    })),
    ...parts.map(({ source, name, version, place }) => ({
      kind: source,
      place,
      detail: cut(`${name}${version === null ? '' : ` ${version}`}`),
    })),
    ...mcpServers.map(({ name, how, reach, program, place }) => ({
      kind: 'mcp-server',
      place,
      detail: cut(`${name}: ${how === 'program' ? `starts ${program ?? 'a program'}` : `${reach} address`}`),
    })),
  ]
}
