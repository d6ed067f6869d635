// A runtime as a CycloneDX 1.6 component of type application. Process ids, users and command lines stay out: an audit needs what runs, not who.
import { printable } from '../../contract/printable.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { CONFIDENCE_NUMBERS, gapLine, properties, reference } from './bom-parts.ts'
import type { Component } from './model-component.ts'

/** Renders one runtime. */
export function runtimeComponent(runtime: Runtime): Component {
  const { identification, executable } = runtime
  const evidence = {
    ...identityOf(runtime),
    ...(executable === null ? {} : { occurrences: [{ location: printable(executable.path) }] }),
  }
  return {
    type: 'application',
    'bom-ref': reference('runtime', runtime.runtimeKey),
    name: printable(identification?.product ?? runtime.name),
    ...(Object.keys(evidence).length === 0 ? {} : { evidence }),
    properties: properties([
      ['runtime-key', runtime.runtimeKey],
      ['process-name', runtime.name],
      ['activity', runtime.activity],
      ['simulated', runtime.simulated],
      ['identification', identification === null ? null : `${identification.confidence}: ${identification.entryId}`],
      ...runtime.listeners.map(
        ({ protocol, address, port, scope }) => ['listener', `${protocol} ${address} ${port} ${scope}`] as const,
      ),
      ...runtime.weights.map(
        ({ path, how, isDeleted }) => ['weights', `${how}${isDeleted ? ' (unlinked)' : ''} ${path}`] as const,
      ),
      ...runtime.gaps.map((gap) => ['gap', gapLine(gap)] as const),
    ]),
  }
}

function identityOf({ identification }: Runtime): Component {
  if (identification === null) return {}
  const confidence = CONFIDENCE_NUMBERS[identification.confidence]
  const methods = identification.evidence.map(({ kind, detail }) => ({
    technique:
      kind === 'binary-content' ? 'binary-analysis' : kind === 'executable-path' ? 'filename' : 'dynamic-analysis',
    confidence,
    value: printable(`${kind}: ${detail}`),
  }))
  const identity = {
    field: 'name',
    confidence,
    concludedValue: printable(identification.product),
    ...(methods.length === 0 ? {} : { methods }),
  }
  return { identity: [identity] }
}
