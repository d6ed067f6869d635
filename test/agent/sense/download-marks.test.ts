import { describe, expect, it } from '@jest/globals'
import {
  readAttributeDump,
  readAttributeNames,
  readQuarantine,
  readWhereFroms,
  readZoneIdentifier,
} from '../../../agent/sense/download-marks.ts'

describe('Zone.Identifier', () => {
  it('tells zone, address and referrer, and keeps the query of the address to itself', () => {
    const text =
      '[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://example.org/models\r\nHostUrl=https://example.org/m.gguf?token=s3cret\r\n'

    expect(readZoneIdentifier(Buffer.from(text))).toEqual([
      { mark: 'Zone.Identifier ZoneId', value: '3' },
      { mark: 'Zone.Identifier ReferrerUrl', value: 'https://example.org/models' },
      { mark: 'Zone.Identifier HostUrl', value: 'https://example.org/m.gguf?…' },
    ])
  })

  it.each([
    ['another text', 'ZoneId=3'],
    ['nothing', ''],
    ['unknown keys', '[ZoneTransfer]\nEvil=1\n__proto__=2'],
  ])('tells nothing of %s', (_what, text) => {
    expect(readZoneIdentifier(Buffer.from(text))).toEqual([])
  })

  it('escapes what would write on a terminal, and drops a name and password', () => {
    const text = '[ZoneTransfer]\nHostUrl=https://me:pw@host/\u001b[31mred'

    const [mark] = readZoneIdentifier(Buffer.from(text))

    expect(mark?.value).not.toContain('\u001b')
    expect(mark?.value).toContain('https://host/')
    expect(mark?.value).not.toContain('pw')
  })

  it.each([
    ['a token in the fragment', 'https://a.b/c#token=SECRET', 'https://a.b/c#…'],
    ['parameters of the path', 'https://a.b/c;token=SECRET?q=1', 'https://a.b/c;…'],
    ['a query without a path', 'https://a.b?token=SECRET', 'https://a.b?…'],
    ['a password in a scheme of odd letters', 'HTTPS:\\\\u:SECRET@a.b/c', 'https://a.b/c'],
    ['a password in front of a host without a path', 'ftp://u:SECRET@a.b', 'ftp://a.b'],
    ['an at sign in the path', 'https://a.b/@org/c', 'https://a.b/@org/c'],
    ['a drive of Windows', 'C:\\Users\\SECRET\\x.zip', 'a local path'],
    ['a share', '\\\\server\\SECRET', 'a local path'],
    ['a file address', 'file:///home/SECRET/x', 'a local path'],
    ['data in the address', 'data:text/plain,SECRET', 'another scheme'],
    ['a script', 'javascript:SECRET', 'another scheme'],
    ['a blob', 'blob:https://a.b/SECRET', 'another scheme'],
    ['a name alone', 'about:internet', 'another scheme'],
  ])('tells no more than server and path of %s', (_what, address, told) => {
    const [mark] = readZoneIdentifier(Buffer.from(`[ZoneTransfer]\nReferrerUrl=${address}\n`))

    expect(mark?.value).toBe(told)
    expect(mark?.value).not.toContain('SECRET')
  })
})

describe('com.apple.quarantine', () => {
  it('tells the program and the time', () => {
    expect(readQuarantine('0083;65a0f1c2;Safari;0A1B2C3D-0000-0000-0000-000000000000')).toEqual([
      { mark: 'com.apple.quarantine', value: 'by Safari at 2024-01-12T08:01:06.000Z' },
    ])
  })

  it.each(['', 'x', '00;00', '0083;zzzz;'])('does not fail on "%s"', (text) => {
    expect(readQuarantine(text).length).toBeLessThanOrEqual(1)
  })
})

