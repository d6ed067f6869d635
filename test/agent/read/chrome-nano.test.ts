// Built-in models of browsers: known by the manifest's content, never by the name of the weights alone.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import { buildSafetensors } from '../../build-safetensors.ts'
import { builtInManifest } from '../../build-side-files.ts'
import { inspectFile } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-nano-'))
afterAll(() => rmSync(root, { recursive: true }))
const OPAQUE = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 73 + 41) & 0xff))

function weightsIn(files: Readonly<Record<string, Uint8Array | string>>, weights: Uint8Array = OPAQUE): string {
  const folder = mkdtempSync(join(root, 'component-'))
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  writeFileSync(join(folder, 'weights.bin'), weights)
  return join(folder, 'weights.bin')
}

const CONFIG = { 'on_device_model_execution_config.pb': '\n\u0002\b\u0001' }

it('names the model that the manifest beside the weights describes', async () => {
  const { format, verdict, fingerprint } = await inspectFile(
    weightsIn({ ...CONFIG, 'manifest.json': builtInManifest() }),
  )

  expect({ format, verdict }).toEqual({ format: 'chrome-nano', verdict: 'unchecked' })
  expect(fingerprint.claims).toMatchObject({ name: 'v3Nano', version: '2025.06.30.1229' })
})

it.each<readonly [string, Readonly<Record<string, Uint8Array | string>>]>([
  ['nothing', {}],
  ["another component's manifest", { ...CONFIG, 'manifest.json': '{"manifest_version": 2, "name": "x"}' }],
  ['a manifest and no execution configuration', { 'manifest.json': builtInManifest() }],
])('does not name weights.bin beside %s', async (_, files) => {
  expect((await inspectFile(weightsIn(files))).format).toBeNull()
})

it('leaves a known container its own name', async () => {
  const weights = buildSafetensors({ tensors: [{ name: 'w', dtype: 'F32', shape: [2] }] })

  expect((await inspectFile(weightsIn({ ...CONFIG, 'manifest.json': builtInManifest() }, weights))).format).toBe(
    'safetensors',
  )
})
