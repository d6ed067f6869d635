// Whether an agent that runs is pointed at a model of this machine: by its command line, by variables of its environment, by its
// settings. Pure. Of a variable only arrives whether it leads to this machine; its value stays where it was read.
import type { RuntimeEntry } from '../contract/rule-pack.ts'
import { isLoopback } from './agent-config.ts'
import { readCommandWords } from './command-words.ts'

/** What the value of a variable says, and all that is kept of it. */
export type Whereto = 'local' | 'elsewhere'

export interface LocalEndpoint {
  /** Null: nothing tells. */
  readonly pointsAtLocalModel: boolean | null
  readonly because: readonly string[]
}

/** Variables that tell it for this product; empty: its environment is nobody's business. */
export function variablesOf(entry: RuntimeEntry): ReadonlySet<string> {
  return new Set((entry.localEndpoint ?? []).flatMap(({ environment }) => environment ?? []))
}

/** Judges one value where it is read: by the words of the entry, or, without any, by whether it is an address of this machine. */
export function judgeVariable(entry: RuntimeEntry, name: string, value: string): Whereto {
  const isLocal = (entry.localEndpoint ?? []).some((way) => {
    if (way.environment !== name) return false
    return way.value === undefined ? isLoopback(value) : begins(value, way.value)
  })
  return isLocal ? 'local' : 'elsewhere'
}

/** What command line, variables and settings say together: one that leads to this machine is enough. */
export function localEndpointOf(
  entry: RuntimeEntry,
  commandLine: readonly string[],
  variables: ReadonlyMap<string, Whereto>,
  settings: LocalEndpoint,
): LocalEndpoint {
  const { switches } = readCommandWords(commandLine)
  const because: string[] = []
  for (const { switch: name, environment, value, says } of entry.localEndpoint ?? []) {
    const given = name === undefined ? undefined : switches.get(name)
    const isGiven = given !== undefined && (value === undefined || given.some((each) => begins(each, value)))
    if (isGiven) because.push(`${name ?? ''} on its command line: ${says}`)
    const whereto = environment === undefined ? undefined : variables.get(environment)
    if (whereto === 'local') because.push(`${environment ?? ''} in its environment leads to this machine: ${says}`)
  }
  const isLocal = because.length > 0 || settings.pointsAtLocalModel === true
  const isElsewhere = [...variables.values()].includes('elsewhere') || settings.pointsAtLocalModel === false
  return {
    pointsAtLocalModel: isLocal ? true : isElsewhere ? false : null,
    because: [...because, ...(settings.pointsAtLocalModel === true ? settings.because : [])],
  }
}

function begins(value: string, words: string | readonly string[]): boolean {
  return (typeof words === 'string' ? [words] : words).some((word) => value.startsWith(word))
}
