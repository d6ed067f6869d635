// One row that the page cannot show leaves all others as they are, whatever a collector answers.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { findingLink } from '../../../collector/page/api.js'
import { overview } from '../../../collector/page/findings.js'
import { hosts, models, runtimes } from '../../../collector/page/fleet.js'
import { installFakePage, made } from './fake-page.ts'

const real = globalThis.fetch
beforeEach(() => installFakePage())
afterEach(() => {
  globalThis.fetch = real
})

const AT = '2026-11-23T08:00:00.000Z'
const none = new URLSearchParams()
const SUMMARY = {
  hosts: { enrolled: 1, reporting: 1, stale: 0, never: 0, withGaps: 0 },
  countsOnly: {
    hosts: 0,
    numbers: {
      findings: { info: 0, low: 0, medium: 0, high: 0, critical: 0 },
      artifacts: 0,
      runtimes: 0,
      installations: 0,
    },
  },
  artifacts: { total: 0, distinct: 0 },
  runtimes: { total: 0, inference: 0 },
  findings: { open: { info: 0, low: 0, medium: 2, high: 0, critical: 0 }, simulatedOpen: 0, resolved: 0 },
}

function findingRow(title: string, change: object) {
  const subject = { kind: 'artifact', key: '/m' }
  const row = { findingId: 'f', hostId: 'h', hostName: 'h', title, severity: 'medium', confidence: 'likely', subject }
  return { ...row, status: 'open', simulated: false, firstSeenAt: AT, lastSeenAt: AT, ...change }
}

function answerWith(items: readonly unknown[]): void {
  globalThis.fetch = (path) =>
    Promise.resolve(Response.json(path === '/api/v1/summary' ? SUMMARY : { items, next: null }))
}

const textOf = (nodes: readonly (object | null)[]): string =>
  nodes.map((node) => (node === null ? '' : made(node).textContent)).join('\n')

describe('a bad row', () => {
  it('of the findings leaves the others there', async () => {
    answerWith([
      findingRow('first', { findingId: 'lone\ud800x', hostId: '\udfff' }),
      findingRow('second', { subject: null }),
      findingRow('third', {}),
    ])

    const text = textOf(await overview(new URLSearchParams()))

    for (const part of ['first', 'This entry cannot be shown', 'third']) expect(text).toContain(part)
  })

  const lists = [
    ['hosts', hosts],
    ['models', models],
    ['runtimes', runtimes],
  ] as const
  it.each(lists)('of the %s is told in its place', async (_name, list) => {
    answerWith([{}])

    expect(textOf(await list(none))).toContain('This entry cannot be shown')
  })

  it('of a list has an address all the same', () => {
    expect(findingLink({ findingId: 'lone\ud800x', hostId: 'h' })).toBe('#/finding/lone%EF%BF%BDx?host=h')
  })
})
