// Secrets on command lines, row by row: whatever program they are given to and wherever they stand, only their length leaves.
import { describe, expect, it } from '@jest/globals'
import { redactCommandLine, redactPrintedLine } from '../../../agent/sense/redact.ts'

const letters = (count: number) => 'Ab9'.repeat(count).slice(0, count)

/** What it is, and the secret itself: made up, in the form that its issuer documents. */
const SECRETS: readonly (readonly [what: string, secret: string])[] = [
  ['an AWS access key', `AKIA${'Q'.repeat(16)}`],
  ['an AWS secret key', `wJalrXUtnFEMI/K7MDENG/${letters(20)}`],
  ['an AWS session token', `IQoJb3JpZ2luX2VjE${letters(300)}`],
  ['a Google API key', `AIza${letters(35)}`],
  ['a Google OAuth token', `ya29.${letters(60)}`],
  ['an Azure storage key', `DefaultEndpointsProtocol=https;AccountName=x;AccountKey=${letters(86)}==`],
  ['an Azure shared access signature', `https://x.blob.core.windows.net/m/a.gguf?sv=2024&sig=${letters(44)}%3D`],
  ['a GitHub token', `ghp_${letters(36)}`],
  ['a fine-grained GitHub token', `github_pat_${letters(80)}`],
  ['a GitLab token', `glpat-${letters(20)}`],
  ['a Hugging Face token', `hf_${letters(34)}`],
  ['an OpenAI key', `sk-proj-${letters(80)}`],
  ['an Anthropic key', `sk-ant-api03-${letters(80)}`],
  ['a Slack token', `xoxb-1234567890-${letters(24)}`],
  ['a Stripe key', `sk_live_${letters(24)}`],
  ['an npm token', `npm_${letters(36)}`],
  ['a PyPI token', `pypi-${letters(60)}`],
  ['a DigitalOcean token', `dop_v1_${'a1'.repeat(32)}`],
  ['an NVIDIA key', `nvapi-${letters(64)}`],
  ['a Groq key', `gsk_${letters(52)}`],
  ['a Replicate token', `r8_${letters(37)}`],
  ['a JSON web token', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${letters(43)}`],
  ['a bearer header', `Authorization: Bearer ${letters(40)}`],
  ['a basic header', `Authorization: Basic ${letters(24)}==`],
  ['a URL with a password', `https://bob:${letters(12)}@huggingface.co/a/b/c.gguf`],
  ['a URL with a key in its query', `https://huggingface.co/a/b/c.gguf?token=${letters(20)}`],
  ['a connection string of PostgreSQL', `postgres://bob:${letters(12)}@127.0.0.1:5432/hr`],
  ['a connection string of MongoDB', `mongodb+srv://bob:${letters(12)}@c0.example.net/x`],
  ['a connection string of SQL Server', `Server=10.0.0.5;User Id=sa;Password=${letters(12)};`],
  ['a private key', `-----BEGIN PRIVATE KEY-----\n${letters(64)}\n-----END PRIVATE KEY-----`],
  ['a plain word as a password', 'hunter2'],
  ['a PIN', '481516'],
]

const SWITCHES = [
  '--password',
  '--token',
  '--api-key',
  '--hf-token',
  '--auth',
  '-H',
  '--secret',
  '--client-secret',
  '-e',
]
/** Switches whose values may leave when they are what they should be. */
const OPEN_SWITCHES = ['--model', '--host', '-m', '--tokenizer', '--device', '--rpc', '--served-model-name', '-mu']

const runtime = { name: 'llama-server', executable: '/usr/bin/llama-server' }
const other = { name: 'tool', executable: '/opt/tool' }

/** Ways to give it, each as the arguments behind the program. */
function waysOf(secret: string): readonly (readonly string[])[] {
  return [
    ...SWITCHES.flatMap((name) => [[name, secret], [`${name}=${secret}`]]),
    [secret],
    ['--', secret],
    [`PASSWORD=${secret}`],
    [`-p${secret}`],
    ['-c', `curl -H '${secret}' http://x`],
  ]
}

describe('a secret on a command line', () => {
  it.each(SECRETS)('never leaves: %s', (_what, secret) => {
    for (const identity of [runtime, other]) {
      for (const way of waysOf(secret)) {
        const redacted = redactCommandLine([identity.executable, ...way], identity).join(' ')

        expect([way.slice(0, 1), redacted.includes(secret)]).toEqual([way.slice(0, 1), false])
      }
    }
  })

  const telling = SECRETS.filter(([what]) => what !== 'a PIN' && what !== 'a plain word as a password')
  it.each(telling)('never leaves in the place of a model, an address or a word: %s', (_what, secret) => {
    const ways = OPEN_SWITCHES.flatMap((name) => [[name, secret], [`${name}=${secret}`]])
    for (const identity of [runtime, other]) {
      const lines = ways.map((way) => redactCommandLine([identity.executable, ...way], identity).join(' '))

      expect(lines.filter((line) => line.includes(secret))).toEqual([])
    }
  })

  it.each(SECRETS)('never leaves from a line that the system prints as one text: %s', (_what, secret) => {
    const redacted = redactPrintedLine(`/usr/bin/llama-server --api-key ${secret} --port 8080`, runtime).join(' ')

    // Such a line is split at spaces: the longest piece is what counts.
    const pieces = secret.split(/\s/).sort((left, right) => right.length - left.length)
    expect(redacted.includes(pieces[0] ?? '')).toBe(false)
    expect(redacted).toContain('--port 8080')
  })
})
