// A frame never grows past what receivers take, whatever an agent chose to be called.
import { describe, expect, it } from '@jest/globals'
import { frameEvent } from '../../../collector/feeds/syslog-frame.ts'
import { sampleEvent } from '../sample-event.ts'
import { sampleFinding, sampleReport } from '../sample-report.ts'

const FILLINGS = ['x', '"', '\\', '\u202e', 'ü', '\u{1f600}']

describe('a frame', () => {
  it.each(FILLINGS)('filled with %j in every text stays within 8,192 octets and is JSON', (filling) => {
    const name = filling.repeat(512).slice(0, 512)
    const text = filling.repeat(4_096).slice(0, 4_096)
    const finding = sampleFinding({
      findingId: name,
      policyId: name,
      title: text,
      advice: text,
      falsePositives: text,
      loweredBy: text,
      because: [text, text],
      subject: { kind: 'artifact', key: text },
      artifactIds: Array.from({ length: 64 }, () => name),
      evidence: Array.from({ length: 32 }, () => ({ kind: 'claims', place: text, detail: text })),
    })
    const host = { ...sampleReport().host, operatingSystem: name, packVersion: name }
    const event = sampleEvent({ finding, host, hostId: name, hostName: name, eventId: `${name}@${name}/1` })

    const frame = frameEvent(event, '0.1.0').toString('latin1')

    const space = frame.indexOf(' ')
    const message = frame.slice(space + 1)
    expect(Number(frame.slice(0, space))).toBe(message.length)
    expect(message.length).toBeLessThanOrEqual(8_192)
    expect(JSON.parse(message.slice(message.indexOf('] {') + 2))).toMatchObject({ class_uid: 2004, severity_id: 3 })
  })
})
