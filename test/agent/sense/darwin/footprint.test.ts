import { describe, expect, it } from '@jest/globals'
import { askFootprint, type FootprintCapture, interpretFootprint } from '../../../../agent/sense/darwin/footprint.ts'
import { parseFootprint, parseVmmap } from '../../../../agent/sense/darwin/footprint-text.ts'
import { readCapture } from './captures.ts'

describe('the memory of one process of macOS', () => {
  it('tells it exactly by footprint', () => {
    expect(interpretFootprint(readCapture('footprint') as FootprintCapture)).toEqual({
      footprint: {
        footprintBytes: 5_405_409_280,
        peakBytes: 9_662_627_840,
        acceleratorBytes: 5_116_002_304 + 65_536,
        surfaceBytes: 42_041_344,
        mappedFileBytes: 11_534_336,
        isRounded: false,
      },
      gaps: [],
    })
  })

  it('tells it roughly by vmmap where footprint was refused, and that it was', () => {
    const { footprint, gaps } = interpretFootprint(readCapture('vmmap') as FootprintCapture)

    expect(footprint).toEqual({
      footprintBytes: 11.5 * 1024 ** 3,
      peakBytes: 14.5 * 1024 ** 3,
      acceleratorBytes: (64 + 4864 + 72 * 1024) * 1024,
      surfaceBytes: null,
      mappedFileBytes: Math.round(2.3 * 1024 ** 3),
      isRounded: true,
    })
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_DENIED', place: 'footprint' }])
  })

  it('does not take the peak for the footprint, whichever stands first', () => {
    const text = '    phys_footprint_peak: 9 B\n    phys_footprint: 5 B\n'

    expect(parseFootprint(text)).toMatchObject({ footprintBytes: 5, peakBytes: 9 })
  })

  it('tells nothing of answers that were cut, are too large or mean something else', () => {
    const nothing = {
      footprintBytes: null,
      peakBytes: null,
      acceleratorBytes: null,
      surfaceBytes: null,
      mappedFileBytes: null,
    }

    expect(parseFootprint('')).toEqual({ ...nothing, isRounded: false })
    expect(parseFootprint('phys_footprint: 9007199254740993 B\nphys_footprint_peak: 12')).toMatchObject(nothing)
    expect(parseFootprint('1 B 2 B 3 IOAccelerator\n')).toMatchObject(nothing)
    expect(parseVmmap('Physical footprint: 16777216.0T\nIOAccelerator 1K 2K\n')).toMatchObject(nothing)
    expect(parseVmmap('MALLOC ZONE\nIOSurface 1K 1K 1K 1K 1K 1K 1K 5\n')).toMatchObject(nothing)
  })

  it('makes a gap of programs that are not there', async () => {
    const capture = await askFootprint(process.pid, AbortSignal.abort())

    const { footprint, gaps } = interpretFootprint(capture)

    expect(footprint).toBeNull()
    expect(gaps.map(({ place }) => place)).toEqual(['footprint', 'vmmap', 'footprint, vmmap'])
  })
})
