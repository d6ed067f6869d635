import { describe, expect, it } from '@jest/globals'
import type { Approval } from '../../contract/finding.ts'
import { SHA, approval, artifact, findings, runtime, told } from './judged-subjects.ts'

const POLICY = 'inference-near-regulated-data'
const open = (openFiles: number) => ({ labelledFolders: [{ label: 'patients', openFiles }] })

function saysOf(some: Parameters<typeof runtime>[0]): readonly string[] {
  return told({ runtimes: [runtime(some)] }).filter((line) => line.startsWith(POLICY))
}

describe('labelled folders', () => {
  it('raise a finding that names label and count', () => {
    const [finding] = findings({ runtimes: [runtime(open(3))] }).filter(({ policyId }) => policyId === POLICY)

    const says = 'has 3 open files in folders with the label "patients"'
    expect(finding?.severity).toBe('high')
    expect(finding?.because).toContain(says)
    expect(finding?.evidence).toContainEqual({ kind: 'labelled-folder', place: 'pid 812', detail: says })
  })

  it('say nothing where nobody looked, where nothing is open, and of a process that runs no model', () => {
    expect(saysOf({})).toEqual([])
    expect(saysOf({ labelledFolders: [] })).toEqual([])
    expect(saysOf({ ...open(3), activity: 'in-use-by' })).toEqual([])
  })

  it('stay a finding whatever is approved: the model by its SHA-256 lowers it, its place does not', () => {
    const scene = { artifacts: [artifact()], runtimes: [runtime(open(3))] }
    const of = (approvals: readonly Approval[]) =>
      told({ ...scene, approvals }).filter((line) => line.startsWith(POLICY))

    expect(of([approval('path', '/home/ann')])).toEqual([`${POLICY} high`])
    expect(of([approval('sha256', SHA)])).toEqual([`${POLICY} medium`])
  })
})
