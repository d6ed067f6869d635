// The inventory of what is installed: with whole sweeps only, so what counts is its processor time. Measured over a made system of a
// well-filled workstation (5,000 dpkg packages, 20 Python environments of 300 packages, 200 containers, 100 extensions) and over this one.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openPack } from '../agent/rule-pack.ts'
import { senseInventory } from '../agent/sense-inventory.ts'
import type { Pack } from '../rules/pack.ts'
import type { Measurement } from './measurement.ts'
import { cpuMs, times } from './processor-time.ts'

const RUNS = 5
const ENVIRONMENTS = 20
const PACKAGES_EACH = 300
const DPKG_PACKAGES = 5_000
const CONTAINERS = 200
const EXTENSIONS = 100

/** Measures the inventory; nothing where /proc is missing. */
export async function measure(): Promise<readonly Measurement[]> {
  if (process.platform !== 'linux') return []
  const pack = openPack()
  if (!pack.ok) throw new Error(pack.failure.detail)
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-inventory-')))
  try {
    plant(root)
    return await compare(root, pack.value)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

async function compare(root: string, pack: Pack): Promise<readonly Measurement[]> {
  const request = { platform: 'linux', pack, excludes: [], ownPlaces: [] } as const
  const homes = [join(root, 'home/ann')]
  const made = () => senseInventory({ ...request, homes, root, signal: new AbortController().signal })
  const here = () => senseInventory({ ...request, signal: new AbortController().signal })
  const found = (await made()).installations.length
  const madeMs = (await cpuMs(() => times(RUNS, made))) / RUNS
  await here()
  const hereMs = (await cpuMs(() => times(RUNS, here))) / RUNS
  return [
    { name: 'products found in the made system', value: found, unit: 'products' },
    { name: 'its inventory', value: madeMs, unit: 'ms CPU' },
    { name: 'the inventory of this machine', value: hereMs, unit: 'ms CPU' },
  ]
}

function plant(root: string): void {
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const metadata = (name: string): string =>
    `Metadata-Version: 2.4\nName: ${name}\nVersion: 1.2.3\nSummary: ${'x'.repeat(2_000)}\n\n${'y'.repeat(8_000)}\n`
  for (let environment = 0; environment < ENVIRONMENTS; environment += 1) {
    const site = `home/ann/work-${environment}/.venv/lib/python3.12/site-packages`
    for (let number = 0; number < PACKAGES_EACH; number += 1) {
      put(`${site}/package_${number}-1.2.3.dist-info/METADATA`, metadata(`package-${number}`))
    }
    put(`${site}/vllm-0.6.3.dist-info/METADATA`, metadata('vllm'))
  }
  const stanza = (number: number): string =>
    `Package: package-${number}\nStatus: install ok installed\nVersion: 1.${number}\nDescription: ${'z'.repeat(1_000)}\n\n`
  put('var/lib/dpkg/status', Array.from({ length: DPKG_PACKAGES }, (_, number) => stanza(number)).join(''))
  for (let number = 0; number < CONTAINERS; number += 1) {
    const id = number.toString(16).padStart(64, '0')
    const config = { Config: { Image: `shop/part-${number}:1`, Labels: { a: 'b' }, Env: ['X='.padEnd(4_000, 'x')] } }
    put(`var/lib/docker/containers/${id}/config.v2.json`, JSON.stringify(config))
  }
  for (let number = 0; number < EXTENSIONS; number += 1) {
    const manifest = { publisher: 'maker', name: `extension-${number}`, version: '1.0.0' }
    put(`home/ann/.vscode/extensions/maker.extension-${number}-1.0.0/package.json`, JSON.stringify(manifest))
  }
}
