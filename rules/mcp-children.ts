// Which children of an agent are its MCP servers: those that run a program that its configuration names. The configuration tells names
// and programs only (rules/agent-config.ts), so several servers of one program cannot be told apart.
import type { McpServer } from '../contract/installation.ts'
import type { AgentUse } from '../contract/runtime.ts'
import { programName, readCommandWords } from './command-words.ts'

/** The wire takes no more (contract/runtime.ts). */
const MAX_SERVERS = 32
const MAX_NAMES = 8
/** Children of one process that are looked at (CWE-400). */
const MAX_CHILDREN = 1_024
/** A program that starts another one and waits for it: what it runs is one step further down. */
const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'zsh', 'cmd'])
/** Names under which a launcher shows itself once it runs. */
const ALIASES: ReadonlyMap<string, readonly string[]> = new Map([
  ['npx', ['npx', 'npm', 'npm exec']],
  ['uvx', ['uvx', 'uv']],
  ['python', ['python', 'python3']],
])

export interface ChildProcess {
  readonly pid: number
  readonly name: string
  readonly executablePath: string | null
  readonly commandLine: readonly string[]
}

/** The children of one agent that its configuration names. `childrenOf` knows the process list. */
export function mcpChildren(
  agentPid: number,
  servers: readonly McpServer[],
  childrenOf: (pid: number) => readonly ChildProcess[],
): AgentUse['mcpServers'] {
  const wanted = new Map<string, string[]>()
  for (const { how, program, name } of servers) {
    if (how !== 'program' || program === null) continue
    const names = wanted.get(program) ?? []
    if (!names.includes(name) && names.length < MAX_NAMES) names.push(name)
    wanted.set(program, names)
  }
  if (wanted.size === 0) return []
  const direct = childrenOf(agentPid).slice(0, MAX_CHILDREN)
  const behindShells = direct.filter(isShell).flatMap(({ pid }) => childrenOf(pid))
  const found = [...direct, ...behindShells].slice(0, MAX_CHILDREN).flatMap((child) => {
    const match = [...wanted].find(([program]) => isProgram(child, program))
    return match === undefined ? [] : [{ pid: child.pid, program: match[0], names: match[1] }]
  })
  return found.slice(0, MAX_SERVERS)
}

function isShell({ name }: ChildProcess): boolean {
  return SHELLS.has(programName(name))
}

function isProgram(child: ChildProcess, program: string): boolean {
  const accepted = ALIASES.get(program) ?? [program]
  const shown = [child.name, ...(child.executablePath === null ? [] : [child.executablePath])].map(programName)
  const programs = [...shown, ...readCommandWords(child.commandLine).programs]
  return programs.some((each) => accepted.some((name) => each === name || isVersionOf(each, name)))
}

/** `python3.12` is python3. */
function isVersionOf(shown: string, name: string): boolean {
  if (!shown.startsWith(name) || shown.length === name.length) return false
  return shown.slice(name.length).replace(/[0-9.]/g, '') === ''
}
