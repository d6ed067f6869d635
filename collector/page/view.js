// Building blocks of the page. Every text from an endpoint goes in as a text node; nothing is ever parsed as HTML.

/** The characters of contract/printable.ts: controls, format characters, separators, lone surrogates, and what is drawn as nothing (CWE-1007). */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

/** An element. Attributes are set as attributes; only `on` takes listeners. Children are nodes or texts. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  const { on: listeners = {}, ...plain } = attributes
  for (const [type, listener] of Object.entries(listeners)) element.addEventListener(type, listener)
  for (const [name, value] of Object.entries(plain)) {
    if (value !== undefined && value !== null && value !== false)
      element.setAttribute(name, value === true ? '' : value)
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue
    if (child instanceof Node) element.append(child)
    else element.append(...safe(String(child)))
  }
  return element
}

/** A text as nodes in which characters that deceive the eye are visible. */
export function safe(value) {
  if (!UNSAFE.test(value)) return [document.createTextNode(value)]
  const nodes = []
  let plain = ''
  for (const character of value) {
    if (!UNSAFE.test(character)) {
      plain += character
      continue
    }
    nodes.push(document.createTextNode(plain), control(character))
    plain = ''
  }
  return [...nodes, document.createTextNode(plain)]
}

/** The same for where only a text can stand, such as a title. */
function visible(value) {
  return [...value].map((character) => (UNSAFE.test(character) ? codePoint(character) : character)).join('')
}

function codePoint(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}

function control(character) {
  const code = codePoint(character)
  const mark = document.createElement('span')
  mark.className = 'control'
  mark.title = `invisible character ${code}`
  mark.textContent = code
  return mark
}

/** A long path or digest: whole in the title, both ends on the page. */
export function mono(value, width = 72) {
  const short =
    value.length <= width
      ? value
      : `${value.slice(0, Math.floor(width / 3))}…${value.slice(-Math.floor((width * 2) / 3))}`
  return h('span', { class: 'mono', title: visible(value.slice(0, 2000)) }, short)
}

export function severity(word) {
  return h('span', { class: `severity ${word}` }, word)
}

export function badge(word, kind = '') {
  return h('span', { class: `badge ${kind}` }, word)
}

export function simulatedBadge(isSimulated) {
  return isSimulated ? badge('fire drill', 'drill') : null
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']
export function bytes(count) {
  let value = count
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

export function count(value) {
  return value.toLocaleString('en-GB')
}

export function parameters(value) {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} billion`
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} million` : count(value)
}

const SPANS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
]
/** How long ago, with the instant itself on hover and for assistive technology. */
export function when(instant) {
  if (instant === null || instant === undefined) return h('span', { class: 'quiet' }, 'never')
  const seconds = Math.max(0, (Date.now() - Date.parse(instant)) / 1000)
  const span = SPANS.find(([length]) => seconds >= length)
  const text = span === undefined ? 'just now' : `${Math.floor(seconds / span[0])} ${span[1]} ago`
  return h('time', { datetime: instant, title: instant.replace('T', ' ') }, text)
}

/** What `show` makes of each item. One that cannot be shown says so in its place: one bad row must never blank a list. */
export function each(items, show) {
  return items.map((item) => {
    try {
      return show(item)
    } catch (error) {
      return h('span', { class: 'notice caution' }, `This entry cannot be shown: ${error.message}`)
    }
  })
}

/** A table with a caption for screen readers; rows are arrays of cells, or one node across all columns. */
export function table(caption, columns, rows) {
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', {}, caption),
      h('thead', {}, h('tr', {}, ...columns.map((column) => h('th', { scope: 'col' }, column)))),
      h('tbody', {}, ...rows.map((cells) => h('tr', {}, ...tableCells(cells, columns.length)))),
    ),
  )
}

function tableCells(cells, width) {
  return Array.isArray(cells) ? cells.map((cell) => h('td', {}, cell)) : [h('td', { colspan: width }, cells)]
}

export function facts(entries) {
  const known = entries.filter(([, value]) => value !== undefined && value !== null && value !== '')
  return h('dl', { class: 'facts' }, ...known.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]))
}

export function section(title, ...children) {
  return h('section', { class: 'card' }, h('h2', {}, title), ...children)
}

export function list(items) {
  return h('ul', {}, ...items.map((item) => h('li', {}, item)))
}

export function empty(title, text) {
  return h('div', { class: 'empty' }, h('p', { class: 'strong' }, title), h('p', { class: 'quiet' }, text))
}
