// The token of the page and its links: what is taken from an address, and what is put into one.
import { beforeEach, describe, expect, it } from '@jest/globals'
import { ask, findingLink, isRefusal, query, takeToken, token } from '../../../collector/page/api.js'
import { startCollector, temporaryFolder } from '../running-collector.ts'
import { fetchFrom, installFakePage } from './fake-page.ts'

beforeEach(() => installFakePage())

describe('an address with a token', () => {
  it.each([
    ['#token=gno_admin_abc-1', '/'],
    ['#token=gno_admin_abc-1&at=/finding/fnd1%3Aa?host=h', '/finding/fnd1%3Aa?host=h'],
  ])('%s gives it up for the address %s', (hash, rest) => {
    expect(takeToken(hash)).toBe(rest)
    expect(token.read()).toBe('gno_admin_abc-1')
  })

  it.each(['', '#/', '#/hosts?token=x', '#token=', '#token=a b', '#token=a&at=https://evil.example', '#x&token=a'])(
    'is not what "%s" is',
    (hash) => {
      expect(takeToken(hash)).toBeNull()
      expect(token.read()).toBe('')
    },
  )
})

describe('a link', () => {
  it('keeps a hostile id in its own place', () => {
    const link = findingLink({ findingId: 'a/../?b=#c"<>', hostId: 'h&host=other' })

    expect(link).toBe('#/finding/a%2F..%2F%3Fb%3D%23c%22%3C%3E?host=h%26host%3Dother')
  })

  it('leaves empty values out', () => {
    expect(query({ a: '', b: undefined, c: null, d: 'x y' })).toBe('?d=x+y')
    expect(query({})).toBe('')
  })
})

describe('asking', () => {
  it('sends the token, tells a refusal from other trouble, and forgets a dropped token', async () => {
    const folder = temporaryFolder()
    const collector = await startCollector(folder.path)
    const undo = fetchFrom(collector.url)
    token.keep(collector.adminToken)

    const summary = await ask('summary')
    const missing: unknown = await ask('hosts/none').catch((error: unknown) => error)
    token.drop()
    const refused: unknown = await ask('summary').catch((error: unknown) => error)

    undo()
    await collector.stop()
    folder.remove()
    expect(summary).toMatchObject({ hosts: { enrolled: 0 } })
    expect(missing).toMatchObject({ message: 'GNO_NOT_FOUND: no host has this id' })
    expect([isRefusal(missing), isRefusal(refused)]).toEqual([false, true])
  })
})
