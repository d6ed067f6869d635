// The settings that a collector may hand to its agents (`GET /api/v1/agent/policy`). Whether a value is usable is for each agent to say:
// it knows its own system, and what it cannot use it leaves aside and tells.
import { z } from 'zod'

/** Names from the table of agent/settings/settings.ts; a test holds both together. */
export const AGENT_POLICY_NAMES = [
  'excludes',
  'sweepIntervalSeconds',
  'processIntervalSeconds',
  'fullSweepIntervalSeconds',
  'rescanIntervalSeconds',
  'maxRulesAgeDays',
  'watch',
  'approvals',
  'deep',
  'hashBytesPerSecond',
  'privacyLevel',
  'metrics',
  'pace',
  'startSpreadSeconds',
] as const

/** The file that an administrator of the collector writes: only names that agents take. */
export const agentPolicyFileSchema = z.partialRecord(z.enum(AGENT_POLICY_NAMES), z.json()).readonly()

/** What the collector answers. A newer one may send names that an older agent leaves aside. */
export const agentPolicySchema = z.object({ settings: z.record(z.string().max(64), z.json()) }).readonly()
export type AgentPolicy = z.infer<typeof agentPolicySchema>
