// An installed product: what shows it, what is weak in it, and what its settings allow.
import { badge, each, facts, h, list, mono, when } from './view.js'

/** One product in one place. */
export function installationStory({ installation: told, firstSeenAt }) {
  const { product, version, confidence, scope, category, vulnerabilities, riskySettings } = told
  return h(
    'article',
    { class: 'story' },
    h('h3', {}, product, version === null ? '' : ` ${version}`, ' ', badge(confidence, confidence)),
    h(
      'p',
      { class: 'quiet' },
      `${category} · ${scope === 'system' ? 'on the system' : `in ${scope}`} · first seen `,
      when(firstSeenAt),
    ),
    weak(vulnerabilities),
    unguarded(riskySettings),
    facts([
      ['seen as', list(each(told.parts, part))],
      ['MCP servers', told.mcpServers.length > 0 ? list(each(told.mcpServers, server)) : null],
      ['local model', localWord(told.pointsAtLocalModel)],
    ]),
  )
}

function part({ source, name, version, place, isNameOnly }) {
  const known = version === null ? '' : ` ${version}`
  return h('span', {}, `${source} ${name}${known}${isNameOnly ? ' (by its name alone)' : ''} `, mono(place, 70))
}

function server({ name, how, reach, program, place }) {
  const what = how === 'program' ? `starts ${program ?? 'a program'}` : `${reach} address`
  return h('span', {}, h('strong', {}, name), ` ${what} `, mono(place, 60))
}

function weak(vulnerabilities) {
  if (vulnerabilities.length === 0) return null
  const told = vulnerabilities.map(({ id, severity, version, below, says }) =>
    h('span', {}, badge(severity, severity), ` ${id}: ${version} is older than ${below}; ${says}`),
  )
  return h('div', {}, h('h4', {}, 'Known weaknesses'), list(told))
}

function unguarded(settings) {
  if (settings.length === 0) return null
  const told = settings.map(({ setting, value, says, place }) =>
    h('span', {}, h('code', {}, `${setting} = ${value}`), ` ${says} `, mono(place, 60)),
  )
  return h('div', {}, h('h4', {}, 'Guards that are switched off'), list(told))
}

function localWord(answer) {
  if (answer === null) return null
  return answer ? 'its settings lead to a model of this machine' : 'its settings lead elsewhere'
}
