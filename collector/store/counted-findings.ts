// A host at the privacy level `counts` tells how many findings it has, and none of them. So that no list and no feed is silent about
// such a host, its numbers stand as one finding of the collector's own, which is over when the numbers are zero or the level is another.
import { createHash } from 'node:crypto'
import type { Finding } from '../../contract/finding.ts'
import { COUNTED_POLICY, numbersOnly, severityWords } from '../../contract/numbers-only.ts'
import type { Report } from '../../contract/report.ts'
import { SEVERITIES } from '../../contract/wire.ts'

/** The report with the counted findings of its host as one. */
export function withCountedFindings(hostId: string, report: Report): Report {
  const numbers = numbersOnly(report.host)
  if (numbers === null) return report
  const finding = countedFinding(hostId, severityWords(numbers.findings), report.finishedAt)
  const severity = [...SEVERITIES].reverse().find((one) => numbers.findings[one] > 0)
  if (severity === undefined) {
    const findingIds = [...report.gone.findingIds, finding.findingId]
    return { ...report, gone: { ...report.gone, findingIds } }
  }
  return { ...report, findings: [...report.findings, { ...finding, severity }] }
}

function countedFinding(hostId: string, words: string, observedAt: string): Omit<Finding, 'severity'> {
  const digest = createHash('sha256').update(`${COUNTED_POLICY}\0${hostId}`).digest('hex').slice(0, 32)
  return {
    findingId: `fnd1:${digest}`,
    policyId: COUNTED_POLICY,
    title: `Findings told in numbers only: ${words}`,
    confidence: 'certain',
    subject: { kind: 'host', key: hostId },
    observedAt,
    because: [
      `the host reports at the privacy level counts and told ${words}`,
      'which findings these are is withheld by that level; this row stands for all of them, with the worst severity',
    ],
    evidence: [],
    advice: 'Ask the administrator of the machine, who sees each finding with gnomon status and gnomon explain.',
    falsePositives: 'Numbers alone cannot be judged: what is a mistake shows on the machine itself.',
    artifactIds: [],
    loweredBy: null,
    simulated: false,
  }
}
