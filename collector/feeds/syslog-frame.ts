// One event as an RFC 5424 message in an RFC 6587 octet-counted frame: `LEN SP <PRI>1 TIME HOST APP PROCID MSGID SD MSG`.
// MSG is JSON in pure ASCII (everything else as \uXXXX): no byte-order mark is needed, no direction mark survives, LEN is its length.
import type { Severity } from '../../contract/wire.ts'
import type { FindingEvent } from '../records.ts'
import { renderDetection, renderMinimal } from './ocsf-detection.ts'

/** Receivers should take 8192 octets (RFC 5425 section 4.3.1); beyond it some cut and break the JSON. */
const MAX_MESSAGE_BYTES = 8_192
/** Facility 13, log audit. */
const FACILITY = 13
const SYSLOG_SEVERITY: Readonly<Record<Severity, number>> = { info: 6, low: 5, medium: 4, high: 3, critical: 2 }
/** Longest id in the header; escaping may double it. Our own are shorter. */
const MAX_HEADER_ID_CHARS = 256
/** What is kept, most first, until the message fits. */
const STEPS = [
  { maxEvidence: 32, maxText: 1_024 },
  { maxEvidence: 8, maxText: 512 },
  { maxEvidence: 2, maxText: 256 },
  { maxEvidence: 0, maxText: 64 },
] as const

/** Frames one event; a long one loses evidence (and says how much), never its end. */
export function frameEvent(event: FindingEvent, version: string): Buffer {
  const header = headerOf(event)
  for (const step of STEPS) {
    const message = `${header} ${asciiJson(renderDetection(event, { ...step, version }))}`
    if (message.length <= MAX_MESSAGE_BYTES) return frame(message)
  }
  return frame(`${header} ${asciiJson(renderMinimal(event, version))}`)
}

function frame(message: string): Buffer {
  return Buffer.from(`${message.length} ${message}`, 'ascii')
}

function headerOf(event: FindingEvent): string {
  const { finding, eventId, hostName, change, at } = event
  const priority = FACILITY * 8 + SYSLOG_SEVERITY[finding.severity]
  const fields = [
    `event="${sdValue(eventId)}"`,
    `finding="${sdValue(finding.findingId)}"`,
    `change="${change}"`,
    `simulated="${finding.simulated}"`,
  ]
  // 32473 is the number that RFC 5612 keeps for documentation: the product has none of its own yet.
  return `<${priority}>1 ${at} ${headerWord(hostName, 255)} gnomon - finding [gnomon@32473 ${fields.join(' ')}]`
}

/** Printable ASCII without spaces, as RFC 5424 section 6 wants; `-` when nothing is left. */
function headerWord(value: string, max: number): string {
  return value.replace(/[^\x21-\x7e]/g, '_').slice(0, max) || '-'
}

function sdValue(value: string): string {
  return value
    .slice(0, MAX_HEADER_ID_CHARS)
    .replace(/[^\x20-\x7e]/g, '_')
    .replace(/["\\\]]/g, '\\$&')
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
