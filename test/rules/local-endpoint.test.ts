// Where a running agent's model is, by command line, variables and settings, with the entries of the pack that ships.
import { describe, expect, it } from '@jest/globals'
import type { RuntimeEntry } from '../../contract/rule-pack.ts'
import { judgeVariable, localEndpointOf, variablesOf, type Whereto } from '../../rules/local-endpoint.ts'
import { realPack } from './real-pack.ts'

const SILENT = { pointsAtLocalModel: null, because: [] }

function entry(id: string): RuntimeEntry {
  const found = realPack.runtimes.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no entry ${id}`)
  return found
}

describe('judgeVariable', () => {
  it.each<[string, string, string, Whereto]>([
    ['claude-code', 'ANTHROPIC_BASE_URL', 'http://127.0.0.1:8080/v1', 'local'],
    ['claude-code', 'ANTHROPIC_BASE_URL', 'http://[::1]:8080', 'local'],
    ['claude-code', 'ANTHROPIC_BASE_URL', 'https://api.example.com', 'elsewhere'],
    ['claude-code', 'ANTHROPIC_BASE_URL', 'https://127.0.0.1@evil.example', 'elsewhere'],
    ['claude-code', 'ANTHROPIC_BASE_URL', '', 'elsewhere'],
    ['claude-code', 'PATH', 'http://127.0.0.1', 'elsewhere'],
    ['codex-cli', 'OPENAI_BASE_URL', 'http://localhost:11434/v1', 'local'],
    ['aider', 'OPENAI_API_BASE', 'http://127.0.0.1:8080/v1', 'local'],
    ['aider', 'OPENAI_API_BASE', 'https://api.openai.com/v1', 'elsewhere'],
    ['goose', 'GOOSE_PROVIDER', 'ollama', 'local'],
    ['goose', 'GOOSE_PROVIDER', 'anthropic', 'elsewhere'],
  ])('%s: %s=%s', (id, name, value, expected) => {
    expect(judgeVariable(entry(id), name, value)).toBe(expected)
  })

  it('asks for no variable of an entry that names none', () => {
    expect([...variablesOf(entry('claude-code'))]).toEqual(['ANTHROPIC_BASE_URL'])
    expect([...variablesOf(entry('zed'))]).toEqual([])
  })
})

describe('localEndpointOf', () => {
  const of = (id: string, commandLine: readonly string[], variables: [string, Whereto][] = [], settings = SILENT) =>
    localEndpointOf(entry(id), commandLine, new Map(variables), settings).pointsAtLocalModel

  it.each<[string, boolean | null, boolean | null]>([
    ['a switch that leads to this machine', of('codex-cli', ['codex', '--oss']), true],
    ['a switch with a local model', of('aider', ['aider', '--model', 'ollama/llama3']), true],
    ['a switch with another model', of('aider', ['aider', '--model', 'gpt-5']), null],
    ['a variable', of('claude-code', ['claude'], [['ANTHROPIC_BASE_URL', 'local']]), true],
    ['a variable that leads elsewhere', of('claude-code', ['claude'], [['ANTHROPIC_BASE_URL', 'elsewhere']]), false],
    ['nothing', of('claude-code', ['claude']), null],
  ])('knows %s', (_name, told, expected) => {
    expect(told).toBe(expected)
  })

  it('lets one way that leads to this machine suffice, and says which', () => {
    const settings = { pointsAtLocalModel: false, because: [] }

    expect(
      localEndpointOf(entry('codex-cli'), ['codex', '--oss'], new Map([['OPENAI_BASE_URL', 'elsewhere']]), settings),
    ).toEqual({
      pointsAtLocalModel: true,
      because: ['--oss on its command line: it uses a local Ollama or LM Studio'],
    })
  })
})
