// One host as a CycloneDX 1.6 ML-BOM: weights, runtimes, which uses which, what is installed, and how complete the look was.
// Byte-stable: sorted by code units, the as-of instant is the only time, and the serial number is made from the content.
import { createHash } from 'node:crypto'
import { numbersOnly, severityWords } from '../../contract/numbers-only.ts'
import { printable } from '../../contract/printable.ts'
import type { Host } from '../../contract/report.ts'
import type { HostSnapshot } from '../records.ts'
import { gapLine, order, properties, reference } from './bom-parts.ts'
import type { Export } from './export.ts'
import { installationComponent } from './installation-component.ts'
import { type Component, modelComponent } from './model-component.ts'
import { runtimeComponent } from './runtime-component.ts'

export const cyclonedxMlBom: Export = {
  name: 'cyclonedx',
  summary: 'CycloneDX 1.6 ML-BOM of one host',
  render: (snapshot, { version }) => {
    const body = bodyOf(snapshot, version)
    const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(body))}`
    const head = {
      $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
    }
    return `${JSON.stringify({ ...head, serialNumber, version: 1, ...body }, null, 2)}\n`
  },
}

function bodyOf(snapshot: HostSnapshot, version: string) {
  const artifacts = [...snapshot.artifacts].sort((a, b) => order(a.path, b.path))
  const runtimes = [...snapshot.runtimes].sort((a, b) => order(a.runtimeKey, b.runtimeKey))
  const installations = [...snapshot.installations].sort((a, b) => order(a.installationKey, b.installationKey))
  const host = reference('host', snapshot.hostId)
  const components = [
    ...artifacts.map(modelComponent),
    ...runtimes.map(runtimeComponent),
    ...installations.map(installationComponent),
  ]
  return {
    metadata: metadataOf(snapshot, version, host),
    components,
    dependencies: dependenciesOf(snapshot, host, components),
    compositions: [{ aggregate: aggregateOf(snapshot), assemblies: [host] }],
    annotations: [
      {
        subjects: [host],
        annotator: { component: { type: 'application', name: 'gnomon-collector', version } },
        timestamp: snapshot.asOf,
        text: printable(coverageText(snapshot)),
      },
    ],
  }
}

function metadataOf(snapshot: HostSnapshot, version: string, host: string) {
  const { asOf, hostId, hostName, lastReportAt, looked, coverage, gaps } = snapshot
  return {
    timestamp: asOf,
    lifecycles: [{ phase: 'discovery' }],
    tools: { components: [{ type: 'application', name: 'gnomon-collector', version }] },
    component: { type: 'device', 'bom-ref': host, name: printable(hostName) },
    properties: properties([
      ['as-of', asOf],
      ['host-id', hostId],
      ['last-report-at', lastReportAt ?? 'never'],
      ['looked', looked],
      ['operating-system', snapshot.host?.operatingSystem],
      ['agent-version', snapshot.host?.agentVersion],
      ['rule-pack-version', snapshot.host?.packVersion],
      ['privacy-level', snapshot.host?.privacy?.level],
      ...countsOf(snapshot),
      // Without the counters of things looked at: they move with every report and say nothing about what was left out.
      ...coverage.map(
        ({ sensor, state, places }) => ['coverage', `${sensor}: ${state}: ${places.join(', ')}`] as const,
      ),
      ...gaps.map((gap) => ['gap', gapLine(gap)] as const),
    ]),
  }
}

/** How many there are; where details are withheld the lists are empty, and only what the host counted is told. */
function countsOf({ host, artifacts, runtimes, installations }: HostSnapshot) {
  if (host?.privacy?.level !== 'counts')
    return [
      ['count:artifacts', artifacts.length],
      ['count:runtimes', runtimes.length],
      ['count:installations', installations.length],
    ] as const
  return (host.counts ?? []).map(
    ({ kind, severity, family, count }) =>
      ['withheld', [kind, severity ?? family ?? 'unnamed', String(count)].join(': ')] as const,
  )
}

/** At the level `counts` an absent component is no absent model. */
function withheldText(host: Host, places: number): string {
  const told = numbersOnly(host)
  const numbers =
    told === null
      ? 'no numbers were told yet'
      : `the host told ${told.artifacts} artifacts, ${told.runtimes} runtimes, ${told.installations} installations and as findings ${severityWords(told.findings) || 'none'}`
  return `Details are withheld by the privacy level counts: ${numbers}, listed as gnomon:withheld. The absence of components means nothing. ${places} places could not be looked at.`
}

function dependenciesOf({ artifacts, runtimes }: HostSnapshot, host: string, components: readonly Component[]) {
  const everything = components.map((component) => String(component['bom-ref'])).sort(order)
  const uses = runtimes.map((runtime) => {
    const paths = new Set(runtime.weights.map((weights) => weights.path))
    const ids = new Set(runtime.weights.map((weights) => weights.artifactId))
    const used = artifacts.filter(({ path, artifactId, parts }) => {
      return paths.has(path) || parts.some((part) => paths.has(part.path)) || ids.has(artifactId)
    })
    const dependsOn = used.map(({ path }) => reference('artifact', path)).sort(order)
    return { ref: reference('runtime', runtime.runtimeKey), dependsOn }
  })
  const known = uses.filter(({ dependsOn }) => dependsOn.length > 0).sort((a, b) => order(a.ref, b.ref))
  return [{ ref: host, dependsOn: everything }, ...known]
}

/** Complete only where every sensor said so and nothing was left unseen; nothing known is `unknown`. */
function aggregateOf({ looked, host }: HostSnapshot): 'complete' | 'incomplete' | 'unknown' {
  if (looked !== 'never' && host?.privacy?.level === 'counts') return 'incomplete'
  if (looked === 'complete') return 'complete'
  return looked === 'never' ? 'unknown' : 'incomplete'
}

function coverageText(snapshot: HostSnapshot): string {
  const { looked, gaps, asOf } = snapshot
  const places = gaps.reduce((sum, gap) => sum + gap.count, 0)
  if (looked !== 'never' && looked !== 'blind' && snapshot.host?.privacy?.level === 'counts')
    return withheldText(snapshot.host, places)
  switch (looked) {
    case 'never':
      return `This host had not reported by ${asOf}: the absence of components means nothing.`
    case 'blind':
      return `No sensor could look at this host by ${asOf}: the absence of components means nothing.`
    case 'partial':
      return `Incomplete: ${places} places could not be looked at; they are listed as gnomon:gap.`
    case 'complete':
      return `Complete for the places listed as gnomon:coverage, as known to the collector at ${asOf}.`
  }
}

/** A UUID of version 8 (RFC 9562): the first 122 bits of a digest that is our own business. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text, 'utf8').digest('hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
