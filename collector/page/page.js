// The page: signs in with a token, asks the API, shows fleet, findings, hosts, models and runtimes. No build, nothing from elsewhere.
import { isRefusal, takeToken, token } from './api.js'
import { finding } from './finding.js'
import { overview } from './findings.js'
import { hosts, models, runtimes } from './fleet.js'
import { host } from './host.js'
import { h } from './view.js'

const REFRESH_MS = 15_000
const main = document.getElementById('main')
const sections = document.getElementById('sections')
const leave = document.getElementById('leave')
const freshness = document.getElementById('freshness')

/** The token never stays in the address bar, where it would be kept in the history and shown over the shoulder. */
function takeTokenFromAddress() {
  const rest = takeToken(location.hash)
  if (rest !== null) history.replaceState(null, '', `${location.pathname}#${rest}`)
}

function signIn(message) {
  const submit = (event) => {
    event.preventDefault()
    token.keep(event.target.elements.token.value.trim())
    void show()
  }
  return [
    h(
      'form',
      { class: 'card signin', on: { submit } },
      h('h1', {}, 'Sign in'),
      message === '' ? null : h('p', { class: 'notice alarm', role: 'alert' }, message),
      h(
        'label',
        {},
        'Admin token',
        h('input', { type: 'password', name: 'token', autocomplete: 'off', required: true, autofocus: true }),
      ),
      h(
        'p',
        { class: 'quiet' },
        'It is in the file admin-token of the collector’s state folder, and in the address that “gnomon-collector serve” prints on a terminal.',
      ),
      h('button', { type: 'submit' }, 'Sign in'),
    ),
  ]
}

// ---- routing and refreshing ---------------------------------------------------------------------------------------

function route() {
  const [path, search = ''] = location.hash.replace(/^#/, '').split('?')
  const parameters = new URLSearchParams(search)
  const [, name = '', id = ''] = path.split('/')
  const key = decodeURIComponent(id)
  if (name === 'finding') return () => finding(key, parameters)
  if (name === 'host') return () => host(key)
  if (name === 'hosts') return () => hosts(parameters)
  if (name === 'models') return () => models(parameters)
  if (name === 'runtimes') return () => runtimes(parameters)
  return () => overview(parameters)
}

let shown = ''
let turn = 0

/** Shows what the address names. A refresh keeps an open detail, the scroll position and a field that is being typed in. */
async function show() {
  const mine = ++turn
  const isSignedIn = token.read() !== ''
  try {
    const nodes = isSignedIn ? await route()() : signIn('')
    if (mine !== turn) return
    place(nodes, isSignedIn)
    freshness.textContent = isSignedIn ? `updated ${new Date().toLocaleTimeString('en-GB')}` : ''
  } catch (error) {
    if (mine === turn) explain(error)
  }
}

function explain(error) {
  if (isRefusal(error)) {
    token.drop()
    place(signIn('This token is not accepted here.'), false)
    return
  }
  if (shown === location.hash) {
    freshness.textContent = 'the collector does not answer; showing the last state'
    return
  }
  const said = error instanceof TypeError ? 'The collector does not answer.' : error.message
  const back = h('p', {}, h('a', { href: '#/' }, '← Findings'))
  place([h('p', { class: 'notice alarm', role: 'alert' }, said), back], true)
}

function place(nodes, isSignedIn) {
  const isRefresh = shown === location.hash
  const opened = isRefresh ? [...main.querySelectorAll('details')].map((one) => one.open) : []
  main.replaceChildren(...nodes.filter((node) => node !== null))
  for (const [index, one] of [...main.querySelectorAll('details')].entries()) one.open = opened[index] ?? false
  sections.hidden = !isSignedIn
  leave.hidden = !isSignedIn
  const current = location.hash.split('?')[0] || '#/'
  for (const link of sections.children) {
    if (link.getAttribute('href') === current) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  document.title = `${main.querySelector('h1')?.textContent ?? 'Gnomon'} · Gnomon`
  if (!isRefresh && shown !== '') {
    main.focus({ preventScroll: true })
    scrollTo(0, 0)
  }
  shown = isSignedIn ? location.hash : ''
}

leave.addEventListener('click', () => {
  token.drop()
  void show()
})
addEventListener('hashchange', () => {
  takeTokenFromAddress()
  void show()
})
setInterval(() => {
  const isBusy = document.hidden || ['INPUT', 'SELECT'].includes(document.activeElement?.tagName ?? '')
  if (!isBusy && token.read() !== '') void show()
}, REFRESH_MS)
takeTokenFromAddress()
void show()
