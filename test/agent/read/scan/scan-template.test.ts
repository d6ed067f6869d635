// Where chat templates lie, and at which byte of the file what they reach for stands. The parser runs in this process here.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { readTemplate } from '../../../../agent/isolate/read-template.ts'
import { lookAt } from '../../../../agent/read/look.ts'
import { GapList } from '../../../../agent/read/gap-list.ts'
import { scanPart } from '../../../../agent/read/scan/scan-part.ts'
import { scanSideTemplates } from '../../../../agent/read/scan/scan-side-templates.ts'
import { findReader } from '../../../../agent/read/sniff-format.ts'
import type { ScanTemplate } from '../../../../contract/template-answer.ts'
import type { LoadScan } from '../../../../contract/threat.ts'
import { buildGguf, text } from '../../../build-gguf.ts'
import { openForTest } from '../open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-templates-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOSTILE = "ä {{ ''.__class__ }}"
const PLAIN = '{% for m in messages %}{{ m.content }}{% endfor %}'
const parse: ScanTemplate = (template) => Promise.resolve(readTemplate(template))

interface Scanned {
  readonly scan: LoadScan | undefined
  readonly gaps: GapList
}

async function scanBytes(
  name: string,
  bytes: Uint8Array | string,
  scanTemplate: ScanTemplate | null,
): Promise<Scanned> {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const file = openForTest(path)
  try {
    const look = lookAt(file)
    const gaps = new GapList(path)
    const format = findReader(look)?.id ?? null
    return { scan: await scanPart(file, { format, look, weights: null, scanTemplate }, gaps), gaps }
  } finally {
    file.close()
  }
}

/** Bytes at which a class is reached for. */
function placesIn(scan: LoadScan | undefined): readonly (number | undefined)[] {
  return (scan?.actions ?? []).filter(({ name }) => name === 'attribute.__class__').map(({ at }) => at)
}

describe('the templates of a GGUF file', () => {
  it.each([
    ['version 3', { version: 3 }],
    ['version 1', { version: 1 }],
    ['other byte order', { version: 3, isBigEndian: true }],
  ])('are found with their byte in %s, the named ones too', async (_, layout) => {
    const kv = [
      ['general.architecture', text('llama')],
      ['tokenizer.chat_template', text(PLAIN)],
      ['tokenizer.chat_template.tool_use', text(HOSTILE)],
    ] as const
    const bytes = buildGguf({ ...layout, kv })
    const { scan } = await scanBytes('a.gguf', bytes, parse)

    expect(scan?.isWhole).toBe(true)
    expect(placesIn(scan)).toEqual([bytes.indexOf('__class__')])
  })

  it('are whole where there is none', async () => {
    const { scan } = await scanBytes('b.gguf', buildGguf({ kv: [['general.architecture', text('llama')]] }), null)

    expect(scan).toEqual({ isWhole: true, actions: [] })
  })

  it('are a gap without a parser, and where one is too long', async () => {
    const one = await scanBytes('c.gguf', buildGguf({ kv: [['tokenizer.chat_template', text(PLAIN)]] }), null)
    const long = text('a'.repeat(10_485_760))
    const other = await scanBytes('d.gguf', buildGguf({ kv: [['tokenizer.chat_template', long]] }), parse)

    expect(one.scan?.isWhole).toBe(false)
    expect(one.gaps.list().map(({ code }) => code)).toEqual(['GNO_READ_SKIPPED'])
    expect(other.scan?.isWhole).toBe(false)
    expect(other.gaps.list().map(({ code }) => code)).toEqual(['GNO_READ_LIMIT'])
  })

  it('break the scan where the metadata breaks off', async () => {
    const bytes = buildGguf({ kv: [['tokenizer.chat_template', text(PLAIN)]] })
    const { scan } = await scanBytes('e.gguf', bytes.subarray(0, 60), parse)

    expect(scan?.isWhole).toBe(false)
  })

  it('keep the text of bytes that are no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xed, 0xa0, 0x80]), Buffer.from(HOSTILE)])
    const { scan } = await scanBytes('f.gguf', buildGguf({ kv: [['tokenizer.chat_template', text(bytes)]] }), parse)

    expect(placesIn(scan)).toHaveLength(1)
  })
})

