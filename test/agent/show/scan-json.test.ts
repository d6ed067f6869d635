import { describe, expect, it } from '@jest/globals'
import { scanPieces } from '../../../agent/show/scan-json.ts'
import { scanSchema, type Scan } from '../../../contract/report.ts'

const GAP = { code: 'GNO_SENSE_DENIED', place: '/home/"quoted"', count: 1, detail: 'refused' }
const SCAN: Scan = {
  schema: 'gnomon-scan/1',
  host: {
    hostId: 'host1:a',
    hostName: 'a',
    platform: 'linux',
    operatingSystem: '',
    kernel: '',
    architecture: '',
    processor: '',
    cores: 1,
    memoryBytes: 1,
    swapBytes: 0,
    graphics: [],
    agentVersion: '0',
    packVersion: '0',
  },
  startedAt: '2026-11-23T01:00:00.000Z',
  finishedAt: '2026-11-23T01:00:01.000Z',
  coverage: [],
  artifacts: [],
  runtimes: [],
  installations: [],
  findings: [],
  gaps: [GAP, GAP],
}

describe('scanPieces', () => {
  it('are together the very document, without what a sweep keeps for the outbox', () => {
    const inside = { ...SCAN, coveredPaths: ['/home'] }

    const document: unknown = JSON.parse([...scanPieces(inside)].join(''))

    expect(document).toEqual(SCAN)
    expect(scanSchema.safeParse(document).error).toBeUndefined()
  })
})
