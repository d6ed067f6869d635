// Opens the compiled rule pack that lies beside the program. No YAML parser and no rule source ships to an endpoint.
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Result, failed } from '../contract/failure.ts'
import { type Pack, readPack } from '../rules/pack.ts'

/** Where the build puts the pack: dist/rules/pack.json, seen from dist/agent/. */
const SHIPPED_PACK = fileURLToPath(new URL('../rules/pack.json', import.meta.url))

/** A pack of 10,081 digests and 100 entries is about 2 MB; forty times that is a mistake or an attack (CWE-770). */
const MAX_PACK_BYTES = 80 * 1024 * 1024

/** Loads and checks the pack. Fails with GNO_PACK_INVALID. */
export function openPack(path: string = SHIPPED_PACK): Result<Pack> {
  let document: unknown
  try {
    const { size } = statSync(path)
    if (size > MAX_PACK_BYTES) return failed('GNO_PACK_INVALID', `${path} has ${size} bytes, limit ${MAX_PACK_BYTES}`)
    document = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    return failed('GNO_PACK_INVALID', `${path} cannot be read`, error)
  }
  return readPack(document)
}
