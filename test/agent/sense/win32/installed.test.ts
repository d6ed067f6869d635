// What Windows says is installed, from a capture of its registry, services and tasks, and together with the files of a home.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { senseInventory } from '../../../../agent/sense-inventory.ts'
import { interpretInstalled, type WindowsInstalledCapture } from '../../../../agent/sense/win32/installed.ts'
import { realPack } from '../../../rules/real-pack.ts'

const { origin, capture } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../corpus/sense/win32/installed.json'), 'utf8'),
) as { readonly origin: string; readonly capture: WindowsInstalledCapture }
const printed = 'text' in capture.printed ? capture.printed.text : ''
const JOERG = 'C:\\Users\\jörg'

let home = ''
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-installed-')))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function put(path: string, content: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true })
  writeFileSync(join(home, path), content)
}

const look = (text = printed) =>
  senseInventory({
    platform: 'win32',
    pack: realPack,
    excludes: [],
    ownPlaces: [],
    signal: new AbortController().signal,
    homes: [home],
    askWindows: () => Promise.resolve({ printed: { text } }),
  })

describe('what Windows says is installed', () => {
  it('says where the capture is from', () => expect(origin).toMatch(/^documented: /))

  it('names applications, and packages of winget, with the person whose they are', () => {
    const { seen } = interpretInstalled(capture)
    const told = seen
      .filter(({ source }) => source !== 'service')
      .map(({ source, name, version, scope }) => [source, name, version, scope])

    expect(told).toEqual([
      ['application', 'Git_is1', '2.47.0', 'system'],
      ['application', '{44E83376-CE68-45EB-8FC1-393500EB558C}_is1', '0.16.1', JOERG],
      ['application', 'ggml.llamacpp_Microsoft.Winget.Source_8wekyb3d8bbwe', 'b7000', JOERG],
      ['winget', 'ggml.llamacpp', 'b7000', JOERG],
    ])
  })

  it('keeps the program of services and scheduled tasks, and no argument', () => {
    const { seen } = interpretInstalled(capture)

    expect(seen.filter(({ source }) => source === 'service').map(({ name, program }) => [name, program])).toEqual([
      ['Spooler', 'C:\\WINDOWS\\System32\\spoolsv.exe'],
      ['LocalModel', 'C:\\Program Files\\Lab\\llama-server.exe'],
      ['Loose', 'C:\\Program Files\\Lab Two\\run.exe'],
      ['NoProgram', undefined],
      ['Start model', `${JOERG}\\AppData\\Local\\Programs\\Ollama\\ollama.exe`],
    ])
    expect(JSON.stringify(seen)).not.toContain('not-to-be-kept')
  })

  it('tells distributions of WSL and people who are not logged on as blind spots', () => {
    const { gaps, told } = interpretInstalled(capture)

    expect(gaps.map(({ code, place, count }) => [code, place, count])).toEqual([
      ['GNO_SENSE_UNSUPPORTED', 'installed on Windows', 1],
      ['GNO_SENSE_UNSUPPORTED', 'WSL: Ubuntu-24.04', 1],
    ])
    expect([...told]).toEqual(['system', JOERG])
  })

  it('covers nothing when the answer was cut or refused in part', () => {
    const refused = `{"Kind":"trouble","Part":"service","Code":"HRESULT 0x80041003,GetCimInstance"}\r\n${printed}`

    const cut = interpretInstalled({ printed: { text: printed.slice(0, 900), cut: 'no answer in time' } })
    const denied = interpretInstalled({ printed: { text: refused.replace('\ufeff', '') } })
    const none = interpretInstalled({ printed: { trouble: 'ENOENT: ' } })

    expect([cut, denied, none].map(({ told }) => told.size)).toEqual([0, 0, 0])
    expect(denied.gaps.map(({ code }) => code)).toContain('GNO_SENSE_DENIED')
    expect(none.gaps.map(({ code }) => code)).toEqual(['GNO_SENSE_FAILED'])
  })

  it('believes no key outside the registry', () => {
    const text = [
      '{"Kind":"application","PSPath":"C:\\\\x","DisplayName":"x"}',
      '{"Kind":"application","PSPath":5,"DisplayName":"x"}',
      '{"Kind":"end"}',
    ].join('\n')

    expect(interpretInstalled({ printed: { text } }).seen).toEqual([])
  })
})

describe('an inventory of Windows', () => {
  it('joins the registry with the files of homes', async () => {
    put(
      '.vscode/extensions/github.copilot-1.270.0/package.json',
      '{"publisher":"GitHub","name":"copilot","version":"1.270.0"}',
    )
    put('AppData/Roaming/npm/node_modules/@openai/codex/package.json', '{"name":"@openai/codex","version":"0.50.0"}')
    put(
      'AppData/Local/Programs/Python/Python312/Lib/site-packages/vllm-0.6.3.dist-info/METADATA',
      'Name: vllm\nVersion: 0.6.3\n',
    )
    put('AppData/Local/Programs/LM Studio/LM Studio.exe', '')

    const { installations, coverage } = await look(printed.replaceAll(JSON.stringify(JOERG), JSON.stringify(home)))
    const told = installations.map(({ entryId, scope, version, vulnerabilities }) => [
      entryId,
      scope === home ? 'home' : scope,
      version,
      vulnerabilities.map(({ id }) => id),
    ])

    expect(told).toEqual(
      expect.arrayContaining([
        ['codex-cli', 'home', '0.50.0', []],
        ['copilot-vscode', 'home', '1.270.0', []],
        ['llama-cpp', 'home', 'b7000', ['CVE-2026-27940', 'CVE-2026-33298']],
        ['lm-studio', 'home', null, []],
        ['ollama', 'home', '0.16.1', ['CVE-2026-7482']],
        ['vllm', 'home', '0.6.3', expect.anything()],
      ]),
    )
    expect(coverage.state).toBe('partial')
  })

  it('says of nothing that it is gone where the registry was not told', async () => {
    expect((await look('')).coveredScopes).toEqual([])
    expect((await look()).coveredScopes).toEqual(['system'])
  })
})
