// A finding event as an OCSF 1.8.0 Detection Finding (class 2004). A pure function: the same event always gives the same text.
// ATT&CK and ATLAS ids are left out: for plain shadow AI they would call staff attackers (a finding of this version proves no intent).
import type { FindingChange } from '../../contract/collector-api.ts'
import { printable, shorten } from '../../contract/printable.ts'
import type { Confidence, Severity } from '../../contract/wire.ts'
import type { FindingEvent } from '../records.ts'

const ACTIVITIES: Readonly<
  Record<FindingChange, { readonly id: number; readonly name: string; readonly status: number }>
> = {
  opened: { id: 1, name: 'Create', status: 1 },
  changed: { id: 2, name: 'Update', status: 1 },
  reopened: { id: 2, name: 'Update', status: 1 },
  resolved: { id: 3, name: 'Close', status: 4 },
}
const SEVERITY: Readonly<Record<Severity, readonly [number, string]>> = {
  info: [1, 'Informational'],
  low: [2, 'Low'],
  medium: [3, 'Medium'],
  high: [4, 'High'],
  critical: [5, 'Critical'],
}
const CONFIDENCE: Readonly<Record<Confidence, readonly [number, string]>> = {
  possible: [1, 'Low'],
  likely: [2, 'Medium'],
  certain: [3, 'High'],
}
const OPERATING_SYSTEMS: Readonly<Record<string, readonly [number, string]>> = {
  linux: [200, 'Linux'],
  darwin: [300, 'macOS'],
  win32: [100, 'Windows'],
}

type OcsfEvent = Readonly<Record<string, unknown>>

/** Texts of an event that is cut as far as it goes. */
const SMALLEST_TEXT = 64
/** Our own ids are shorter; a longer one was chosen by an agent to fill the message. */
const MIN_ID_CHARS = 128

interface RenderOptions {
  readonly version: string
  /** How many pieces of evidence go along; fewer when a message would grow too long. */
  readonly maxEvidence: number
  /** Where single texts are cut, so that one hostile path cannot fill a message. */
  readonly maxText: number
}

/** Renders one event. */
export function renderDetection(event: FindingEvent, options: RenderOptions): OcsfEvent {
  const { version, maxText } = options
  const { finding, change } = event
  const activity = ACTIVITIES[change]
  const [severityId, severity] = SEVERITY[finding.severity]
  const [confidenceId, confidence] = CONFIDENCE[finding.confidence]
  const labels = [...(finding.simulated ? ['simulated'] : []), ...(isTest(event) ? ['test'] : [])]
  return {
    activity_id: activity.id,
    activity_name: activity.name,
    category_uid: 2,
    category_name: 'Findings',
    class_uid: 2004,
    class_name: 'Detection Finding',
    type_uid: 200400 + activity.id,
    time: Date.parse(event.at),
    severity_id: severityId,
    severity,
    confidence_id: confidenceId,
    confidence,
    status_id: activity.status,
    status: activity.status === 4 ? 'Resolved' : 'New',
    ...statusDetail(event),
    is_alert: change === 'opened' || change === 'reopened',
    message: cut(finding.title, maxText),
    metadata: {
      version: '1.8.0',
      product: { name: 'Gnomon', vendor_name: 'Gnomon', version },
      uid: cutId(event.eventId, maxText),
      event_code: cutId(finding.policyId, maxText),
      original_time: finding.observedAt,
      logged_time: Date.parse(event.at),
      ...(labels.length === 0 ? {} : { labels }),
    },
    finding_info: findingInfo(event, maxText),
    device: device(event, maxText),
    evidences: evidences(event, options),
    observables: observables(event, maxText),
    remediation: { desc: cut(finding.advice, maxText) },
    unmapped: unmapped(event, options),
  }
}

/** What is left of an event that no cutting made small enough: whose it is, how bad, and that the rest was cut. */
export function renderMinimal({ finding, change, eventId, at }: FindingEvent, version: string): OcsfEvent {
  const activity = ACTIVITIES[change]
  const [severityId, severity] = SEVERITY[finding.severity]
  return {
    activity_id: activity.id,
    category_uid: 2,
    class_uid: 2004,
    type_uid: 200400 + activity.id,
    time: Date.parse(at),
    severity_id: severityId,
    severity,
    message: cut(finding.title, SMALLEST_TEXT),
    metadata: {
      version: '1.8.0',
      product: { name: 'Gnomon', vendor_name: 'Gnomon', version },
      uid: cutId(eventId, SMALLEST_TEXT),
      ...(finding.simulated ? { labels: ['simulated'] } : {}),
    },
    finding_info: { uid: cutId(finding.findingId, SMALLEST_TEXT), title: cut(finding.title, SMALLEST_TEXT) },
    unmapped: { 'gnomon.cut': true, 'gnomon.simulated': finding.simulated },
  }
}

