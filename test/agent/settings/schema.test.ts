// The JSON Schema of the settings file, for editors: docs/schemas/agent-settings.schema.json. `npm run golden` writes it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { Ajv } from 'ajv'
import { EXAMPLE, settingsSchema } from '../../../agent/settings/reference.ts'
import { type Place, SETTINGS } from '../../../agent/settings/settings.ts'

const file = join(import.meta.dirname, '../../../docs/schemas/agent-settings.schema.json')
if (process.env['GNOMON_WRITE_GOLDEN'] === '1') writeFileSync(file, `${JSON.stringify(settingsSchema(), null, 2)}\n`)

const validate = new Ajv({ strict: true, strictTypes: false }).compile(settingsSchema())
const place: Place = { environment: {}, platform: 'linux', homeFolder: '/home/ada', isRoot: false }

/** A value for each setting that the agent takes, and some that it does not. */
const VALUES: Readonly<
  Partial<Record<keyof typeof SETTINGS, { readonly good: readonly unknown[]; readonly bad: readonly unknown[] }>>
> = {
  collectorUrl: { good: ['https://c.example'], bad: [5, 'ftp://c.example'] },
  stateFolder: { good: ['/var/lib/x'], bad: ['', 1] },
  roots: { good: [[], ['/srv'], '/srv'], bad: [{}, [1], ['']] },
  excludes: { good: [['node_modules', '/x/*']], bad: [7, ['']] },
  sweepIntervalSeconds: { good: [60, 604_800], bad: [59, 604_801, 60.5] },
  maxRulesAgeDays: { good: [1, 3650], bad: [0, 3651] },
  fullSweepIntervalSeconds: { good: [60, 2_592_000], bad: [59, 2_592_001] },
  rescanIntervalSeconds: { good: [5, 3600], bad: [4, 3601] },
  processIntervalSeconds: { good: [1, 3600], bad: [0, 3601] },
  watch: { good: [true], bad: ['yes'] },
  approvals: { good: [[{ kind: 'family', value: 'whisper', reason: '' }]], bad: ['all', [{ kind: 'name' }]] },
  maxSpoolBytes: { good: [1_048_576], bad: [1] },
  deep: { good: [false], bad: [null] },
  hashBytesPerSecond: { good: [1_000_000], bad: [999_999] },
  labelledFolders: { good: [[{ path: '/srv', label: 'x' }]], bad: ['/srv', [{ path: '/srv' }]] },
  limits: { good: ['normal', 'off'], bad: ['none', 3] },
  privacyLevel: { good: ['full', 'pseudonymous', 'counts'], bad: ['none', 3] },
  pseudonymKeyFile: { good: ['/etc/gnomon/key'], bad: ['', []] },
}

describe('the schema of the settings file', () => {
  it('is what the table says', () => {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(settingsSchema())
  })

  it('takes the example of the reference', () => {
    expect([validate(EXAMPLE), validate.errors]).toEqual([true, null])
  })

  it('refuses an unknown name, and takes those that begin with $', () => {
    expect([validate({ exclude: [] }), validate({ $comment: 'x' })]).toEqual([false, true])
  })

  it.each(Object.entries(VALUES))('says the same as the agent of %s', (name, { good, bad }) => {
    const read = Object.entries(SETTINGS)
      .find(([key]) => key === name)?.[1]
      .reader(place)

    expect(good.map((value) => [validate({ [name]: value }), read?.(value) !== undefined])).toEqual(
      good.map(() => [true, true]),
    )
    expect(bad.map((value) => [validate({ [name]: value }), read?.(value) !== undefined])).toEqual(
      bad.map(() => [false, false]),
    )
  })
})
