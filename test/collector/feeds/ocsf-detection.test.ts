// Every change of a finding, valid by the OCSF 1.8.0 schema and told the way a SOC reads it.
import { describe, expect, it } from '@jest/globals'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { renderDetection } from '../../../collector/feeds/ocsf-detection.ts'
import { frameEvent } from '../../../collector/feeds/syslog-frame.ts'
import { testEvent } from '../../../collector/feeds/test-event.ts'
import { readJsonObject } from '../json-file.ts'
import { sampleEvent } from '../sample-event.ts'
import { sampleFinding } from '../sample-report.ts'
import { parseFrames } from './syslog-receiver.ts'

const root = join(import.meta.dirname, '../../..')
const schemaFile = join(root, '../shared/schemas/ocsf/ocsf-1.8.0.schema.json')
const hasSchema = existsSync(schemaFile)
if (!hasSchema) console.warn(`skipped: ${schemaFile} is missing, OCSF events are not validated`)
const withSchema = hasSchema ? it : it.skip

const options = { version: '0.1.0', maxEvidence: 32, maxText: 1_024 }
const events = {
  opened: sampleEvent(),
  changed: sampleEvent({ change: 'changed', revision: 2, previousSeverity: 'low' }),
  resolved: sampleEvent({ change: 'resolved', revision: 3 }),
  reopened: sampleEvent({ change: 'reopened', revision: 4 }),
  simulated: sampleEvent({ finding: sampleFinding({ simulated: true }) }),
  'without host facts': sampleEvent({ host: null }),
  test: testEvent('2026-11-23T08:00:00.000Z', 'one', 'centre'),
}

describe('an OCSF detection finding', () => {
  withSchema('is valid by the schema for every change', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false })
    ajv.addSchema(readJsonObject(schemaFile))
    const validate = ajv.getSchema('urn:derived:ocsf:1.8.0:selected#/$defs/class_detection_finding')
    if (validate === undefined) throw new Error('the schema lacks class_detection_finding')

    const wrong = Object.entries(events).map(([name, event]) => {
      const isValid = validate(renderDetection(event, options))
      return [name, isValid, validate.errors ?? null]
    })

    expect(wrong).toEqual(Object.keys(events).map((name) => [name, true, null]))
    expect(validate({ ...renderDetection(events.opened, options), severity_id: 77 })).toBe(false)
  })

  it('keeps one uid through create, update and close', () => {
    const told = [events.opened, events.changed, events.resolved].map((event) => renderDetection(event, options))

    expect(told.map((event) => [event['activity_name'], event['type_uid'], event['is_alert']])).toEqual([
      ['Create', 200401, true],
      ['Update', 200402, false],
      ['Close', 200403, false],
    ])
    expect(new Set(told.map((event) => JSON.stringify(event['finding_info']).match(/"uid":"([^"]+)"/)?.[1])).size).toBe(
      1,
    )
  })

  it('marks what is simulated so that it can be filtered', () => {
    const told = renderDetection(events.simulated, options)

    expect(told).toMatchObject({ metadata: { labels: ['simulated'] }, unmapped: { 'gnomon.simulated': true } })
    expect(renderDetection(events.opened, options)).toMatchObject({ unmapped: { 'gnomon.simulated': false } })
    expect(frameEvent(events.simulated, '0.1.0').toString()).toContain('simulated="true"')
  })
})

describe('a syslog frame', () => {
  const hostile = `/home/\u202e]"\\ü\n\u0000${'é'.repeat(16_000)}`
  const event = sampleEvent({
    hostName: 'laptop of Zoë ]"',
    finding: sampleFinding({
      title: `${'漢'.repeat(2_000)}\n<1>1 - forged`,
      subject: { kind: 'artifact', key: hostile },
      evidence: Array.from({ length: 128 }, () => ({
        kind: 'rung-3',
        place: hostile,
        detail: hostile.slice(0, 4_000),
      })),
    }),
  })

  it('counts octets, is one line of ASCII and stays under 8 KiB, whatever the names are', () => {
    const bytes = Buffer.concat([frameEvent(event, '0.1.0'), frameEvent(sampleEvent(), '0.1.0')])

    const { messages, rest } = parseFrames(bytes)

    expect(rest.length).toBe(0)
    expect(messages).toHaveLength(2)
    expect(messages[0]).toMatch(/^[\x20-\x7e]+$/)
    expect(messages[0]?.length).toBeLessThanOrEqual(8_192)
    expect(messages[0]).toMatch(
      /^<108>1 2026-11-23T08:00:06\.000Z laptop_of_Zo__\]" gnomon - finding \[gnomon@32473 event="/,
    )
    const [, json = ''] = /(?:\] )(\{.*\})$/.exec(messages[0] ?? '') ?? []
    expect(JSON.parse(json)).toMatchObject({ class_uid: 2004, unmapped: { 'gnomon.evidence_left_out': 128 } })
  })
})
