// The model that Chrome and Edge download for their built-in AI (chromium:components/optimization_guide, the component's manifest.json
// with a BaseModelSpec). weights.bin beside such a manifest is what it describes; where its bytes are those of a known container, that
// container's reader comes first.
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { readBeside } from './companion.ts'
import type { Cursor } from './cursor.ts'
import { JSON_OBJECT } from './first-bytes.ts'
import type { GapList } from './gap-list.ts'
import { topKeys } from './json-head.ts'
import { parseJsonTree } from './json-tree.ts'
import type { Look } from './look.ts'
import { type JsonMap, readJsonMap, sidePart, takeFact } from './side-file.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

const SPEC_KEY = 'BaseModelSpec'
/** The one name that the component gives its weights: worth asking the neighbour about, and no proof. */
const WEIGHTS_NAME = 'weights.bin'
const MANIFEST_NAME = 'manifest.json'
const EXECUTION_CONFIG = 'on_device_model_execution_config.pb'
/** The manifest is under 1 KB. */
const MAX_MANIFEST_BYTES = 65_536

/** The reader of browsers' built-in models. */
export const chromeNano: FormatReader = {
  id: 'chrome-nano',
  endings: [WEIGHTS_NAME, MANIFEST_NAME],
  certainty: 'structure',
  firstBytes: JSON_OBJECT,
  besideEndings: [WEIGHTS_NAME],
  recognise: (look) => topKeys(look).has(SPEC_KEY) || manifestBeside(look) !== null,
  read,
}

function manifestBeside(look: Look): JsonMap | null {
  if (look.name !== WEIGHTS_NAME || !look.siblings().includes(EXECUTION_CONFIG)) return null
  return readBeside(look, MANIFEST_NAME, (cursor) => {
    if (cursor.size > MAX_MANIFEST_BYTES) return null
    const tree = parseJsonTree(cursor.copy(cursor.size))
    return tree instanceof Map && tree.has(SPEC_KEY) ? tree : null
  })
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const beside = manifestBeside(look)
  const manifest = beside ?? readJsonMap(cursor, gaps)
  const facts = new Map<string, string | number | boolean>()
  if (manifest === undefined) return sidePart(facts)
  takeFact(facts, 'componentVersion', manifest.get('version'))
  const spec = manifest.get(SPEC_KEY)
  const [name, version] = ['name', 'version'].map((key): unknown => (spec instanceof Map ? spec.get(key) : undefined))
  const claims: Claims = {
    ...(typeof name === 'string' ? { name: name.slice(0, MAX_NAME_CHARS) } : {}),
    ...(typeof version === 'string' ? { version: version.slice(0, MAX_NAME_CHARS) } : {}),
  }
  if (beside === null) return sidePart(facts, { claims })
  gaps.note('GNO_READ_SKIPPED', 'the inside of the built-in model has no published layout')
  return sidePart(facts, { claims, holds: 'weights', headerBytes: cursor.size })
}
