// Whether "nothing found" may be believed: not looked at yet, could not look, and looked are three answers.
import { describe, expect, it } from '@jest/globals'
import { howLooked, stateLooked } from '../../../collector/store/looked.ts'
import { type Coverage, OWN_SENSOR } from '../../../contract/report.ts'

function files(state: Coverage['state']): Coverage {
  return { sensor: 'files', state, places: ['/home'], looked: 3, detail: '' }
}

describe('how well a host was looked at', () => {
  it('is not known from a daemon that only told that it lives', () => {
    expect(howLooked([], [])).toBe('never')
    expect(stateLooked('never', [], [], 'full')).toContain('nothing is known')
  })

  it.each([
    ['failed', 'blind'],
    ['unsupported', 'blind'],
    ['partial', 'partial'],
    ['complete', 'complete'],
  ] as const)('is told by a sensor that %s', (state, looked) => {
    expect(howLooked([files(state)], [])).toBe(looked)
  })

  it('is complete beside trouble of the agent itself', () => {
    const gap = { code: 'GNO_AGENT_KILLED', place: '(worker)', count: 1, detail: '', sensor: OWN_SENSOR } as const

    expect(howLooked([files('complete')], [gap])).toBe('complete')
  })

  it('is told without an all-clear where details are withheld', () => {
    expect(stateLooked('complete', [files('complete')], [], 'counts')).toContain('an empty list means nothing')
    expect(stateLooked('partial', [files('partial')], [], 'counts')).toContain('an empty list means nothing')
    expect(stateLooked('complete', [files('complete')], [], 'full')).toContain('was not there')
  })

  it('is blind where nothing but a gap came of it', () => {
    const gap = { code: 'GNO_SENSE_FAILED', place: '/', count: 1, detail: '', sensor: 'files' } as const

    expect(howLooked([], [gap])).toBe('blind')
  })
})
