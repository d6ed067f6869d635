// What leaves the centre, byte for byte as recorded: a consumer elsewhere was built against it. Written by `npm run golden`.
import { describe, expect, it } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cyclonedxMlBom } from '../../collector/exports/cyclonedx-mlbom.ts'
import { renderDetection } from '../../collector/feeds/ocsf-detection.ts'
import { sampleEvent } from './sample-event.ts'
import { sampleSnapshot } from './sample-snapshot.ts'

const corpus = join(import.meta.dirname, '../corpus')
const ocsf = renderDetection(sampleEvent(), { version: '0.1.0', maxEvidence: 32, maxText: 1_024 })

describe('golden files of the collector', () => {
  it.each([
    ['feeds/ocsf-syslog.json', `${JSON.stringify(ocsf, null, 2)}\n`],
    ['exports/cyclonedx-mlbom.golden', cyclonedxMlBom.render(sampleSnapshot(), { version: '0.1.0' })],
  ])('%s', (name, text) => {
    const file = join(corpus, name)

    if (process.env['GNOMON_WRITE_GOLDEN'] === '1') writeFileSync(file, text)

    expect(text).toBe(readFileSync(file, 'utf8'))
  })
})
