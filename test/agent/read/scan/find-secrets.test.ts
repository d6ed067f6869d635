// Secrets in texts: found by form, shown masked, told apart from examples and from ordinary words; and never slowly.
import { describe, expect, it } from '@jest/globals'
import { findSecrets, mask } from '../../../../agent/read/scan/find-secrets.ts'

/** Put together here, so that no scanner of repositories takes this file for a leak. */
function apart(...pieces: readonly string[]): string {
  return pieces.join('')
}
const RANDOM = 'aB3dE6gH9jK2mN5pQ8sT1vW4xY7zC0fG3hJ6kL9nP2qR5tU8wX1yZ4bD7eF0gH3jK6mN9pQ2'
const upper = RANDOM.toUpperCase()

const SECRETS: readonly (readonly [name: string, secret: string])[] = [
  ['secret-aws-access-key', `${apart('AK', 'IA')}${upper.slice(0, 16)}`],
  ['secret-google-key', `${apart('AI', 'za')}${RANDOM.slice(0, 35)}`],
  ['secret-azure-key', `${apart('Account', 'Key=')}${RANDOM.slice(0, 70)}==`],
  ['secret-github-token', `${apart('gh', 'p_')}${RANDOM.slice(0, 36)}`],
  ['secret-github-token', `${apart('github', '_pat_')}${RANDOM.slice(0, 60)}`],
  ['secret-gitlab-token', `${apart('gl', 'pat-')}${RANDOM.slice(0, 20)}`],
  ['secret-huggingface-token', `${apart('h', 'f_')}${RANDOM.slice(0, 34)}`],
  ['secret-anthropic-key', `${apart('sk', '-ant-')}api03-${RANDOM.slice(0, 60)}`],
  ['secret-openai-key', `${apart('sk', '-')}${RANDOM.slice(0, 48)}`],
  ['secret-openai-key', `${apart('sk', '-')}proj-${RANDOM.slice(0, 48)}`],
  ['secret-slack-token', `${apart('xo', 'xb-')}274918350672-${RANDOM.slice(0, 24)}`],
  ['secret-slack-webhook', `${apart('hooks.slack.com', '/services/')}T0AB/B0CD/${RANDOM.slice(0, 24)}`],
  ['secret-npm-token', `${apart('np', 'm_')}${RANDOM.slice(0, 36)}`],
  [
    'secret-session-token',
    `${apart('ey', 'J')}${RANDOM.slice(0, 30)}.${apart('ey', 'J')}${RANDOM.slice(0, 40)}.${RANDOM.slice(0, 43)}`,
  ],
  ['secret-bearer-token', `${apart('Bea', 'rer ')}${RANDOM.slice(0, 40)}`],
  ['secret-private-key', `${apart('-----BEGIN ', 'RSA ')}PRIVATE KEY-----\n${RANDOM}`],
  ['secret-in-address', `postgres://gnomon:${RANDOM.slice(0, 12)}@db.company.com`],
]

