import { describe, expect, it } from '@jest/globals'
import { refusalForm, renderRefusal } from '../../../agent/show/refusal.ts'

const failure = { code: 'GNO_NOT_FOUND', detail: 'no \u001b[31m here' } as const
const now = (): Date => new Date('2026-11-23T08:00:00.000Z')

describe('a refusal', () => {
  it.each([
    [['status'], 'line'],
    [['status', '--json'], 'json'],
    [['inspect', '--ndjson', 'x'], 'json'],
    [['inspect', '--', '--json'], 'line'],
    [['run', '--json'], 'log'],
  ] as const)('of %j has the form %s', (argv, form) => {
    expect(refusalForm(argv)).toBe(form)
  })

  it('is one line for a person, and JSON with the same words for a program', () => {
    const next = 'Check the path or the identifier.'
    const detail = 'no \\u{1b}[31m here'

    expect(renderRefusal(failure, 'line', now)).toBe(`GNO_NOT_FOUND: ${detail} — ${next}\n`)
    const json = renderRefusal(failure, 'json', now)
    expect(JSON.parse(json)).toEqual({ error: { ...failure, next } })
    expect(json).not.toContain('\u001b')
    expect(JSON.parse(renderRefusal(failure, 'log', now))).toEqual({
      event: 'refused',
      level: 'error',
      message: 'refused',
      time: '2026-11-23T08:00:00.000Z',
      code: failure.code,
      detail,
      next,
    })
  })
})
