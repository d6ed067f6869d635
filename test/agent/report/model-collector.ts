// What a true collector does with reports, in its smallest form: applies each number once, in order, and forgets nothing.
import type { Artifact } from '../../../contract/artifact.ts'
import type { Finding } from '../../../contract/finding.ts'
import { type Report, reportSchema } from '../../../contract/report.ts'
import type { Runtime } from '../../../contract/runtime.ts'

export interface ModelState {
  readonly lastSequence: number
  readonly artifacts: ReadonlyMap<string, Artifact>
  readonly runtimes: ReadonlyMap<string, Runtime>
  readonly findings: ReadonlyMap<string, Finding>
  readonly lostReports: number
}

export type ModelAnswer =
  | { readonly kind: 'acknowledged'; readonly acknowledged: number; readonly applied: boolean }
  | { readonly kind: 'out-of-order'; readonly expectedSequence: number }

export class ModelCollector {
  state: ModelState = {
    lastSequence: 0,
    artifacts: new Map(),
    runtimes: new Map(),
    findings: new Map(),
    lostReports: 0,
  }
  readonly applied: Report[] = []

  /** Takes a report as it came over the wire; one that breaks the contract is a mistake of the agent. */
  take(text: string): ModelAnswer {
    const report = reportSchema.parse(JSON.parse(text))
    const { lastSequence } = this.state
    if (report.sequence <= lastSequence) return { kind: 'acknowledged', acknowledged: lastSequence, applied: false }
    if (report.sequence > lastSequence + 1) return { kind: 'out-of-order', expectedSequence: lastSequence + 1 }
    this.applied.push(report)
    this.state = apply(this.state, report)
    return { kind: 'acknowledged', acknowledged: report.sequence, applied: true }
  }
}

function apply(state: ModelState, report: Report): ModelState {
  const artifacts = new Map(state.artifacts)
  const runtimes = new Map(state.runtimes)
  const findings = new Map(state.findings)
  for (const item of report.artifacts) artifacts.set(item.path, item)
  for (const item of report.runtimes) runtimes.set(item.runtimeKey, item)
  for (const item of report.findings) findings.set(item.findingId, item)
  for (const key of report.gone.artifactPaths) artifacts.delete(key)
  for (const key of report.gone.runtimeKeys) runtimes.delete(key)
  for (const key of report.gone.findingIds) findings.delete(key)
  return {
    lastSequence: report.sequence,
    artifacts,
    runtimes,
    findings,
    lostReports: state.lostReports + report.lostReports,
  }
}
