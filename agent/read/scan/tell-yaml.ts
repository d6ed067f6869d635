// Tells what a configuration in YAML has made when it is loaded.
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'
import { findYamlObjects } from './yaml-objects.ts'

/** `format`: of which kind of model the configuration is; rules ask more of some than of others. */
export function tellYaml(
  bytes: Uint8Array,
  format: string,
  member: string | undefined,
  report: LoadReport,
  gaps: GapList,
): void {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  const { found, isWhole } = findYamlObjects(source)
  if (!isWhole) {
    gaps.note('GNO_READ_LIMIT', `scan: ${member ?? 'the configuration'} makes too many objects`)
    report.break()
  }
  for (const { key, name, at, near } of found) {
    report.tell({
      kind: 'configured-object',
      name: key === 'tag' ? `yaml-tag.${name}` : name,
      shown: near,
      facts: { format, key, ...(key === 'tag' ? { tag: name.slice(0, 256) } : {}) },
      ...(member === undefined ? {} : { member }),
      at: Buffer.byteLength(source.slice(0, at)),
    })
  }
}
