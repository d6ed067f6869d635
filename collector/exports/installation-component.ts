// What is installed as a CycloneDX 1.6 component of type application: what shows it there is its evidence, and the published weaknesses of
// its version, risky settings and tool servers of an agent are properties. Values of labels and arguments never reached the centre.
import type { InstalledPart, Installation } from '../../contract/installation.ts'
import { printable } from '../../contract/printable.ts'
import { CONFIDENCE_NUMBERS, order, properties, reference } from './bom-parts.ts'
import type { Component } from './model-component.ts'

/** Renders one product in one place. */
export function installationComponent(installation: Installation): Component {
  const { installationKey, product, vendor, version, parts } = installation
  const places = [...new Set(parts.map(({ place }) => printable(place)))].sort(order)
  return {
    type: 'application',
    'bom-ref': reference('installation', installationKey),
    name: printable(product),
    ...(version === null ? {} : { version: printable(version) }),
    ...(vendor === '' ? {} : { publisher: printable(vendor) }),
    evidence: {
      identity: [identityOf(installation)],
      ...(places.length === 0 ? {} : { occurrences: places.map((location) => ({ location })) }),
    },
    properties: propertiesOf(installation),
  }
}

function identityOf({ product, confidence, parts }: Installation): Component {
  const number = CONFIDENCE_NUMBERS[confidence]
  const methods = parts.map((part) => ({
    technique: part.isNameOnly ? 'filename' : 'manifest-analysis',
    confidence: number,
    value: printable(describePart(part)),
  }))
  const seen = [...new Map(methods.map((method) => [method.value, method])).values()]
  return {
    field: 'name',
    confidence: number,
    concludedValue: printable(product),
    ...(seen.length === 0 ? {} : { methods: seen.sort((a, b) => order(a.value, b.value)) }),
  }
}

function describePart({ source, name, version, place }: InstalledPart): string {
  return `${source} ${name}${version === null ? '' : ` ${version}`} at ${place}`
}

function propertiesOf(installation: Installation): ReturnType<typeof properties> {
  const { installationKey, entryId, category, scope, confidence, pointsAtLocalModel } = installation
  return properties([
    ['installation-key', installationKey],
    ['identification', `${confidence}: ${entryId}`],
    ['category', category],
    ['scope', scope],
    ['points-at-local-model', pointsAtLocalModel],
    ...installation.vulnerabilities.map(
      ({ id, severity, version, below }) =>
        ['vulnerability', `${id} (${severity}): ${version} is below ${below}`] as const,
    ),
    ...installation.riskySettings.map(
      ({ turnsOff, setting, value, place }) =>
        ['risky-setting', `${turnsOff.join(', ')} off: ${setting} = ${value} in ${place}`] as const,
    ),
    ...installation.mcpServers.map(
      ({ name, how, reach, program }) =>
        ['mcp-server', `${name}: ${reach} ${how}${program === null ? '' : ` ${program}`}`] as const,
    ),
  ])
}
