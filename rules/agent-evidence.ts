// What a policy may ask of an agent that runs, and what a finding says of it: where its model is, and who gives it tools.
import type { FindingEvidence } from '../contract/finding.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { FieldValue } from './operators.ts'

export function agentFields({ agent }: Pick<Runtime, 'agent'>): readonly (readonly [string, readonly FieldValue[]])[] {
  if (agent === undefined) return []
  const { pointsAtLocalModel, mcpServers } = agent
  return [
    ['pointsAtLocalModel', pointsAtLocalModel === null ? [] : [pointsAtLocalModel]],
    ['mcpServerCount', [mcpServers.length]],
  ]
}

export function agentEvidence({ agent, pid }: Pick<Runtime, 'agent' | 'pid'>): readonly FindingEvidence[] {
  return (agent?.because ?? []).map((detail) => ({ kind: 'agent', place: `pid ${pid}`, detail }))
}
