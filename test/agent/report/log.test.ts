import { describe, expect, it } from '@jest/globals'
import { createLog, type LogLevel } from '../../../agent/report/log.ts'

function record(level: LogLevel) {
  const lines: string[] = []
  const log = createLog({ level, write: (line) => lines.push(line), now: () => new Date('2026-11-23T08:00:00.000Z') })
  return { log, lines }
}

describe('the log', () => {
  it('writes one JSON object a line, whatever the fields hold', () => {
    const { log, lines } = record('info')

    log.warn('folder unreadable', { path: '/home/a\nb\u202e\u001b[2J', count: 3 })

    expect(lines).toHaveLength(1)
    expect(lines[0]?.trimEnd().includes('\n')).toBe(false)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '2026-11-23T08:00:00.000Z',
      level: 'warn',
      message: 'folder unreadable',
      path: '/home/a\\u{a}b\\u{202e}\\u{1b}[2J',
      count: 3,
    })
  })

  it('hides secrets, cuts long fields, and lets no field speak for the log', () => {
    const { log, lines } = record('debug')

    log.info('enrolled', {
      agentToken: 'secret',
      Authorization: 'Bearer secret',
      path: 'x'.repeat(9000),
      level: 'none',
    })

    expect(lines[0]).not.toContain('secret')
    expect(lines[0]?.length).toBeLessThan(3000)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info' })
  })

  it('drops what is below its level', () => {
    const { log, lines } = record('warn')

    log.debug('a')
    log.info('b')
    log.error('c')

    expect(lines).toHaveLength(1)
  })
})
