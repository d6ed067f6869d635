// A GGUF file that aims at a weakness is escalated only where a program with that weakness is installed; a secret is a finding anyway.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { threatEntrySchema } from '../../contract/threat-entry.ts'
import type { Threat } from '../../contract/threat.ts'
import { artifact, told } from './judged-subjects.ts'

const entries = join(import.meta.dirname, '../../rules/threats')

function threat(path: string): Threat {
  const { id, title, severity, ids, advice } = threatEntrySchema.parse(parse(readFileSync(join(entries, path), 'utf8')))
  return { id, title, severity, because: ['as built'], advice, ...(ids === undefined ? {} : { ids }) }
}

const AIMED = artifact({ verdict: 'malicious', threats: [threat('gguf/gguf-context-wrap.yaml')] })
const POLICY = 'model-aims-at-installed-runtime critical'

describe('a file that aims at CVE-2026-27940', () => {
  it.each([
    [['CVE-2026-27940'], true],
    [['CVE-2026-7482'], false],
    [[], false],
  ])('on a host with %j is escalated: %s', (weaknesses, isEscalated) => {
    expect(told({ artifacts: [AIMED], weaknesses }).includes(POLICY)).toBe(isEscalated)
  })

  it('is named by an entry for every weakness of GGUF that the rules know of installed programs', () => {
    const ids = readdirSync(join(entries, 'gguf')).flatMap((name) => threat(`gguf/${name}`).ids ?? [])

    for (const id of ['CVE-2026-27940', 'CVE-2026-33298', 'CVE-2026-7482']) expect(ids).toContain(id)
  })
})

describe('a secret in a model file', () => {
  it('is a finding though the file is clean, and a personal path is none', () => {
    const withSecret = artifact({ verdict: 'clean', threats: [threat('metadata/secret-service-token.yaml')] })
    const withPath = artifact({ verdict: 'clean', threats: [threat('metadata/personal-path.yaml')] })

    expect(told({ artifacts: [withSecret] })).toContain('secrets-in-model medium')
    expect(told({ artifacts: [withPath] })).not.toContain('secrets-in-model medium')
  })
})
