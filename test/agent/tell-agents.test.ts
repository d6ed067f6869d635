// An agent that really runs, with variables of its own and a child: what is told of it, and what is not.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from '@jest/globals'
import { parseStat } from '../../agent/sense/linux/proc-text.ts'
import { judgeVariables } from '../../agent/sense/linux/process-variables.ts'
import { tellAgents } from '../../agent/tell-agents.ts'
import type { Installation } from '../../contract/installation.ts'
import type { ProcessObservation } from '../../contract/observation.ts'
import { runtime } from '../rules/judged-subjects.ts'
import { realPack } from '../rules/real-pack.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux')
  console.warn('skipped: variables of other processes are read from /proc, which is Linux only')

const running: ChildProcess[] = []
afterEach(async () => {
  for (const child of running.splice(0)) {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
})

const SECRET = 'sk-do-not-keep-0123456789'

/** A program that waits, with this environment. */
async function start(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly pid: number; readonly startTicks: string }> {
  const child = spawn(process.execPath, ['-e', 'console.log("ready"); setInterval(() => {}, 1000)'], {
    env: { ANTHROPIC_API_KEY: SECRET, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.push(child)
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  return { pid, startTicks: parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startTicks ?? '' }
}

const observed = (some: Partial<ProcessObservation>): ProcessObservation => ({
  kind: 'process',
  pid: 1,
  startTicks: '1',
  startedAt: new Date(0).toISOString(),
  parentPid: 1,
  name: 'claude',
  executable: null,
  user: { uid: 1000, name: 'ann' },
  commandLine: ['claude'],
  cgroup: null,
  memory: null,
  mapped: null,
  open: null,
  ...some,
})
const story = (pid: number, entryId = 'claude-code') =>
  runtime({
    pid,
    commandLine: ['claude'],
    identification: {
      entryId,
      product: 'x',
      category: 'coding-agent',
      confidence: 'likely',
      evidence: [],
      because: [],
    },
  })
const installed = (scope: string): Installation => ({
  installationKey: `claude-code@${scope}`,
  entryId: 'claude-code',
  product: 'Claude Code',
  vendor: 'Anthropic',
  category: 'coding-agent',
  scope,
  confidence: 'likely',
  version: null,
  parts: [],
  vulnerabilities: [],
  riskySettings: [],
  mcpServers: [{ name: 'files', how: 'program', reach: 'local', program: 'mcp-files', place: `${scope}/.claude.json` }],
  pointsAtLocalModel: null,
  because: [],
})

function tell(
  processes: readonly ProcessObservation[],
  stories = processes.slice(0, 1).map(({ pid }) => story(pid)),
  home = '/home/ann',
) {
  return tellAgents(stories, { platform: 'linux', processes, installations: [installed(home)], pack: realPack })[0]
}

describe('tellAgents', () => {
  onLinux.each([
    ['http://127.0.0.1:11434', true],
    [`https://user:${SECRET}@gateway.example`, false],
  ])('tells of a variable only whether it leads to this machine: %s', async (address, expected) => {
    const who = await start({ ANTHROPIC_BASE_URL: address })
    const told = tell([observed(who)])

    expect(told?.agent?.pointsAtLocalModel).toBe(expected)
    expect(JSON.stringify(told)).not.toContain(SECRET)
    expect(JSON.stringify(told)).not.toContain(address)
  })

  onLinux('tells nothing of an agent without such a variable, settings or children', async () => {
    expect(tell([observed(await start({}))])?.agent).toBeUndefined()
  })

  onLinux('reads no environment of what is no agent', async () => {
    const who = await start({ ANTHROPIC_BASE_URL: 'http://127.0.0.1:11434' })

    expect(tell([observed(who)], [story(who.pid, 'ollama')])?.agent).toBeUndefined()
  })

  it('says with a gap that a process is another one by now', () => {
    const told = tell([observed({ pid: process.pid, startTicks: '1' })], [story(process.pid)])

    expect(told?.gaps).toMatchObject([{ place: `/proc/${process.pid}/environ` }])
  })

  onLinux('tells children that its own configuration names as MCP servers', async () => {
    const who = await start({})
    const child = observed({ pid: 9_001, parentPid: who.pid, name: 'mcp-files', commandLine: ['/opt/mcp-files'] })

    expect(tell([observed(who), child])?.agent).toEqual({
      pointsAtLocalModel: null,
      mcpServers: [{ pid: 9_001, program: 'mcp-files', names: ['files'] }],
      because: ['its child pid 9001 runs mcp-files, as its MCP server files does'],
    })
    expect(tell([observed(who), child], undefined, '/home/bob')?.agent).toBeUndefined()
    expect(tell([observed(who), child], undefined, 'system')?.agent?.mcpServers).toHaveLength(1)
  })
})

describe('judgeVariables', () => {
  onLinux(
    'shows the judge what was asked for by its whole name, the first of it, and bounds what it reads',
    async () => {
      const large = Object.fromEntries([...Array(20).keys()].map((index) => [`LARGE_${index}`, 'x'.repeat(20_000)]))
      const who = await start({ WANTED: 'a=b', WANTED_NOT: 'c', ...large, LAST: 'd' })
      const seen: string[] = []
      const judged = judgeVariables({
        ...who,
        names: new Set(['WANTED', 'UNSET', 'LAST']),
        judge: (name, value) => {
          seen.push(`${name}=${value}`)
          return value.length
        },
      })

      expect(judged).toMatchObject({ ok: true, value: new Map([['WANTED', 3]]) })
      expect(seen).toEqual(['WANTED=a=b'])
    },
  )

  onLinux('fails for a process that is gone', () => {
    const gone = judgeVariables({ pid: 2 ** 31 - 1, startTicks: '1', names: new Set(['A']), judge: () => 1 })

    expect(gone).toMatchObject({ ok: false, failure: { code: 'GNO_SENSE_VANISHED' } })
  })
})
