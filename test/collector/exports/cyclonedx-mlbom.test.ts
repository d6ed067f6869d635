// The audit export: valid by CycloneDX's own schema and validator, byte-stable, and honest about what is not known.
import { describe, expect, it } from '@jest/globals'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import addDraft2019Formats from 'ajv-formats-draft2019'
import { cyclonedxMlBom } from '../../../collector/exports/cyclonedx-mlbom.ts'
import type { HostSnapshot } from '../../../collector/records.ts'
import { readJsonObject } from '../json-file.ts'
import { SAMPLE_SHA256, sampleArtifact, sampleInstallation, sampleRuntime } from '../sample-report.ts'
import { sampleSnapshot } from '../sample-snapshot.ts'

const root = join(import.meta.dirname, '../../..')
const render = (snapshot: HostSnapshot): string => cyclonedxMlBom.render(snapshot, { version: '0.1.0' })
const hostile = `/home/\u202e<b>"\n\u0000/${'é'.repeat(8_000)}`
const unhashed = sampleArtifact({
  path: '/srv/other.bin',
  fingerprint: {},
  identifications: [],
  format: null,
  formatVersion: null,
})
const split = sampleArtifact({
  kind: 'split',
  path: '/srv/m-00001-of-00002.gguf',
  parts: [
    { path: '/srv/m-00001-of-00002.gguf', sizeBytes: 1, role: 'weights' },
    { path: '/srv/m-00002-of-00002.gguf', sizeBytes: 2, role: 'weights' },
  ],
  gaps: [{ code: 'GNO_READ_SKIPPED', place: '/srv', count: 1, detail: '--deep was not given' }],
  threats: [{ id: 'template-injection', severity: 'high', because: ['the chat template calls os.system'] }],
})
/** An agent with a risky setting and tools, two databases of the same place telling of it. */
const agent = (name: string) =>
  sampleInstallation({
    installationKey: `codex-cli@${name}`,
    entryId: 'codex-cli',
    product: name,
    scope: name,
    version: null,
    parts: [
      { source: 'npm', name, version: '0.50.0', place: `${name}/package.json`, isNameOnly: false },
      { source: 'config', name, version: null, place: `${name}/package.json`, isNameOnly: true },
      { source: 'config', name, version: null, place: `${name}/package.json`, isNameOnly: true },
    ],
    vulnerabilities: [],
    riskySettings: [{ place: name, setting: 'sandbox_mode', value: 'none', turnsOff: ['sandbox'], says: 'no sandbox' }],
    mcpServers: [{ name, how: 'program', reach: 'local', program: 'npx', place: name }],
    pointsAtLocalModel: true,
  })
const snapshots: Readonly<Record<string, HostSnapshot>> = {
  usual: sampleSnapshot(),
  'of a host that never reported': sampleSnapshot({
    looked: 'never',
    host: null,
    lastReportAt: null,
    coverage: [],
    gaps: [],
    artifacts: [],
    runtimes: [],
    installations: [],
  }),
  'with every kind of artifact': sampleSnapshot({ artifacts: [split, unhashed, sampleArtifact()] }),
  'with hostile names': sampleSnapshot({
    hostName: hostile,
    artifacts: [sampleArtifact({ path: hostile, parts: [] })],
    runtimes: [sampleRuntime({ runtimeKey: hostile, name: hostile, identification: null, executable: null })],
    installations: [agent(hostile), sampleInstallation({ parts: [], vendor: '', version: null })],
    gaps: [{ code: 'GNO_READ_IO', place: hostile, count: 2, detail: hostile.slice(0, 100) }],
  }),
}

