// The exposition of the agent's figures, read by the grammar of OpenMetrics 1.0.0 (section "ABNF"), written out here for the parts in use.
import { describe, expect, it } from '@jest/globals'
import { MEASURES, type MeasureName } from '../../../agent/self/own-use.ts'
import { renderOpenMetrics } from '../../../agent/show/open-metrics.ts'

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const ESCAPED = String.raw`(?:[^\n"\\]|\\["\\n])*`
const LABELS = String.raw`\{[a-zA-Z_][a-zA-Z0-9_]*="${ESCAPED}"(?:,[a-zA-Z_][a-zA-Z0-9_]*="${ESCAPED}")*\}`
const NUMBER = String.raw`[-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?`
const LINE = new RegExp(
  `^(?:# (?<word>TYPE|UNIT|HELP) (?<family>${NAME}) (?<rest>${ESCAPED})|(?<sample>${NAME})(?:${LABELS})? ${NUMBER})$`,
)

const names = Object.keys(MEASURES).filter((name): name is MeasureName => name in MEASURES)
const source = {
  use: { seconds: 60, measures: names.map((name, at) => ({ name, now: at + 0.25, mean: 1e21, peak: 12 })) },
  version: '0.1.0',
  hostId: 'a "host" with \\ and\nline\u0007',
  conditions: ['GNO_AGENT_CLOCK', 'GNO_AGENT_BENCHED', 'GNO_AGENT_BENCHED'],
}

describe('the figures as OpenMetrics', () => {
  const lines = renderOpenMetrics(source).split('\n')

  it('end with the end mark and one line feed', () => {
    expect(lines.slice(-2)).toEqual(['# EOF', ''])
  })

  it('follow the grammar line by line', () => {
    expect(lines.slice(0, -2).filter((line) => !LINE.test(line))).toEqual([])
  })

  it('keep each family together, its TYPE first, its unit as the end of its name', () => {
    const families: string[] = []
    for (const line of lines.slice(0, -2)) {
      const { word, family, rest, sample } = LINE.exec(line)?.groups ?? {}
      if (word === 'TYPE') families.push(family ?? '')
      const current = families.at(-1) ?? ''
      if (word === 'UNIT') expect(family?.endsWith(`_${rest ?? ''}`)).toBe(true)
      expect(sample ?? family).toMatch(new RegExp(`^${current}(_info)?$`))
    }
    expect(new Set(families).size).toBe(families.length)
    expect(families).toHaveLength(Object.keys(MEASURES).length + 2)
  })

  it('escape what a label may not hold', () => {
    expect(lines).toContain(String.raw`gnomon_build_info{version="0.1.0",host="a \"host\" with \\ and\nline "} 1`)
  })

  it('count conditions by code', () => {
    expect(lines).toContain('gnomon_conditions{code="GNO_AGENT_BENCHED"} 2')
  })
})
