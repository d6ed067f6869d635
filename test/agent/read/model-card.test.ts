// Cards of models: what they claim is told, what they hold beside plain values is not, and configurations and files win over them.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { claimsSchema } from '../../../contract/fingerprint.ts'
import { MAX_CARD_BYTES, readLicenseTitle, readModelCard } from '../../../agent/read/model-card.ts'
import { type GgufSpec, buildGguf, scalar, text } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { writeStore } from '../../build-stores.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-card-'))
afterAll(() => rmSync(root, { recursive: true }))

const claims = (text: string) => readModelCard(Buffer.from(text))
const card = (...lines: readonly string[]) => claims(['---', ...lines, '---', '# Model', 'license: none'].join('\n'))

describe('the head of a card', () => {
  it('claims license, bases, library, tags and how many sets of data', () => {
    expect(
      card(
        'license: apache-2.0  # as the base',
        'base_model:',
        '- Qwen/Qwen2.5-7B',
        '  - "local folder"',
        'library_name: transformers',
        "tags: [chat, 'text-generation', chat]",
        'datasets:',
        '- a/b',
        '- c/d',
        'model-index:',
        '- name: x',
      ),
    ).toEqual({
      license: 'apache-2.0',
      baseModels: [
        { name: 'Qwen/Qwen2.5-7B', organization: 'Qwen', repoUrl: 'https://huggingface.co/Qwen/Qwen2.5-7B' },
        { name: 'local folder' },
      ],
      tags: ['library: transformers', 'datasets: 2', 'chat', 'text-generation'],
    })
  })

  it.each([
    ['one base in a line', ['base_model: org/name'], 'org/name'],
    ['the first of two', ['base_model: org/a', 'base_model: org/b'], 'org/a'],
    ['lines of Windows', ['base_model: org/name\r'], 'org/name'],
    ['an empty line in a list', ['base_model:', '', '- org/name'], 'org/name'],
  ])('gives %s', (_, lines, name) => {
    expect(card(...lines).baseModels).toMatchObject([{ name }])
  })

  it.each([
    [['license: other', 'license_name: llama3.1', 'license_link: LICENSE'], 'llama3.1 LICENSE'],
    [['license: other'], 'other'],
    [['license: mit', 'license_name: x'], 'mit'],
    [['license:', '- mit', '- gpl-3.0'], 'mit'],
  ])('names the license of %j', (lines, license) => {
    expect(card(...lines)).toEqual({ license })
  })

  it.each([
    ['no head', 'license: mit\n'],
    ['no end', '---\nlicense: mit\n'],
    ['nothing', ''],
    ['an end behind what is read', `---\nlicense: mit\n${'#\n'.repeat(MAX_CARD_BYTES)}---\n`],
    ['a tab for indentation', '---\n\tlicense: mit\n---\n'],
    ['an anchor', '---\nlicense: &a mit\n---\n'],
    ['an alias', '---\nlicense: *a\n---\n'],
    ['a tag', '---\nlicense: !!python/object:os.system x\n---\n'],
    ['a block', '---\nlicense: |\n  mit\n---\n'],
    ['a map inside', '---\nlicense:\n  name: mit\n---\n'],
    ['an item of something else', '---\nlicense:\nother:\n- mit\n---\n'],
    ['a quote without end', '---\nlicense: "mit\n---\n'],
    ['__proto__', '---\n__proto__:\n- license\nconstructor: x\n---\n'],
    ['binary', `---\n${'\0\xff'.repeat(500)}\n---\n`],
  ])('with %s claims nothing', (_, text) => {
    expect(claims(text)).toEqual({})
  })

  it('stays within what the wire carries, whatever it lists', () => {
    const many = Array.from({ length: 500 }, (_, index) => `- ${'x'.repeat(900)}/${index}`)

    const found = card(
      'base_model:',
      ...many.slice(0, 30),
      'tags:',
      ...many.slice(30, 60),
      `license: ${'y'.repeat(3_000)}`,
    )

    expect(claimsSchema.safeParse(found).error).toBeUndefined()
    expect(found.baseModels).toHaveLength(16)
    expect(Object.hasOwn(found, 'license')).toBe(true)
  })
})

it.each([
  ['\n   MIT License\n\nCopyright', { license: 'MIT License' }],
  ['# Apache License\nVersion 2.0', { license: 'Apache License' }],
  ['\n\n', {}],
  ['\0\x01\x02', {}],
])('the title of the license %j', (text, wanted) => {
  expect(readLicenseTitle(Buffer.from(text))).toEqual(wanted)
})

async function read(files: Readonly<Record<string, string>>, change: (folder: string) => void = () => undefined) {
  const folder = mkdtempSync(join(root, 'folder-'))
  const weights = buildSafetensors({ tensors: [{ name: 'model.norm.weight', dtype: 'F32', shape: [4] }] })
  writeFileSync(join(folder, 'model.safetensors'), weights)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  change(folder)
  const [draft] = await readFolder(folder)
  return { draft, claims: draft?.fingerprint.claims }
}