describe('a CycloneDX 1.6 ML-BOM', () => {
  it.each(Object.entries(snapshots))('is valid by the strict validator: %s', async (_name, snapshot) => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)

    expect(await validator.validate(render(snapshot))).toBeNull()
  })

  it('would be refused by that validator if it were wrong', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)

    const wrong = render(sampleSnapshot()).replace('"machine-learning-model"', '"weights"')

    expect(await validator.validate(wrong)).not.toBeNull()
  })

  it('is the same whatever the order of the rows', () => {
    const one = sampleSnapshot({ artifacts: [split, unhashed, sampleArtifact()] })
    const other = sampleSnapshot({ artifacts: [sampleArtifact(), split, unhashed] })

    expect(render(other)).toBe(render(one))
  })

  it('has a serial number that changes with the content only', () => {
    const serial = (text: string): string =>
      /urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/.exec(text)?.[0] ?? ''

    const [first, again, changed] = [sampleSnapshot(), sampleSnapshot(), sampleSnapshot({ artifacts: [] })].map((one) =>
      serial(render(one)),
    )

    expect(first).not.toBe('')
    expect(again).toBe(first)
    expect(changed).not.toBe(first)
  })

  it('tells what is installed with the places that show it and the weaknesses of its version', () => {
    const { components } = JSON.parse(
      render(
        sampleSnapshot({ artifacts: [], runtimes: [], installations: [sampleInstallation(), agent('/home/ann')] }),
      ),
    ) as { readonly components: readonly unknown[] }

    expect(components).toMatchObject([
      {
        type: 'application',
        name: '/home/ann',
        evidence: {
          identity: [{ methods: [{ technique: 'filename' }, { technique: 'manifest-analysis' }] }],
          occurrences: [{ location: '/home/ann/package.json' }],
        },
        properties: expect.arrayContaining([
          { name: 'gnomon:mcp-server', value: '/home/ann: local program npx' },
          { name: 'gnomon:risky-setting', value: 'sandbox off: sandbox_mode = none in /home/ann' },
        ]),
      },
      {
        type: 'application',
        name: 'Ollama',
        version: '0.16.2',
        publisher: 'Ollama',
        evidence: {
          identity: [
            {
              confidence: 0.7,
              methods: [
                {
                  technique: 'manifest-analysis',
                  confidence: 0.7,
                  value: 'snap ollama 0.16.2 at /snap/ollama/12/meta/snap.yaml',
                },
              ],
            },
          ],
          occurrences: [{ location: '/snap/ollama/12/meta/snap.yaml' }],
        },
        properties: expect.arrayContaining([
          { name: 'gnomon:vulnerability', value: 'CVE-2026-7482 (high): 0.16.2 is below 0.17.1' },
        ]),
      },
    ])
  })

  it('states a hash only for what was hashed whole', () => {
    expect(render(sampleSnapshot())).toContain(SAMPLE_SHA256)
    expect(render(sampleSnapshot({ artifacts: [unhashed], runtimes: [] }))).not.toContain('"hashes"')
  })

  it('keeps a claimed licence apart from a concluded one', () => {
    const possible = sampleArtifact().identifications.map((one) => ({ ...one, confidence: 'possible' as const }))

    const sure = render(sampleSnapshot())
    const unsure = render(sampleSnapshot({ artifacts: [sampleArtifact({ identifications: possible })] }))

    expect(sure).toMatch(/"name": "llama3\.1",\s+"acknowledgement": "declared"/)
    expect(sure).toMatch(/"name": "Llama 3\.1 Community License",\s+"acknowledgement": "concluded"/)
    expect(unsure).not.toContain('concluded"')
  })

  it.each([
    ['complete', 'complete'],
    ['partial', 'incomplete'],
    ['blind', 'incomplete'],
    ['never', 'unknown'],
  ] as const)('says of a look that was %s that it is %s', (looked, aggregate) => {
    expect(render(sampleSnapshot({ looked }))).toContain(`"aggregate": "${aggregate}"`)
  })

  it('carries no control or direction character of a path', () => {
    expect(render(snapshots['with hostile names'] ?? sampleSnapshot())).toMatch(
      /^[^\u0000-\u0009\u000b-\u001f\u202a-\u202e]+$/,
    )
  })
})

const schemaFolder = join(root, '../shared/schemas/cyclonedx')
const hasSchemas = existsSync(schemaFolder)
if (!hasSchemas) console.warn(`skipped: ${schemaFolder} is missing, exports are validated by the library alone`)

describe('against the published schema files', () => {
  const withSchemas = hasSchemas ? it : it.skip

  withSchemas('every export is valid, and one with a foreign field is not', () => {
    const ajv = new Ajv({ strict: false, allErrors: true, logger: false })
    addFormats.default(ajv)
    addDraft2019Formats(ajv)
    for (const name of ['spdx.schema.json', 'jsf-0.82.schema.json'])
      ajv.addSchema(readJsonObject(join(schemaFolder, name)))
    const validate = ajv.compile(readJsonObject(join(schemaFolder, 'bom-1.6.schema.json')))

    const outcomes = Object.values(snapshots).map((snapshot) => {
      const isValid = validate(JSON.parse(render(snapshot)))
      return isValid ? 'valid' : JSON.stringify(validate.errors)
    })

    expect(outcomes).toEqual(outcomes.map(() => 'valid'))
    expect(
      validate(JSON.parse(render(sampleSnapshot()).replace('"modelCard": {', '"modelCard": { "layers": 3,'))),
    ).toBe(false)
  })
})
