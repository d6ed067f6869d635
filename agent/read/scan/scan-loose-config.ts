// Configurations that no reader knows as weights and that act all the same: the architecture of a Keras model as a text of its own
// (model_from_json), and YAML that has Python called (PyYAML's unsafe loaders).
import { type Cursor, readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { Look } from '../look.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellKeras } from './tell-keras.ts'
import { tellYaml } from './tell-yaml.ts'

/** The largest architectures in text have 2 MB (CWE-789). */
const MAX_CONFIG_BYTES = 4_194_304
const EARLY_BYTES = 4_096
const KERAS = /^(?:\xef\xbb\xbf)?\s*\{[\s\S]*"class_name"\s*:\s*"(?:Sequential|Functional|Model|Network)"/
const YAML = /!!python\/object|tag:yaml\.org,2002:python\//

/** The scanner of loose configurations. */
export const scanLooseConfig: Scanner = { id: 'loose-config', formats: [], looksAt, scan }

type Seen = Pick<ScanContext, 'format' | 'look'>

function looksAt({ format, look }: Seen): boolean {
  return format === null && (isKeras(look) || isYaml(look))
}

function isKeras(look: Look): boolean {
  return KERAS.test(look.head.toString('latin1', 0, EARLY_BYTES))
}

function isYaml(look: Look): boolean {
  return /\.ya?ml$/i.test(look.name) && YAML.test(look.head.toString('latin1', 0, EARLY_BYTES))
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  if (cursor.size > MAX_CONFIG_BYTES) throw readTrouble('GNO_READ_LIMIT', `a configuration of ${cursor.size} bytes`)
  const text = cursor.copy(cursor.size)
  if (isYaml(context.look)) {
    tellYaml(text, 'yaml', undefined, report, gaps)
    return
  }
  const { scanNested } = context
  await tellKeras(text, { report, gaps, cursor, scanNested, container: 'hdf5', member: 'model_config' })
}
