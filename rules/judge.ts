// What does policy say? Pure: subjects in, findings out, with the evidence that led there (DESIGN.md sections 5 and 6).
// Severity is the policy's, lowered by a weaker approval; confidence is the evidence's. They are never mixed.
import type { Artifact } from '../contract/artifact.ts'
import type { Approval, Finding } from '../contract/finding.ts'
import type { Installation } from '../contract/installation.ts'
import { type Coverage, OWN_SENSOR } from '../contract/report.ts'
import type { PolicyEntry } from '../contract/rule-pack.ts'
import type { Runtime } from '../contract/runtime.ts'
import { type Gap, SEVERITIES, type Severity } from '../contract/wire.ts'
import { artifactSubject, weightsByPath } from './artifact-subject.ts'
import type { JudgeSubject, SubjectModel } from './judge-subject.ts'
import { conditionSubjects } from './condition-subjects.ts'
import { hostSubject, runtimeSubject } from './judge-subjects.ts'
import { installationSubject } from './installation-subject.ts'
import { holds } from './operators.ts'
import type { Pack } from './pack.ts'

export interface JudgeInput {
  readonly hostId: string
  /** ISO 8601, UTC. */
  readonly observedAt: string
  readonly artifacts: readonly Artifact[]
  readonly runtimes: readonly Runtime[]
  /** Of a whole sweep; between two of them nothing is said of what is installed. */
  readonly installations?: readonly Installation[]
  /** CVE and advisory ids of what the last whole sweep found installed; for the looks between. */
  readonly weaknesses?: readonly string[]
  readonly coverage: readonly Coverage[]
  readonly gaps: readonly Gap[]
  readonly approvals: readonly Approval[]
  /** SHA-256 in hex of a UTF-8 text: the rules import no Node module. */
  readonly digest: (text: string) => string
}

/** Holds every subject against every policy. Findings come sorted: gravest first, then by id. */
export function judge(input: JudgeInput, pack: Pack): readonly Finding[] {
  const byPath = weightsByPath(input.artifacts)
  const programs = [
    ...input.runtimes.map((runtime) => runtimeSubject(runtime, byPath, pack)),
    ...(input.installations ?? []).map(installationSubject),
  ]
  const weaknesses = new Set([...programs.flatMap(weaknessesOf), ...(input.weaknesses ?? [])])
  const subjects = [
    ...input.artifacts.map((artifact) => artifactSubject(artifact, pack, weaknesses)),
    ...programs,
    ...input.coverage
      .filter(({ sensor }) => sensor !== OWN_SENSOR)
      .map((coverage) => hostSubject(coverage, input.gaps)),
    ...conditionSubjects(input.gaps),
  ]
  // A draft does not alert (STYLE.md section 6).
  const policies = pack.policies.filter((policy) => policy.status === 'trial' || policy.status === 'stable')
  const findings: Finding[] = []
  for (const subject of subjects) {
    findings.push(...policies.flatMap((policy) => applyPolicy(policy, subject, input) ?? []))
  }
  return findings.sort(
    (left, right) =>
      SEVERITIES.indexOf(right.severity) - SEVERITIES.indexOf(left.severity) ||
      compare(left.findingId, right.findingId),
  )
}

function weaknessesOf({ fields }: JudgeSubject): readonly string[] {
  return (fields.get('vulnerability') ?? []).map(String)
}

/** Policy + host + subject key: the same at every sweep, whatever the pid, the time or the rungs computed so far. */
function findingIdOf(policyId: string, hostId: string, subjectKey: string, digest: (text: string) => string): string {
  return `fnd1:${digest(JSON.stringify([policyId, hostId, subjectKey])).slice(0, 32)}`
}

function applyPolicy(policy: PolicyEntry, subject: JudgeSubject, input: JudgeInput): Finding | null {
  if (policy.subject !== subject.kind) return null
  if (!holds(policy.match, { values: (field) => subject.fields.get(field) ?? [], command: null })) return null
  if (policy.silencedBy.includes('sha256') && isSilenced(subject, input.approvals)) return null
  const lowering = loweringApproval(policy, subject, input.approvals)
  return {
    findingId: findingIdOf(policy.id, input.hostId, subject.key, input.digest),
    policyId: policy.id,
    title: (subject.label === '' ? policy.title : `${policy.title}: ${subject.label}`).slice(0, 1000),
    severity: lowering === null ? policy.severity : oneStepLower(policy.severity),
    confidence: subject.confidence,
    subject: { kind: subject.kind, key: subject.key },
    observedAt: input.observedAt,
    because: subject.because.slice(0, 64),
    evidence: subject.evidence.slice(0, 128),
    advice: policy.advice,
    falsePositives: policy.falsePositives,
    artifactIds: subject.artifactIds.slice(0, 64),
    loweredBy: lowering === null ? null : `${lowering.kind} ${lowering.value}: ${lowering.reason}`.slice(0, 4096),
    simulated: subject.simulated,
  }
}

/** Only content that was hashed here and equals an approved digest: every weights file of every model that the subject uses. */
function isSilenced(subject: JudgeSubject, approvals: readonly Approval[]): boolean {
  if (subject.models.length === 0) return false
  const approved = new Set(approvals.filter(({ kind }) => kind === 'sha256').map(({ value }) => value.toLowerCase()))
  return subject.models.every((model) => isApproved(model, (digest) => approved.has(digest)))
}

function isApproved({ digests }: SubjectModel, accepts: (digest: string) => boolean): boolean {
  return digests.length > 0 && digests.every((digest) => digest !== undefined && accepts(digest))
}

/**
 * One step and never two, however many weak approvals agree: a poisoned edit keeps family, licence and place, so they are one doubt,
 * not three proofs. Of a runtime, the same approval must cover all its weights.
 */
function loweringApproval(policy: PolicyEntry, subject: JudgeSubject, approvals: readonly Approval[]): Approval | null {
  if (subject.models.length === 0) return null
  for (const approval of approvals) {
    if (!policy.loweredBy.includes(approval.kind)) continue
    if (subject.models.every((model) => covers(approval, model))) return approval
  }
  return null
}

function covers(approval: Approval, model: SubjectModel): boolean {
  const { value } = approval
  switch (approval.kind) {
    case 'sha256':
      return isApproved(model, (digest) => digest === value.toLowerCase())
    case 'family':
      return value.toLowerCase() === model.family?.toLowerCase()
    case 'license':
      return value.toLowerCase() === model.license?.toLowerCase()
    case 'path':
      return isInside(model.path, value)
  }
}

/** The approved file itself, or anything below the approved folder; `..` in a path leaves every folder. */
function isInside(path: string, approved: string): boolean {
  if (path.split(/[/\\]/).includes('..')) return false
  if (path === approved) return true
  const folder = approved.endsWith('/') || approved.endsWith('\\') ? approved.slice(0, -1) : approved
  return folder !== '' && (path.startsWith(`${folder}/`) || path.startsWith(`${folder}\\`))
}

function oneStepLower(severity: Severity): Severity {
  return SEVERITIES[Math.max(0, SEVERITIES.indexOf(severity) - 1)] ?? 'info'
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
