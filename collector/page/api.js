// Asking the collector: the API with the token of this session, and the addresses of the page itself.
import { h } from './view.js'

const TOKEN_KEY = 'gnomon-token'

/** The token of this tab; gone when the tab is closed. */
export const token = {
  read: () => sessionStorage.getItem(TOKEN_KEY) ?? '',
  keep: (value) => sessionStorage.setItem(TOKEN_KEY, value),
  drop: () => sessionStorage.removeItem(TOKEN_KEY),
}

/** Keeps the token of an address `#token=…&at=/…` and gives the address to go on with; null when it carries none. */
export function takeToken(hash) {
  const match = /^#token=([\w-]+)(?:&at=(\/.*))?$/.exec(hash)
  if (match === null) return null
  token.keep(match[1])
  return match[2] ?? '/'
}

/** Whether an error says that the collector does not accept the token. */
export const isRefusal = (error) => error.status === 401

/** One answer of the API. */
export async function ask(path) {
  const answer = await fetch(`/api/v1/${path}`, {
    headers: { authorization: `Bearer ${token.read()}` },
  })
  if (answer.status === 401) throw Object.assign(new Error('the token is not accepted'), { status: 401 })
  const body = await answer.json()
  if (!answer.ok) throw new Error(`${body.code}: ${body.detail}`)
  return body
}

/** A text as one part of an address; half a surrogate pair, which no address can hold, becomes U+FFFD. */
export const encode = (value) => encodeURIComponent(String(value).toWellFormed())

/** A query string without empty values. */
export const query = (values) => {
  const known = Object.entries(values).filter(([, value]) => value !== '' && value !== undefined && value !== null)
  return known.length === 0 ? '' : `?${new URLSearchParams(known)}`
}
export const findingLink = ({ findingId, hostId }) => `#/finding/${encode(findingId)}${query({ host: hostId })}`
export const hostLink = (hostId) => `#/host/${encode(hostId)}`

/** The way to the next page of a list. */
export function pager(parameters, next) {
  if (next === null) return null
  const following = new URLSearchParams(parameters)
  following.set('cursor', next)
  return h('p', {}, h('a', { href: `${location.hash.split('?')[0]}?${following}` }, 'Next page →'))
}