/** What a host no longer tells in detail is closed, and a close must not read as an all-clear. */
function statusDetail({ isWithheld }: FindingEvent) {
  if (!isWithheld) return {}
  const detail = 'Closed because the host tells numbers only (privacy level counts), not because it is known to be gone'
  return { status_detail: detail }
}

function findingInfo({ finding, at, firstSeenAt }: FindingEvent, maxText: number) {
  const policy = cutId(finding.policyId, maxText)
  return {
    uid: cutId(finding.findingId, maxText),
    title: cut(finding.title, maxText),
    desc: cut(finding.because.join('; '), maxText),
    types: ['policy.shadow-ai'],
    analytic: { uid: policy, name: policy, type_id: 1, type: 'Rule' },
    created_time: Date.parse(firstSeenAt),
    first_seen_time: Date.parse(firstSeenAt),
    last_seen_time: Date.parse(at),
  }
}

function device({ hostId, hostName, host }: FindingEvent, maxText: number) {
  const system = OPERATING_SYSTEMS[host?.platform ?? '']
  const os =
    system === undefined
      ? {}
      : { os: { type_id: system[0], type: system[1], name: cut(host?.operatingSystem ?? system[1], maxText) } }
  return { uid: cutId(hostId, maxText), hostname: cut(hostName, maxText), type_id: 0, type: 'Unknown', ...os }
}

function evidences({ finding }: FindingEvent, { maxEvidence, maxText }: RenderOptions) {
  const { subject } = finding
  const file = subject.kind === 'artifact' ? [{ name: 'subject', file: fileOf(subject.key, maxText) }] : []
  const pieces = finding.evidence.slice(0, maxEvidence).map(({ kind, place, detail }) => ({
    name: cut(kind, maxText),
    data: { place: cut(place, maxText), detail: cut(detail, maxText) },
  }))
  return [...file, ...pieces]
}

function fileOf(path: string, maxText: number) {
  const shown = cut(path, maxText)
  return { name: shown.slice(shown.lastIndexOf('/') + 1) || shown, path: shown, type_id: 1, type: 'Regular File' }
}

function observables({ finding, hostName }: FindingEvent, maxText: number) {
  const host = { name: 'device.hostname', type_id: 1, type: 'Hostname', value: cut(hostName, maxText) }
  if (finding.subject.kind !== 'artifact') return [host]
  const value = cut(finding.subject.key, maxText)
  return [host, { name: 'evidences[].file.path', type_id: 45, type: 'File Path', value }]
}

function unmapped(event: FindingEvent, { maxEvidence, maxText }: RenderOptions) {
  const { finding, change, revision, previousSeverity, host } = event
  return {
    'gnomon.simulated': finding.simulated,
    'gnomon.change': change,
    'gnomon.revision': revision,
    'gnomon.previous_severity': previousSeverity,
    'gnomon.subject_kind': cut(finding.subject.kind, maxText),
    'gnomon.subject_key': cut(finding.subject.key, maxText),
    'gnomon.artifact_ids': finding.artifactIds.slice(0, 8).map((id) => cutId(id, maxText)),
    'gnomon.lowered_by': finding.loweredBy === null ? null : cut(finding.loweredBy, maxText),
    'gnomon.false_positives': cut(finding.falsePositives, maxText),
    ...(host?.privacy === undefined ? {} : { 'gnomon.privacy_level': host.privacy.level }),
    'gnomon.rule_pack': host === null ? null : cut(host.packVersion, maxText),
    'gnomon.evidence_left_out': Math.max(0, finding.evidence.length - maxEvidence),
    ...(isTest(event) ? { 'gnomon.test': true } : {}),
  }
}

/** A test event has no place in the log of events. */
function isTest(event: FindingEvent): boolean {
  return event.number === 0
}

function cut(text: string, maxText: number): string {
  return shorten(printable(text), maxText)
}

/** Ids find the finding again, so they are cut last. */
function cutId(text: string, maxText: number): string {
  return cut(text, Math.max(maxText, MIN_ID_CHARS))
}
