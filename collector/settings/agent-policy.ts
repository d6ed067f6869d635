// The settings that this collector hands to its agents: a file of an administrator, read anew when it changed. A file that is broken
// is told and changes nothing: agents keep what they have.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { type AgentPolicy, agentPolicyFileSchema } from '../../contract/agent-policy.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import { readBoundedFile } from './bounded-file.ts'

/** Ten thousand approvals have 2 MB (CWE-770). */
const MAX_POLICY_BYTES = 8 * 1024 * 1024

export interface ServedPolicy {
  readonly etag: string
  readonly policy: AgentPolicy
}

/** Gives the policy at each call; without a file it is empty. */
export type PolicySource = () => Result<ServedPolicy>

export function createPolicySource(file: string | null): PolicySource {
  if (file === null) return () => success(serve({}))
  let known: { readonly stamp: string; readonly read: Result<ServedPolicy> } | null = null
  return () => {
    const stamp = stampOf(file)
    if (known?.stamp !== stamp) known = { stamp, read: readPolicy(file) }
    return known.read
  }
}

function readPolicy(file: string): Result<ServedPolicy> {
  const read = readBoundedFile(file, { maxBytes: MAX_POLICY_BYTES, links: 'followed' })
  if (read.kind === 'absent') return failed('GNO_SETTINGS_UNREADABLE', `agentPolicy ${file} does not exist`)
  if (read.kind === 'refused') return failed('GNO_SETTINGS_UNREADABLE', `agentPolicy ${read.detail}`, read.cause)
  let parsed: unknown
  try {
    parsed = JSON.parse(read.text)
  } catch (error) {
    return failed('GNO_SETTINGS_UNREADABLE', `agentPolicy ${file} is not JSON`, error)
  }
  const checked = agentPolicyFileSchema.safeParse(parsed)
  if (checked.success) return success(serve(checked.data))
  const [issue] = checked.error.issues
  const place = issue?.path.join('.') ?? ''
  return failed('GNO_SETTINGS_INVALID', `agentPolicy ${file}: ${place}: ${issue?.message ?? ''}`)
}

function serve(settings: AgentPolicy['settings']): ServedPolicy {
  const etag = `"${createHash('sha256').update(JSON.stringify(settings)).digest('hex')}"`
  return { etag, policy: { settings } }
}

/** Two versions of one length within one tick of the clock differ in ctime or inode. */
function stampOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? 'absent' : [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
}
