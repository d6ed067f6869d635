import { describe, expect, it } from '@jest/globals'
import { ENGINE_VERSION, modelStores, readPack } from '../../rules/pack.ts'
import { canonicalJson } from '../../rules/canonical-json.ts'
import { checkTree } from '../../rules/workbench/check-tree.ts'
import { compilePack, generateSigningKeys, signPack, trustKey } from '../../rules/workbench/compile-pack.ts'
import { realBody, realPack, realTree, rulesFolder } from './real-pack.ts'
import { readRuleTree } from '../../rules/workbench/read-tree.ts'

function codeOf(result: ReturnType<typeof readPack>): string {
  return result.ok ? 'ok' : result.failure.code
}

describe('a pack', () => {
  it('is equal to the byte when it is compiled twice from the folder', () => {
    const first = canonicalJson(compilePack(realTree))
    const second = canonicalJson(compilePack(readRuleTree(rulesFolder)))

    expect(second === first).toBe(true)
  })

  it('says of which day its rules are, and an older one may leave it open', () => {
    const { date, ...undated } = realBody

    expect(realPack.date).toBe(date)
    const read = readPack({ pack: { ...undated, engine: '3.0' }, signature: null })
    expect(read.ok ? read.value.date : read.failure.detail).toBeNull()
    expect(codeOf(readPack({ pack: { ...realBody, date: 'today' }, signature: null }))).toBe('GNO_PACK_INVALID')
  })

  it.each(['', '2026-02-30', '2026-11', '23.11.2026'])('is not made of rules whose date is %j', (date) => {
    expect(checkTree({ ...realTree, date })).toContainEqual({
      file: 'pack.yaml',
      detail: 'date is not a day like 2026-11-23',
    })
  })

  it.each([null, 1, 'x', [], {}, { pack: {} }, { pack: null, signature: null }])('refuses %j', (json) => {
    expect(codeOf(readPack(json))).toBe('GNO_PACK_INVALID')
  })

  it('refuses unknown keys and another schema', () => {
    expect(codeOf(readPack({ pack: realBody, signature: null, extra: 1 }))).toBe('GNO_PACK_INVALID')
    expect(codeOf(readPack({ pack: { ...realBody, schema: 'gnomon-pack/2' }, signature: null }))).toBe(
      'GNO_PACK_INVALID',
    )
  })

  it.each([
    ['its own', ENGINE_VERSION, 'ok'],
    ['a later minor', '2.1', 'GNO_PACK_INVALID'],
    ['another major', '1.0', 'GNO_PACK_INVALID'],
  ])('made for %s engine gives %s', (_which, engine, expected) => {
    expect(codeOf(readPack({ pack: { ...realBody, engine }, signature: null }))).toBe(expected)
  })

  it('is believed only with the signature of the trusted key', () => {
    const keys = generateSigningKeys()
    const others = generateSigningKeys()
    const signed = signPack(realBody, keys.privateKey)
    const trust = trustKey(keys.publicKey)
    const otherTrust = trustKey(others.publicKey)
    if (!signed.ok || !trust.ok || !otherTrust.ok) throw new Error('keys')
    const edited = { ...signed.value, pack: { ...realBody, policies: [] } }

    expect(codeOf(readPack(signed.value, trust.value))).toBe('ok')
    expect(codeOf(readPack(JSON.parse(JSON.stringify(signed.value)), trust.value))).toBe('ok')
    expect(codeOf(readPack(signed.value, otherTrust.value))).toBe('GNO_PACK_INVALID')
    expect(codeOf(readPack({ pack: realBody, signature: null }, trust.value))).toBe('GNO_PACK_INVALID')
    expect(codeOf(readPack(edited, trust.value))).toBe('GNO_PACK_INVALID')
  })

  it('refuses keys of other kinds with a line that says so', () => {
    const signed = signPack(realBody, 'not a key')
    const trust = trustKey('not a key')

    expect(signed.ok).toBe(false)
    expect(trust.ok).toBe(false)
  })

  it('tells the model stores of each system', () => {
    expect(modelStores(realPack, 'linux')).toEqual(
      expect.arrayContaining([
        '~/.ollama/models',
        '/usr/share/ollama/.ollama/models',
        '~/.cache/huggingface/hub',
        '~/.lmstudio/models',
      ]),
    )
    expect(modelStores(realPack, 'darwin')).toContain('~/.lmstudio/models')
    expect(modelStores(realPack, 'win32')).toContain('%USERPROFILE%\\.ollama\\models')
  })

  it('leaves out what was retired', () => {
    const body = { ...realBody, runtimes: realBody.runtimes.map((entry) => ({ ...entry, status: 'retired' })) }
    const read = readPack({ pack: body, signature: null })

    expect(read.ok && read.value.runtimes.length).toBe(0)
  })
})