describe('the templates of a tokenizer configuration', () => {
  it.each([
    ['a text', { tokenizer_class: 'T', chat_template: HOSTILE }],
    [
      'named ones',
      {
        chat_template: [
          { name: 'default', template: PLAIN },
          { name: 'rag', template: `"\n${HOSTILE}` },
        ],
      },
    ],
    ['a map', { chat_template: { default: HOSTILE } }],
  ])('are found with their byte as %s', async (_, config) => {
    const json = JSON.stringify(config)
    const { scan } = await scanBytes('tokenizer_config.json', json, parse)

    expect(scan?.isWhole).toBe(true)
    expect(placesIn(scan)).toEqual([Buffer.from(json).indexOf('__class__')])
  })

  it('are found behind escapes of JSON', async () => {
    const json = `{"chat_template":"\\u00e4\\n{{ ''.\\u005f_class__.__base__ }}"}`
    const { scan } = await scanBytes('tokenizer_config.json', json, parse)

    expect(placesIn(scan)).toEqual([json.indexOf('\\u005f')])
  })

  it('break the scan where the JSON is broken', async () => {
    const { scan } = await scanBytes('tokenizer_config.json', `{"chat_template":"${PLAIN}`, parse)

    expect(scan?.isWhole).not.toBe(true)
  })
})

describe('templates in files of their own', () => {
  it('are scanned when handed over alone, and by themselves make nothing clean', async () => {
    const hostile = await scanBytes('chat_template.jinja', HOSTILE, parse)
    const plain = await scanBytes('other.jinja', '{{ m.content }}', parse)

    expect(placesIn(hostile.scan)).toEqual([Buffer.from(HOSTILE).indexOf('__class__')])
    expect(placesIn(plain.scan)).toEqual([])
  })

  it('are scanned beside weights, each told with its file', async () => {
    const beside = mkdtempSync(join(folder, 'model-'))
    writeFileSync(join(beside, 'model.safetensors'), 'x')
    writeFileSync(join(beside, 'tokenizer_config.json'), JSON.stringify({ chat_template: PLAIN }))
    writeFileSync(join(beside, 'chat_template.jinja'), HOSTILE)
    const anchor = openForTest(join(beside, 'model.safetensors'))
    const scan = await scanSideTemplates(anchor, parse, new GapList(beside))
    anchor.close()

    const reached = scan?.actions.filter(({ name }) => name === 'attribute.__class__')
    expect(reached?.map(({ member }) => member)).toEqual(['chat_template.jinja'])
  })

  it('are scanned in the folder of further templates', async () => {
    const beside = mkdtempSync(join(folder, 'model-'))
    mkdirSync(join(beside, 'additional_chat_templates'))
    writeFileSync(join(beside, 'model.safetensors'), 'x')
    writeFileSync(join(beside, 'chat_template.jinja'), PLAIN)
    writeFileSync(join(beside, 'additional_chat_templates', 'tool_use.jinja'), HOSTILE)
    writeFileSync(join(beside, 'additional_chat_templates', 'notes.txt'), HOSTILE)
    const anchor = openForTest(join(beside, 'model.safetensors'))
    const scan = await scanSideTemplates(anchor, parse, new GapList(beside))
    anchor.close()

    const reached = scan?.actions.filter(({ name }) => name === 'attribute.__class__')
    expect(reached?.map(({ member }) => member)).toEqual(['additional_chat_templates/tool_use.jinja'])
  })

  it('are scanned under each name that a GGUF file gives them', async () => {
    const bytes = buildGguf({
      kv: [
        ['general.architecture', text('llama')],
        ['tokenizer.chat_template', text(PLAIN)],
        ['tokenizer.chat_template.tool_use', text(HOSTILE)],
      ],
    })
    const { scan } = await scanBytes('x.gguf', bytes, parse)

    expect(placesIn(scan)).toEqual([bytes.indexOf('__class__')])
  })
})