describe('a secret in a text', () => {
  it.each(SECRETS)('is told as %s and masked (%#)', (name, secret) => {
    const found = findSecrets(`{"note": "${secret}", "more": 1}`)

    expect(found).toContainEqual({
      name,
      start: 10,
      shown: name === 'secret-private-key' ? 'a private key' : mask(secret),
    })
    for (const { shown } of found) expect(shown).not.toContain(secret.slice(0, 9))
  })

  it('shows four letters and the length, and of a short one none', () => {
    expect([mask('abcdefghijklmnop'), mask('abcdefghijk')]).toEqual(['abcd… (16 characters)', '… (11 characters)'])
  })

  it.each([
    [`"wandb_api_key": "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a"`, 18],
    ['--hub_token=9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a', 12],
    ['PASSWORD = Tr0ub4dor3xQ9', 11],
  ])('behind a name is told for its name: %s', (text, start) => {
    expect(findSecrets(text)).toEqual([expect.objectContaining({ name: 'secret-named-value', start })])
  })

  it('that is the whole value of a setting is told for the name of the setting', () => {
    expect(findSecrets('9f8a7b6c5d4e3f2a1b0c', 'general.api_key')).toMatchObject([
      { name: 'secret-named-value', start: 0 },
    ])
    expect(findSecrets('9f8a7b6c5d4e3f2a1b0c', 'general.uuid')).toEqual([])
  })

  it.each([
    `${apart('AK', 'IA')}IOSFODNN7EXAMPLE`,
    `${apart('h', 'f_')}EXAMPLE${RANDOM.slice(0, 27)}`,
    `${apart('AI', 'za')}${'YOUR_KEY_1'.padEnd(35, '0')}`,
    'postgres://user:password123@localhost/db',
  ])('of documentation is told as an example: %s', (secret) => {
    expect(findSecrets(secret).map(({ name }) => name)).toEqual(['example-key'])
  })

  it.each([
    'bos_token: <|begin_of_text|>, "eos_token": "</s>", "tokenizer_class": "LlamaTokenizerFast"',
    'task-specific sk-learn-pipeline-for-text-classification and disk-usage-of-large-models-here',
    'sk-SByD5glSxKHCn7BixunGjxlAACt6iUMkMBlbjhmP',
    'hf_device_map hf_quantizer_config_of_the_model',
    '"password": null, api_key=None, "secret": "<HUB_TOKEN>", hub_token: ${TOKEN}, api_key: /run/secrets/key1',
    'sha256:9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9f8a7b6c5d4e3f2a1b0c9d8e',
    'https://huggingface.co/home/alice/x and http://127.0.0.1:8080/ and https://example.com/a@b:c',
    'keyboard AKIAI and AIza and eyJ.eyJ. and Bearer token',
    '"access_tokens_per_second": 123456789012345',
  ])('is not seen in %s', (text) => {
    expect(findSecrets(text)).toEqual([])
  })
})

describe('a personal path', () => {
  it.each([
    ['/home/alice/models/x.bin', '/home/…/'],
    ['"/Users/alice.b/x"', '/Users/…/'],
    ['C:\\Users\\Alice\\x', '\\Users\\…\\'],
    ['C:\\\\Users\\\\Alice\\\\x', '\\Users\\…\\'],
    ['file:///home/alice/x', '/home/…/'],
    ['/mnt/c/Users/alice/x', '/Users/…/'],
  ])('%s is told without the name', (text, shown) => {
    expect(findSecrets(text)).toEqual([expect.objectContaining({ name: 'personal-path', shown })])
  })

  it.each([
    '/home/runner/jobs/x',
    '/home/ubuntu/x',
    '/home/',
    '/home/$USER/x',
    '/home/<name>/x',
    'https://x.com/home/a/b',
  ])('%s is nobody', (text) => {
    expect(findSecrets(text)).toEqual([])
  })
})

describe('an address of an inner network', () => {
  it.each([
    ['http://10.1.2.3:8080/v1', 'http://10.1.2.3'],
    ['https://172.20.0.9/x', 'https://172.20.0.9'],
    ['s3://models.alice.corp/x', 's3://….corp'],
    ['http://minio.local', 'http://….local'],
  ])('%s is told', (text, shown) => {
    expect(findSecrets(text)).toEqual([expect.objectContaining({ name: 'internal-address', shown })])
  })

  it.each(['http://8.8.8.8/', 'https://172.32.0.1/', 'https://local.com', 'http://1.10.0.0.1'])(
    '%s is public',
    (text) => {
      expect(findSecrets(text)).toEqual([])
    },
  )
})

/** Texts that make every search start again and again (CWE-1333). */
const SLOW: readonly string[] = [
  'sk-',
  'eyJ',
  'eyJ.',
  'AKIA',
  '://',
  'a://a:a@',
  '/home/',
  'Bearer ',
  'password=',
  'api_key',
  '-----BEGIN ',
  '\\Users\\',
  'a',
  '=',
]

describe('a text that is made to be slow', () => {
  it.each(SLOW)('of %j again and again takes work that grows with its length', (piece) => {
    const small = timed(piece, 20_000)
    const large = timed(piece, 320_000)

    // Sixteen times the text; a search that starts anew at every place would take 256 times as long. Machines are busy: much room.
    expect(large).toBeLessThan(100 * Math.max(small, 20))
    expect(findSecrets(piece.repeat(1_000)).length).toBeLessThanOrEqual(64)
  })
})

function timed(piece: string, size: number): number {
  const text = piece.repeat(Math.ceil(size / piece.length))
  const start = process.cpuUsage()
  findSecrets(text)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000
}