describe('xattr -v', () => {
  it('gives the names of attributes by path; what was not asked is no path', () => {
    const listing =
      '/m/a: b.gguf: com.apple.quarantine\n/m/a: b.gguf: user.other\n/m/c: user.other\nxattr: odd\n/m: x\n'

    const names = readAttributeNames(listing, ['/m/a: b.gguf', '/m/c', '/m/d'])

    expect([...names]).toEqual([
      ['/m/a: b.gguf', new Set(['com.apple.quarantine', 'user.other'])],
      ['/m/c', new Set(['user.other'])],
    ])
  })
})

describe('getfattr', () => {
  it('gives marks by path, other attributes left out', () => {
    const url = Buffer.from('https://example.org/a.gguf').toString('base64')
    const dump = `# file: /m/a\\012b.gguf\nuser.xdg.origin.url=0s${url}\nuser.other=0s${url}\n\n# file: /m/c\n`

    const marks = readAttributeDump(dump)

    expect(marks.get('/m/a\nb.gguf')).toEqual([{ mark: 'user.xdg.origin.url', value: 'https://example.org/a.gguf' }])
    expect(marks.get('/m/c')).toEqual([])
  })

  it('tells nobody who sent a file by mail, and no fragment', () => {
    const encoded = (text: string): string => Buffer.from(text).toString('base64')
    const dump = `# file: /m/a\nuser.xdg.origin.email.from=0s${encoded('bob@corp.example')}\nuser.xdg.referrer.url=0s${encoded('https://a.b/c#access_token=x')}\n`

    expect(readAttributeDump(dump).get('/m/a')).toEqual([{ mark: 'user.xdg.referrer.url', value: 'https://a.b/c#…' }])
  })
})

/** A binary property list of one array of ASCII strings (CFBinaryPList). */
function propertyList(
  strings: readonly string[],
  lie: { readonly tableAt?: number; readonly count?: number } = {},
): string {
  const bodies = strings.map((text) =>
    text.length < 15
      ? Buffer.concat([Buffer.from([0x50 | text.length]), Buffer.from(text)])
      : Buffer.concat([Buffer.from([0x5f, 0x10, text.length]), Buffer.from(text)]),
  )
  const array = Buffer.from([0xa0 | (lie.count ?? strings.length), ...strings.map((_, index) => index + 1)])
  const objects = [array, ...bodies]
  let at = 8
  const offsets = objects.map((body) => {
    const place = at
    at += body.length
    return place
  })
  const trailer = Buffer.alloc(32)
  trailer[6] = 1
  trailer[7] = 1
  trailer.writeBigUInt64BE(BigInt(objects.length), 8)
  trailer.writeBigUInt64BE(BigInt(lie.tableAt ?? at), 24)
  return Buffer.concat([Buffer.from('bplist00'), ...objects, Buffer.from(offsets), trailer]).toString('hex')
}

describe('kMDItemWhereFroms', () => {
  it('tells the addresses, as xattr -px prints them in lines', () => {
    const hex = propertyList(['https://example.org/model.gguf?key=1', 'https://a.b/'])
    const printed = hex.replace(/(.{2})/g, '$1 ').replace(/(.{48})/g, '$1\n')

    expect(readWhereFroms(printed).map(({ value }) => value)).toEqual([
      'https://example.org/model.gguf?…',
      'https://a.b/',
    ])
  })

  it('survives lists whose table, count or bytes lie, cut at every byte', () => {
    const honest = Buffer.from(propertyList(['https://example.org/model.gguf']), 'hex')
    const lies = [propertyList(['a'], { tableAt: 2 ** 40 }), propertyList(['a'], { count: 14 }), 'zz', '62706c']
    for (let size = 0; size < honest.length; size += 1) lies.push(honest.subarray(0, size).toString('hex'))
    for (let at = 0; at < honest.length; at += 1) {
      const turned = Buffer.from(honest)
      turned[at] = 0xff
      lies.push(turned.toString('hex'))
    }

    for (const lie of lies) expect(Array.isArray(readWhereFroms(lie))).toBe(true)
  })
})
