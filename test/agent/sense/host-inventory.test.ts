import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type HostCapture, hostInventory } from '../../../agent/sense/host-inventory.ts'
import type { HostObservation } from '../../../contract/observation.ts'

const file = join(import.meta.dirname, '../../corpus/sense/any/host.json')
const recorded = (JSON.parse(readFileSync(file, 'utf8')) as { readonly capture: HostCapture }).capture

function hostOf(change: Partial<HostCapture>): HostObservation {
  const [seen] = hostInventory.interpret({ ...recorded, ...change }).observations
  if (seen?.kind !== 'host') throw new Error('no host was seen')
  return seen
}

describe('hostInventory', () => {
  it('names the distribution by os-release and the processor by Node', () => {
    const { operatingSystem, processor } = hostOf({})

    expect(operatingSystem).toMatchObject({ platform: 'linux', name: 'Debian GNU/Linux', version: '12' })
    expect(processor).toEqual({ model: 'AMD EPYC', cores: 2 })
  })

  it('names another system by what Node tells alone', () => {
    const basics = { ...recorded.basics, systemName: 'Windows 11 Pro', kernel: '10.0.22631' }

    const { operatingSystem } = hostOf({ platform: 'win32', basics, release: null })

    expect(operatingSystem).toMatchObject({ platform: 'win32', name: 'Windows 11 Pro', version: '10.0.22631' })
  })

  it('keeps the name of the kernel and tells a gap where no os-release can be read', () => {
    const capture = { ...recorded, release: { trouble: 'not there' } }

    const { gaps } = hostInventory.interpret(capture)

    expect(hostOf(capture).operatingSystem).toMatchObject({ name: 'Linux', version: '' })
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED', place: 'host inventory: release' }])
  })

  it('takes the processor of the library where the kernel names none', () => {
    const basics = { ...recorded.basics, processor: 'unknown' }

    const { processor } = hostOf({ basics, processor: { value: { manufacturer: 'ARM', brand: 'Neoverse-N1' } } })

    expect(processor.model).toBe('ARM Neoverse-N1')
  })
})