describe('a folder with a card', () => {
  const config = '{"model_type":"llama","architectures":["LlamaForCausalLM"]}'
  const README = '---\nlicense: mit\ntags: [chat]\nbase_model: org/base\n---\n'

  it('claims what the card says, where the configuration says nothing, and has it as a part', async () => {
    const found = await read({ 'config.json': config, 'README.md': README, LICENSE: 'Other License' })

    expect(found.claims).toMatchObject({
      license: 'mit',
      tags: ['LlamaForCausalLM'],
      baseModels: [{ name: 'org/base' }],
    })
    const roles = found.draft?.parts.map(({ path, role }) => [path.split('/').at(-1), role])
    expect(roles).toContainEqual(['README.md', 'other'])
    expect(roles).not.toContainEqual(['LICENSE', 'other'])
  })

  it('claims the title of its license where the card names none', async () => {
    const found = await read({ 'config.json': config, 'README.md': '# Model\n', LICENSE: '  MIT License\n' })

    expect(found.claims?.license).toBe('MIT License')
  })

  it('reads the beginning of a card whose line is a gigabyte long, and blames nobody', async () => {
    const found = await read({ 'config.json': config, 'README.md': `${README}x` }, (folder) => {
      truncateSync(join(folder, 'README.md'), 1_073_741_824)
    })

    expect(found.claims?.license).toBe('mit')
    expect(found.draft?.verdict).toBe('unchecked')
    expect(found.draft?.gaps.some(({ place }) => place.endsWith('README.md'))).toBe(false)
  })
})

describe('a folder of quantized files without a configuration', () => {
  const README = '---\nlicense: apache-2.0\nbase_model: org/base-7B\n---\n'
  const BASES = [{ name: 'org/base-7B' }]
  const gguf = (...kv: NonNullable<GgufSpec['kv']>): Uint8Array =>
    buildGguf({
      kv: [['general.architecture', text('llama')], ...kv],
      tensors: [{ name: 'output_norm.weight', dims: [8] }],
    })
  const folderOf = (files: Parameters<typeof writeStore>[1]): string =>
    writeStore(mkdtempSync(join(root, 'gguf-')), files)

  it.each([
    [
      'of one model',
      ['tiny-7b-Q4_K_M.gguf', 'tiny-7b-IQ3_XXS.gguf', 'tiny-7b-UD-Q2_K_XL.gguf', 'mmproj-tiny-f16.gguf'],
    ],
    ['of one model, named with dots', ['tiny.7b.Q8_0.gguf', 'tiny.7b.f16.gguf', 'tiny.7b.i1-IQ1_S.gguf']],
    ['in parts', ['tiny-BF16-00001-of-00003.gguf', 'tiny-Q6_K.gguf']],
  ])('claims the licence and the base of the card for each, where they are %s', async (_, names) => {
    const folder = folderOf({ ...Object.fromEntries(names.map((name) => [name, gguf()])), 'README.md': README })

    const drafts = await readFolder(folder)

    expect(drafts.map(({ fingerprint: { claims } }) => claims)).toMatchObject(
      names.map(() => ({ license: 'apache-2.0', baseModels: BASES })),
    )
  })

  it('claims them for a file that was named by itself, and for a split by its first part', async () => {
    const part = (index: number): Uint8Array =>
      gguf(['split.no', scalar('uint16', index)], ['split.count', scalar('uint16', 1)])
    const alone = folderOf({ 'tiny.gguf': gguf(), 'README.md': README })
    const split = folderOf({ 'tiny-00001-of-00001.gguf': part(0), 'README.md': README })

    const [drafts, file] = [await readFolder(split), await inspectFile(join(alone, 'tiny.gguf'))]

    expect([...drafts, file].map(({ fingerprint }) => fingerprint.claims?.license)).toEqual([
      'apache-2.0',
      'apache-2.0',
    ])
  })

  it('believes what the file itself says before the card', async () => {
    const folder = folderOf({ 'tiny.gguf': gguf(['general.license', text('mit')]), 'README.md': README })

    const [draft] = await readFolder(folder)

    expect(draft?.fingerprint.claims).toMatchObject({ license: 'mit', baseModels: BASES })
  })

  it.each([
    ['llama-2-7b.Q4_K_M.gguf', 'llama-3-8b.Q4_K_M.gguf'],
    ['phi-2-Q4_K_M.gguf', 'phi-3-Q4_K_M.gguf'],
    ['model.gguf', 'other.gguf'],
  ])('is no card of %s beside %s: it may be that of the other one', async (...names) => {
    const folder = folderOf({ ...Object.fromEntries(names.map((name) => [name, gguf()])), 'README.md': README })

    const drafts = await readFolder(folder)

    expect(drafts.map(({ fingerprint: { claims } }) => [claims?.license, claims?.baseModels])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ])
  })

  it('reads no more of a card than its beginning', async () => {
    const folder = folderOf({ 'tiny.gguf': gguf(), 'README.md': README })
    truncateSync(join(folder, 'README.md'), 1_073_741_824)

    const [draft] = await readFolder(folder)

    expect([draft?.verdict, draft?.fingerprint.claims?.license]).toEqual(['unchecked', 'apache-2.0'])
  })
})
