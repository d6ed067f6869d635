// Runs a piece of our code as a user without rights, or with a few chosen capabilities: what root does not need, and what a
// refusal looks like. Only root can do so (setpriv(1) of util-linux).
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const SETPRIV = '/usr/bin/setpriv'
/** nobody of every distribution. */
const NOBODY = 65_534
const ROOT = join(import.meta.dirname, '../..')

/** Why rights cannot be dropped here; null when they can. */
export function whyNotUnprivileged(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can become another user'
  if (!existsSync(SETPRIV)) return 'setpriv of util-linux is not installed'
  const reads = spawnSync(SETPRIV, [...asNobody([]), '/usr/bin/test', '-r', join(ROOT, 'package.json')])
  return reads.status === 0 ? null : 'another user cannot read this checkout'
}

/** Arguments of setpriv before the program: nobody, with these capabilities and no others. */
export function asNobody(capabilities: readonly string[]): readonly string[] {
  const chosen = ['-all', ...capabilities.map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`)].join(',')
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  return [...user, `--bounding-set=${chosen}`, `--inh-caps=${chosen}`, `--ambient-caps=${chosen}`, '--']
}

/** Runs a module text that imports from the root of the checkout (`@/agent/…`) and prints one line of JSON. */
export function runUnprivileged(capabilities: readonly string[], source: string): unknown {
  const script = source.replaceAll("'@/", `'${ROOT}/`)
  const node = [process.execPath, '--experimental-strip-types', '--no-warnings', '--input-type=module', '-e', script]
  return JSON.parse(execFileSync(SETPRIV, [...asNobody(capabilities), ...node], { encoding: 'utf8' })) as unknown
}
