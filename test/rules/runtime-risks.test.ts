import { describe, expect, it } from '@jest/globals'
import type { RuntimeEntry } from '../../contract/rule-pack.ts'
import type { Runtime, RuntimeIdentification } from '../../contract/runtime.ts'
import { redactCommandLine } from '../../agent/sense/redact.ts'
import { identifyRuntime } from '../../rules/identify-runtime.ts'
import { riskySwitchesOf, vulnerabilitiesOf } from '../../rules/runtime-risks.ts'
import { factsOf } from '../../rules/workbench/test-entries.ts'
import { findings, runtime } from './judged-subjects.ts'
import { realPack } from './real-pack.ts'

function entry(id: string): RuntimeEntry {
  const found = realPack.runtimes.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no entry ${id}`)
  return found
}

describe('known weaknesses', () => {
  it.each<[string, string | null, readonly string[]]>([
    ['ollama', '0.16.2', ['CVE-2026-7482']],
    ['ollama', '0.17.1-rc1', ['CVE-2026-7482']],
    ['ollama', '0.17.1', []],
    ['ollama', '0.0.0', []],
    ['ollama', null, []],
    ['ollama', 'b100', []],
    ['llama-cpp', 'b7000', ['CVE-2026-27940', 'CVE-2026-33298']],
    ['llama-cpp', 'b8000-0a1b2c3', ['CVE-2026-27940']],
    ['llama-cpp', 'b8146', []],
    ['llama-cpp', '0.16.2', []],
    ['vllm', '0.0.1', []],
  ])('of %s %s are %j', (id, version, expected) => {
    expect(vulnerabilitiesOf(entry(id), version).map((each) => each.id)).toEqual(expected)
  })

  it('do not reach versions before the first that has them', () => {
    const [weakness] = entry('ollama').vulnerable ?? []
    if (weakness === undefined) throw new Error('no weakness')
    const later = { ...entry('ollama'), vulnerable: [{ ...weakness, from: '0.16.0' }] }

    const told = ['0.15.9', '0.16.0', '0.17.0', '0.17.1'].map((version) => vulnerabilitiesOf(later, version).length)

    expect(told).toEqual([0, 1, 1, 0])
  })
})

/** How the sensor would give a line, and who the rules say it is. */
function seen(name: string, argv: readonly string[]): { line: readonly string[]; found: RuntimeIdentification | null } {
  const executable = `/usr/bin/${name}`
  const line = redactCommandLine(argv, { name, executable })
  const facts = factsOf({ name, executablePath: executable, commandLine: line })
  return { line, found: identifyRuntime(facts, realPack) }
}

const LINES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['claude', ['claude', '--dangerously-skip-permissions', '-p', 'secret words'], ['--dangerously-skip-permissions']],
  ['claude', ['claude', '--permission-mode', 'bypassPermissions'], ['--permission-mode bypassPermissions']],
  ['claude', ['claude', '--permission-mode=bypassPermissions'], ['--permission-mode bypassPermissions']],
  ['claude', ['claude', '--permission-mode', 'plan'], []],
  ['codex', ['codex', '--full-auto', 'secret words'], ['--full-auto']],
  ['codex', ['codex', '--sandbox', 'danger-full-access'], ['--sandbox danger-full-access']],
  ['codex', ['codex', '--sandbox', 'read-only'], []],
  ['codex', ['codex', '--ask-for-approval', 'never'], ['--ask-for-approval never']],
  ['gemini', ['gemini', '--approval-mode=yolo'], ['--approval-mode yolo']],
  ['gemini', ['gemini', '-y'], ['-y']],
  ['copilot', ['copilot', '--allow-all-tools', '--autopilot'], ['--allow-all-tools', '--autopilot']],
  ['amp', ['amp', '--dangerously-allow-all'], ['--dangerously-allow-all']],
  ['droid', ['droid', 'exec', '--skip-permissions-unsafe'], ['--skip-permissions-unsafe']],
  ['aider', ['aider', '--yes-always', '--message', 'secret words'], ['--yes-always']],
]
const IDS = { claude: 'claude-code', codex: 'codex-cli', gemini: 'gemini-cli', copilot: 'copilot-cli' } as const

describe('risky switches', () => {
  it.each(LINES)('of %s survive redaction: %j gives %j', (name, argv, expected) => {
    const { line } = seen(name, argv)
    const id = Object.entries(IDS).find(([program]) => program === name)?.[1] ?? name

    const found = riskySwitchesOf(entry(id), line)

    expect(
      found.map((each) => (each.value === undefined ? each.switch : `${each.switch} ${each.value}`)).sort(),
    ).toEqual([...expected].sort())
    expect(line.join(' ')).not.toContain('secret')
  })

  it('of every entry are allowed out by the sensor', () => {
    const all = realPack.runtimes.flatMap((each) => each.riskySwitches ?? [])
    const lost = all.filter(({ switch: name, value }) => {
      const argv = ['x', name, ...(value === undefined ? [] : [value])]
      return redactCommandLine(argv, { name: 'x', executable: '/usr/bin/x' }).join(' ') !== argv.join(' ')
    })

    expect(all.length).toBeGreaterThan(20)
    expect(lost).toEqual([])
  })
})

function judged(name: string, argv: readonly string[], version?: string): readonly string[] {
  const { line, found } = seen(name, argv)
  const identification = found === null || version === undefined ? found : { ...found, version }
  const some: Partial<Runtime> = {
    name,
    commandLine: line,
    weights: [],
    listeners: [],
    activity: 'present',
    identification,
  }
  return findings({ runtimes: [runtime(some)] }).map(({ policyId, severity }) => `${policyId} ${severity}`)
}

describe('policy about guards and versions', () => {
  it('calls an agent without its guard high, and one that asks less medium', () => {
    expect(judged('claude', ['claude', '--dangerously-skip-permissions'])).toContain('agent-guard-off high')
    expect(judged('codex', ['codex', '--full-auto'])).toContain('agent-guard-lowered medium')
    expect(judged('copilot', ['copilot', '--allow-all', '--autopilot'])).not.toContain('agent-guard-lowered medium')
  })

  it('says nothing of an agent with its guard, or of another program with the same switch', () => {
    expect(judged('claude', ['claude'])).not.toContain('agent-guard-off high')
    expect(judged('rm', ['rm', '--yolo', '-y'])).toEqual([])
  })

  it('names the weakness, the version that ends it and where it is written', () => {
    const { found } = seen('ollama', ['ollama', 'serve'])
    if (found === null) throw new Error('not identified')
    const some: Partial<Runtime> = {
      name: 'ollama',
      weights: [],
      activity: 'present',
      identification: { ...found, version: '0.16.2' },
    }

    const [finding] = findings({ runtimes: [runtime(some)] }).filter(
      ({ policyId }) => policyId === 'vulnerable-runtime',
    )

    expect(finding?.severity).toBe('high')
    expect(finding?.because.join(' ')).toContain('version 0.16.2 is older than 0.17.1, which ends CVE-2026-7482')
    expect(finding?.evidence.map(({ kind }) => kind)).toContain('vulnerability')
  })

  it('takes the version from what the runtime told, and no version for no weakness', () => {
    const told: Partial<Runtime> = { name: 'ollama', weights: [], activity: 'present', told: { version: '0.16.2' } }
    const { found } = seen('ollama', ['ollama', 'serve'])
    const policies = (some: Partial<Runtime>): readonly string[] =>
      findings({ runtimes: [runtime({ ...some, identification: found })] }).map(({ policyId }) => policyId)

    expect(policies(told)).toContain('vulnerable-runtime')
    expect(policies({ name: 'ollama', weights: [], activity: 'present' })).not.toContain('vulnerable-runtime')
  })
})
