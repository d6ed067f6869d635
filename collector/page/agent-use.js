// What the agent itself costs on a host, and its own trouble: what it measured in its last hour at most.
import { bytes, count, each, facts, h, mono } from './view.js'

const percent = (value) => `${value.toFixed(1)} %`
const rate = (value) => `${value >= 10 ? count(Math.round(value)) : value.toFixed(1)} /s`

/** Each measure as the agent names it: its name on the page, and how a value is written. */
const MEASURES = {
  processorPercent: ['processor, of all cores', percent],
  proportionalBytes: ['memory, its share', bytes],
  memoryBytes: ['memory, resident', bytes],
  filesPerSecond: ['files swept', rate],
  bytesPerSecond: ['bytes read', (value) => `${bytes(Math.round(value))}/s`],
  waitingFiles: ['changed files waiting', count],
  spoolReports: ['reports waiting', count],
}
/** The sensor by which the agent tells its own trouble (contract/report.ts). */
const OWN_SENSOR = 'agent'

/** Whether a gap is trouble of the agent itself. */
export const isOwn = ({ sensor }) => sensor === OWN_SENSOR

/** Costs, then trouble. A measure of a newer agent is shown under its own name. */
export function agentUse(machine, conditions) {
  return h('div', {}, costs(machine?.agent), troubles(conditions))
}

function costs(use) {
  if (use === undefined)
    return h('p', { class: 'quiet' }, 'Not measured: no agent runs here all the time, or it began just now.')
  const rows = use.measures.map(({ name, now, mean, peak }) => {
    const [label, say] = MEASURES[name] ?? [name, count]
    return [label, `${say(now)} (mean ${say(mean)}, peak ${say(peak)})`]
  })
  const minutes = Math.max(1, Math.round(use.seconds / 60))
  return h('div', {}, h('p', { class: 'quiet' }, `Of the last ${count(minutes)} min before its report.`), facts(rows))
}

function troubles(conditions) {
  if (conditions.length === 0) return h('p', { class: 'quiet' }, 'No trouble of its own.')
  return h('ul', { class: 'plainlist' }, ...each(conditions, trouble))
}

function trouble({ code, place, detail }) {
  return h('li', {}, h('strong', {}, code), ' ', mono(place, 40), h('div', { class: 'quiet' }, detail))
}
