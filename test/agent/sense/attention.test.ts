// Signs that somebody is not to be disturbed, read from files as Linux writes them.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type AttentionPlaces, signsOfAttention } from '../../../agent/sense/attention.ts'
import { makeFolder, removeFolder } from '../report/sample-sweep.ts'

let folder = ''
let places: AttentionPlaces
beforeEach(() => {
  folder = makeFolder()
  places = { sound: join(folder, 'asound'), camera: join(folder, 'refcnt'), inhibitors: join(folder, 'inhibit') }
})
afterEach(() => removeFolder(folder))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const RUNNING = 'state: RUNNING\nowner_pid   : 812\ntrigger_time: 1.0\n'
const inhibitor = (what: string, mode: string): string =>
  `# This is private data. Do not parse.\nWHAT=${what}\nMODE=${mode}\nUID=1000\nPID=812\nWHO=Firefox\nWHY=video-playing\nFIFO=/run/x\n`

describe('signs of attention', () => {
  it('are none on a machine that tells nothing', () => {
    expect(signsOfAttention(places)).toEqual([])
  })

  it('are a microphone that records, not a loudspeaker that plays', () => {
    put('asound/card0/pcm0p/sub0/status', RUNNING)
    put('asound/card0/pcm0c/sub0/status', 'closed\n')
    expect(signsOfAttention(places)).toEqual([])

    put('asound/card1/pcm2c/sub0/status', RUNNING)
    expect(signsOfAttention(places)).toEqual(['a microphone in use'])
  })

  it('are a camera that is open', () => {
    put('refcnt', '0\n')
    expect(signsOfAttention(places)).toEqual([])

    put('refcnt', '1\n')
    expect(signsOfAttention(places)).toEqual(['a camera in use'])
  })

  it.each([
    ['idle', 'block', true],
    ['sleep:idle', 'block', true],
    ['sleep', 'block', false],
    ['handle-lid-switch', 'block', false],
    ['idle', 'delay', false],
  ])('are an inhibitor of %s that means %s: %s', (what, mode, isSign) => {
    put('inhibit/4', inhibitor(what, mode))
    put('inhibit/4.ref', inhibitor('idle', 'block'))

    expect(signsOfAttention(places)).toEqual(isSign ? ['a screen kept awake'] : [])
  })

  it('are not read through links, nor far into a large file', () => {
    put('elsewhere', inhibitor('idle', 'block'))
    mkdirSync(join(folder, 'inhibit'))
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'inhibit/1'))
    put('inhibit/2', `${'x'.repeat(5_000)}\n${inhibitor('idle', 'block')}`)

    expect(signsOfAttention(places)).toEqual([])
  })
})
