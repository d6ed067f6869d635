import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { touchedPlaces } from '../../agent/sense/sensors.ts'

const FILE = join(dirname(dirname(import.meta.dirname)), 'ASSURANCE.md')
const BEGIN = '<!-- sensors: begin -->\n'
const END = '<!-- sensors: end -->'

function renderSensors(): string {
  const sections = touchedPlaces().map(({ id, platform, touches, collects }) => {
    const lines = [...collects.map((line) => `- collects: ${line}`), ...touches.map((line) => `- touches: \`${line}\``)]
    return `### ${id} (${platform})\n${lines.join('\n')}\n`
  })
  return sections.join('\n')
}

describe('ASSURANCE.md', () => {
  it('tells exactly what the sensors declare that they touch and collect', () => {
    const text = readFileSync(FILE, 'utf8')
    const head = text.slice(0, text.indexOf(BEGIN) + BEGIN.length)
    const wanted = `${head}${renderSensors()}${text.slice(text.indexOf(END))}`
    if (process.env['GNOMON_WRITE_GOLDEN'] !== undefined) writeFileSync(FILE, wanted)

    const told = readFileSync(FILE, 'utf8')

    expect(told).toBe(wanted)
  })
})
