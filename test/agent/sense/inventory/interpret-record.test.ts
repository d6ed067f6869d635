// Captures of macOS and Windows replayed, and the texts of package databases with the oddities that they have.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { interpretRecord } from '../../../../agent/sense/inventory/interpret-record.ts'
import type { InventoryRecord } from '../../../../agent/sense/inventory/inventory-record.ts'
import { splitImage } from '../../../../agent/sense/inventory/container-text.ts'
import { extensionFolder, pythonName } from '../../../../agent/sense/inventory/package-text.ts'
import type { Platform } from '../../../../contract/observation.ts'
import { identifyInstallations } from '../../../../rules/identify-installation.ts'
import { installationWords } from '../../../../rules/installation-words.ts'
import { realPack } from '../../../rules/real-pack.ts'

const corpus = join(dirname(dirname(dirname(import.meta.dirname))), 'corpus/sense')

interface Capture {
  readonly origin: string
  readonly records: readonly InventoryRecord[]
}

function replay(platform: Platform) {
  const capture = JSON.parse(readFileSync(join(corpus, platform, 'inventory.json'), 'utf8')) as Capture
  const words = installationWords(realPack, platform)
  const readings = capture.records.map((record) => interpretRecord(record, words.isWanted))
  const seen = readings.flatMap((reading) => reading.seen)
  const installations = identifyInstallations(seen, [], words, realPack)
  return { origin: capture.origin, seen, installations, gaps: readings.flatMap(({ gaps }) => gaps) }
}

describe('a capture of macOS', () => {
  const { origin, seen, installations, gaps } = replay('darwin')

  it('says where it is from', () => expect(origin).toMatch(/^documented: /))

  it('names formulae, casks, applications, jobs of launchd and packages', () => {
    const told = installations.map((each) => [each.installationKey, each.version, each.confidence])

    expect(told).toEqual([
      ['claude-code@system', '2.0.14', 'likely'],
      ['jan@system', '0.6.8', 'likely'],
      ['lm-studio@system', '0.3.30,1', 'likely'],
      ['ollama@/Users/ann', null, 'possible'],
      // Nobody read in a source that this formula is the product.
      ['ollama@system', '0.17.0', 'possible'],
    ])
  })

  it('keeps the program of a job and nothing of its environment', () => {
    expect(seen.find(({ source }) => source === 'service')?.program).toBe('/usr/local/bin/ollama')
    expect(JSON.stringify({ seen, installations })).not.toContain('not-to-be-kept')
  })

  it('tells that a binary property list was not read', () => {
    expect(gaps).toMatchObject([
      { code: 'GNO_SENSE_FAILED', place: '/Applications/Ollama.app/Contents/Info.plist', count: 1 },
    ])
  })
})

describe('a capture of Windows', () => {
  const { origin, installations } = replay('win32')

  it('says where it is from', () => expect(origin).toMatch(/^documented: /))

  it('names extensions by their manifest', () => {
    expect(installations.map((each) => [each.installationKey, each.version])).toEqual([
      ['copilot-vscode@C:\\Users\\ann', '1.270.0'],
    ])
  })
})

describe('names', () => {
  it.each([
    ['Llama_CPP.python', 'llama-cpp-python'],
    ['vllm', 'vllm'],
    ['a__b', 'a-b'],
  ])('spells the Python package %s as %s', (name, plain) => expect(pythonName(name)).toBe(plain))

  it.each([
    ['saoudrizwan.claude-dev-3.32.1', 'saoudrizwan.claude-dev', '3.32.1'],
    ['ms-python.python-2024.2.1-linux-x64', 'ms-python.python', '2024.2.1'],
    ['publisher.name', 'publisher.name', ''],
  ])('takes the extension folder %s apart', (folder, id, version) =>
    expect(extensionFolder(folder)).toEqual([id, version]),
  )

  it.each([
    ['ollama/ollama:0.17.0-rocm', 'ollama/ollama', '0.17.0'],
    ['ghcr.io/ggml-org/llama.cpp:server-b8146@sha256:0f', 'ghcr.io/ggml-org/llama.cpp', 'b8146'],
    ['registry:5000/vllm/vllm-openai', 'registry:5000/vllm/vllm-openai', null],
    ['ollama/ollama:latest', 'ollama/ollama', null],
    ['sha256:0f1e', 'image without a name', null],
  ])('takes the image name %s apart', (name, image, version) => expect(splitImage(name)).toEqual([image, version]))
})

describe('a database of 20 MB', () => {
  it('is read to its end, and gives what was asked for only', () => {
    const filler = `Package: other\nStatus: install ok installed\nVersion: 1\nDescription: ${'x'.repeat(4_000)}\n\n`
    const wanted = 'Package: docker-model-plugin\nStatus: install ok installed\nVersion: 0.1.44\n'
    const text = `${filler.repeat(5_000)}${wanted}`
    const { isWanted } = installationWords(realPack, 'linux')

    const { seen } = interpretRecord(
      { source: 'apt', form: 'dpkg-status', scope: 'system', path: '/var/lib/dpkg/status', text },
      isWanted,
    )

    expect(text.length).toBeGreaterThan(20_000_000)
    expect(seen.map(({ name, version }) => [name, version])).toEqual([['docker-model-plugin', '0.1.44']])
  })
})
