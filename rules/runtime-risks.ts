// What is dangerous about a running product beside the model: a version with a published weakness, and switches that take an
// agent's guard away. Pure; both lists are data of the product's entry.
import type { RiskySwitch, Vulnerable } from '../contract/product-facts.ts'
import type { RuntimeEntry } from '../contract/rule-pack.ts'
import { readCommandWords } from './command-words.ts'
import { compareVersions } from './compare-versions.ts'

/** Weaknesses that this version has. An unknown version, or one that cannot be compared, has none. */
export function vulnerabilitiesOf(entry: RuntimeEntry, version: string | null | undefined): readonly Vulnerable[] {
  if (version === null || version === undefined) return []
  return (entry.vulnerable ?? []).filter(({ from, below }) => {
    if (!isOlder(version, below)) return false
    if (from === undefined) return true
    const sinceFirst = compareVersions(version, from)
    return sinceFirst !== null && sinceFirst >= 0
  })
}

function isOlder(version: string, below: string): boolean {
  const difference = compareVersions(version, below)
  return difference !== null && difference < 0
}

/** Risky switches of this product on a redacted command line. */
export function riskySwitchesOf(entry: RuntimeEntry, commandLine: readonly string[]): readonly RiskySwitch[] {
  const { switches } = readCommandWords(commandLine)
  return (entry.riskySwitches ?? []).filter(({ switch: name, value }) => {
    const values = switches.get(name)
    return values !== undefined && (value === undefined || values.includes(value))
  })
}
