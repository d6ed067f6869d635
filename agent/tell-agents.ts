// What agents that run are connected with: joins their stories with their settings, named variables of their environment and their
// children. Only of processes that were identified as an agent; whoever else runs is not looked at here.
import type { Installation } from '../contract/installation.ts'
import type { Platform, ProcessObservation } from '../contract/observation.ts'
import type { RuntimeEntry } from '../contract/rule-pack.ts'
import type { AgentUse, Runtime } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import {
  type LocalEndpoint,
  judgeVariable,
  localEndpointOf,
  variablesOf,
  type Whereto,
} from '../rules/local-endpoint.ts'
import { type ChildProcess, mcpChildren } from '../rules/mcp-children.ts'
import type { Pack } from '../rules/pack.ts'
import { judgeVariables } from './sense/linux/process-variables.ts'

/** Most of a story's lists (contract/runtime.ts). */
const MAX_GAPS = 64
const MAX_BECAUSE = 64
const MAX_SENTENCE_CHARS = 1_000

export interface AgentsAround {
  readonly platform: Platform
  readonly processes: readonly ProcessObservation[]
  /** What the last inventory knew of agents. */
  readonly installations: readonly Installation[]
  readonly pack: Pack
}

/** The same stories; those of agents say more. */
export function tellAgents(runtimes: readonly Runtime[], around: AgentsAround): readonly Runtime[] {
  const entries = new Map(around.pack.runtimes.filter(isAgent).map((entry) => [entry.id, entry]))
  const byPid = new Map(around.processes.map((process) => [process.pid, process]))
  const childrenOf = childrenIn(around.processes)
  return runtimes.map((runtime) => {
    const entry = entries.get(runtime.identification?.entryId ?? '')
    const process = byPid.get(runtime.pid)
    if (entry === undefined || process === undefined) return runtime
    const own = around.installations.filter((each) => each.entryId === entry.id && isOf(each, runtime))
    const { variables, gaps } = readVariables(entry, process, around.platform)
    const endpoint = localEndpointOf(entry, runtime.commandLine, variables, settingsOf(own))
    const servers = own.flatMap(({ mcpServers }) => mcpServers)
    const agent = describe(endpoint, mcpChildren(runtime.pid, servers, childrenOf))
    return { ...runtime, ...agent, gaps: [...runtime.gaps, ...gaps].slice(0, MAX_GAPS) }
  })
}

function isAgent({ category }: RuntimeEntry): boolean {
  return category === 'coding-agent' || category === 'agent'
}

/** Of the system, or in the home of whoever runs it: homes are called as their users are. */
function isOf({ scope }: Installation, { user }: Runtime): boolean {
  if (scope === 'system') return true
  const folder = scope.slice(Math.max(scope.lastIndexOf('/'), scope.lastIndexOf('\\')) + 1)
  return user.name === null ? user.uid === 0 && scope === '/root' : folder === user.name
}

/** What is worth keeping between two inventories. */
export function isOfAgent({ mcpServers, pointsAtLocalModel }: Installation): boolean {
  return mcpServers.length > 0 || pointsAtLocalModel !== null
}

function settingsOf(own: readonly Installation[]): LocalEndpoint {
  const states = own.map(({ pointsAtLocalModel }) => pointsAtLocalModel)
  const because = own
    .filter(({ pointsAtLocalModel }) => pointsAtLocalModel === true)
    .map(({ scope }) => `its settings in ${scope} lead to a model of this machine`)
  return { pointsAtLocalModel: states.includes(true) ? true : states.includes(false) ? false : null, because }
}

function readVariables(
  entry: RuntimeEntry,
  { pid, startTicks }: ProcessObservation,
  platform: Platform,
): { readonly variables: ReadonlyMap<string, Whereto>; readonly gaps: readonly Gap[] } {
  const names = variablesOf(entry)
  if (platform !== 'linux' || names.size === 0) return { variables: new Map(), gaps: [] }
  const read = judgeVariables({ pid, startTicks, names, judge: (name, value) => judgeVariable(entry, name, value) })
  if (read.ok) return { variables: read.value, gaps: [] }
  const detail = 'whether its environment points it at a local model could not be looked at'
  return { variables: new Map(), gaps: [{ code: read.failure.code, place: `/proc/${pid}/environ`, count: 1, detail }] }
}

function describe(
  { pointsAtLocalModel, because }: LocalEndpoint,
  mcpServers: AgentUse['mcpServers'],
): {
  readonly agent?: AgentUse
} {
  if (pointsAtLocalModel === null && mcpServers.length === 0) return {}
  const servers = mcpServers.map(
    ({ pid, program, names }) => `its child pid ${pid} runs ${program}, as its MCP server ${names.join(' or ')} does`,
  )
  const sentences = [...because, ...servers].map((sentence) => sentence.slice(0, MAX_SENTENCE_CHARS))
  return { agent: { pointsAtLocalModel, mcpServers, because: sentences.slice(0, MAX_BECAUSE) } }
}

function childrenIn(processes: readonly ProcessObservation[]): (pid: number) => readonly ChildProcess[] {
  const children = new Map<number, ChildProcess[]>()
  for (const { pid, parentPid, name, executable, commandLine } of processes) {
    const siblings = children.get(parentPid) ?? []
    siblings.push({ pid, name, executablePath: executable?.path ?? null, commandLine })
    children.set(parentPid, siblings)
  }
  return (pid) => children.get(pid) ?? []
}
