// Which collector addresses are acceptable: https anywhere, plain http on loopback only, because the agent's token and
// what the machine runs would cross the network readable (CWE-319).
import { type Result, failed, success } from '../../contract/failure.ts'

const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/

/** Checks an address and gives it without a trailing slash. */
export function checkCollectorUrl(text: string): Result<string> {
  const expected = 'expected an address like https://collector.example:8443'
  if (!URL.canParse(text))
    return failed('GNO_SETTINGS_INVALID', `collectorUrl "${text}" is not an address; ${expected}`)
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return failed('GNO_SETTINGS_INVALID', `collectorUrl has the protocol "${url.protocol}"; ${expected}`)
  if (url.username !== '' || url.password !== '')
    return failed('GNO_SETTINGS_INVALID', `collectorUrl carries a user name or password; ${expected}`)
  if (url.search !== '' || url.hash !== '')
    return failed('GNO_SETTINGS_INVALID', `collectorUrl carries a query or fragment; ${expected}`)
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname))
    return failed(
      'GNO_SETTINGS_INVALID',
      `collectorUrl uses plain http to ${url.hostname}, which is allowed to loopback only`,
    )
  return success(url.href.replace(/\/+$/, ''))
}
