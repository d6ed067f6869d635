import { describe, expect, it } from '@jest/globals'
import type { RuntimeEntry } from '../../contract/rule-pack.ts'
import { isLoopback, readAgentConfig } from '../../rules/agent-config.ts'
import { readConfigTree, valuesAt } from '../../rules/config-tree.ts'
import { realPack } from './real-pack.ts'

function entryOf(id: string): RuntimeEntry {
  const entry = realPack.runtimes.find((each) => each.id === id)
  if (entry === undefined) throw new Error(`no entry ${id}`)
  return entry
}

function read(id: string, pattern: string, text: string) {
  return readAgentConfig(entryOf(id), { pattern, place: '/home/ann/x', text })
}

describe('settings of an agent', () => {
  it.each<[string, string, string, readonly string[]]>([
    ['codex-cli', '~/.codex/config.toml', 'approval_policy = "never" # mine', ['approval']],
    ['codex-cli', '~/.codex/config.toml', "sandbox_mode = 'danger-full-access'", ['sandbox']],
    ['codex-cli', '~/.codex/config.toml', 'approval_policy = "on-request"', []],
    ['codex-cli', '~/.codex/config.toml', '[profiles.ci]\napproval_policy = "never"', []],
    ['codex-cli', '~/.codex/config.toml', 'x = """\napproval_policy = "never"\n"""', []],
    ['claude-code', '~/.claude/settings.json', '{"permissions":{"defaultMode":"plan"}}', []],
    ['claude-code', '~/.claude/settings.json', '{"enableAllProjectMcpServers":true}', ['some-approvals']],
    ['zed', '~/.config/zed/settings.json', '// x\n{"agent":{"always_allow_tool_actions":true,},}', ['approval']],
    ['zed', '~/.config/zed/settings.json', '{"agent":{"tool_permissions":{"default":"confirm"}}}', []],
    ['goose', '~/.config/goose/config.yaml', 'GOOSE_MODE: auto\n', ['approval']],
    ['goose', '~/.config/goose/config.yaml', 'other:\n  GOOSE_MODE: auto\n', []],
    ['goose', '~/.config/goose/config.yaml', 'note: |\n  x: y\n\n  GOOSE_MODE: auto\n', []],
    ['goose', '~/.config/goose/config.yaml', 'note: {\n  GOOSE_MODE: auto }\n', []],
    ['goose', '~/.config/goose/config.yaml', 'notes:\n- >-\n  GOOSE_MODE: auto\n', []],
    ['goose', '~/.config/goose/config.yaml', 'note: |\n  - x\nlist:\n-\n  a: b\nGOOSE_MODE: auto\n', ['approval']],
    ['aider', '~/.aider.conf.yml', 'yes-always: true # yes\n', ['approval']],
  ])('of %s in %s: %s', (id, pattern, text, off) => {
    expect(read(id, pattern, text).risky.flatMap(({ turnsOff }) => turnsOff)).toEqual(off)
  })

  it.each<[string, string, string, boolean | null]>([
    ['continue', '~/.continue/config.yaml', 'models:\n  - name: a\n    provider: ollama\n', true],
    [
      'continue',
      '~/.continue/config.yaml',
      'models:\n- name: a\n  provider: openai\n  apiBase: http://127.0.0.1:8080/v1\n',
      true,
    ],
    ['continue', '~/.continue/config.yaml', 'models:\n  - name: a\n    provider: openai\n', false],
    ['continue', '~/.continue/config.yaml', 'name: x\n', null],
    ['codex-cli', '~/.codex/config.toml', '[model_providers.local]\nbase_url = "http://[::1]:11434/v1"\n', true],
    [
      'codex-cli',
      '~/.codex/config.toml',
      '[model_providers.x]\nbase_url = "https://localhost.example.com/v1"\n',
      false,
    ],
  ])('of %s in %s lead to a local model or not: %s', (id, pattern, text, isLocal) => {
    expect(read(id, pattern, text).pointsAtLocalModel).toBe(isLocal)
  })

  it('tells servers by name, program and reach', () => {
    const text = [
      '[mcp_servers.docs]\ncommand = "C:\\\\tools\\\\uvx.exe"\nargs = ["--token", "x"]',
      '[mcp_servers.far]\nurl = "https://user:pass@mcp.example/sse"',
      `[mcp_servers.${'k'.repeat(40)}]\ncommand = "npx -y thing --key secret"`,
      '[mcp_servers]\nsmall = { command = "node", args = ["a", "b"] }',
    ].join('\n')

    const { servers } = read('codex-cli', '~/.codex/config.toml', text)

    expect(servers.map(({ name, how, reach, program }) => [name, how, reach, program])).toEqual([
      ['docs', 'program', 'local', 'uvx'],
      ['far', 'address', 'remote', null],
      ['‹40 chars›', 'program', 'local', 'npx'],
      ['small', 'program', 'local', 'node'],
    ])
  })

  it('says of a file that is none of these that it was not read', () => {
    expect(read('claude-code', '~/.claude/settings.json', '{"permissions":').isRead).toBe(false)
  })
})

describe('a hostile configuration', () => {
  const lists = Array.from({ length: 60_000 }, () => '- x').join('\n')
  it.each([
    ['deep JSON', 'x.json', '['.repeat(2_000_000)],
    ['commas and comments', 'x.json', `{${', //\n'.repeat(300_000)}`],
    ['open strings', 'x.json', '"\\'.repeat(500_000)],
    ['deep TOML keys', 'x.toml', `${'a.'.repeat(8_000)}b = 1\n`.repeat(50)],
    ['an endless TOML array', 'x.toml', `a = [${'1,'.repeat(1_000_000)}`],
    ['many YAML items', 'x.yaml', `a:\n${lists}\nb:\n${lists}`],
    ['deep YAML', 'x.yaml', Array.from({ length: 2_000 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
  ])('of %s ends soon', (_what, path, text) => {
    const started = performance.now()

    readConfigTree(text, path)

    expect(performance.now() - started).toBeLessThan(5_000)
  })

  it('keeps keys of a prototype as keys', () => {
    const tree = readConfigTree('{"__proto__":{"a":"b"}}', 'x.json')

    expect(valuesAt(tree, ['__proto__', 'a'])).toEqual(['b'])
    expect(valuesAt(tree, ['constructor'])).toEqual([])
    expect(valuesAt(readConfigTree('a: b\n', 'x.yml'), ['constructor', 'name'])).toEqual([])
  })
})

describe('an address', () => {
  it.each([
    ['http://localhost:11434', true],
    ['127.0.0.1:8080', true],
    ['http://user@[::1]:1/v1', true],
    ['https://127.0.0.1.example.com', false],
    ['https://example.com/127.0.0.1', false],
    ['http://192.168.1.5:11434', false],
    ['', false],
  ])('%s is of this machine: %s', (address, isLocal) => expect(isLoopback(address)).toBe(isLocal))
})
