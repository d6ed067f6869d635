// The TCP tables are read again only when something that is cheap to know moved: the sockets of processes or the kernel's counts.
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createKeptTables } from '../../../../agent/sense/linux/tcp-tables.ts'

const FOLDER = '/proc/self/net'

function start() {
  const reads: string[] = []
  const system = { counts: '3 0 1 1 0 0 1' as string | null, nowMs: 0, isCut: false }
  const tables = createKeptTables({
    read: (path) => {
      reads.push(path)
      return { lines: [`as read ${reads.length}`], isCut: system.isCut, connections: [] }
    },
    counts: () => system.counts,
    nowMs: () => system.nowMs,
  })
  const look = (...sockets: readonly (readonly string[])[]) => {
    tables.begin(sockets)
    return tables.tablesOf('self', FOLDER).tcp.lines
  }
  return { reads, system, tables, look }
}

describe('createKeptTables', () => {
  it('reads nothing while sockets and counts stand still', () => {
    const { reads, look } = start()
    for (let turn = 0; turn < 5; turn += 1) expect(look(['1', '2'], ['3'])).toEqual(['as read 1'])
    expect(reads).toEqual([`${FOLDER}/tcp`, `${FOLDER}/tcp6`])
  })

  it.each([
    ['a process has another socket', [['1', '4']]],
    ['a process has one more', [['1', '2', '3']]],
    ['a process with sockets is new', [['1', '2'], ['3']]],
    ['a process with sockets is gone', []],
  ])('reads anew when %s', (_case, sockets) => {
    const { reads, look } = start()
    look(['1', '2'])
    look(...sockets)
    expect(reads).toHaveLength(4)
  })

  it('reads anew when a count of the kernel moves, and after a minute in any case', () => {
    const { reads, system, look } = start()
    look(['1'])
    system.counts = '4 0 1 1 0 0 1'
    look(['1'])
    expect(reads).toHaveLength(4)
    system.nowMs = 59_999
    look(['1'])
    expect(reads).toHaveLength(4)
    system.nowMs = 60_000
    look(['1'])
    expect(reads).toHaveLength(6)
  })

  it.each([
    ['the counts cannot be read', { counts: null, isCut: false }],
    ['a table was cut', { counts: '1', isCut: true }],
  ])('keeps nothing where %s', (_case, given) => {
    const { reads, system, look } = start()
    Object.assign(system, given)
    look(['1'])
    look(['1'])
    expect(reads).toHaveLength(4)
  })

  it('keeps the tables of each namespace by itself, and forgets one that a look passed over', () => {
    const { reads, tables, look } = start()
    look(['1'])
    tables.tablesOf('net:[7]', '/proc/7/net')
    expect(reads).toHaveLength(4)
    look(['1'])
    look(['1'])
    tables.tablesOf('net:[7]', '/proc/8/net')
    expect(reads.slice(4)).toEqual(['/proc/8/net/tcp', '/proc/8/net/tcp6'])
  })
})

const onLinux = process.platform === 'linux' ? describe : describe.skip

onLinux('on this machine', () => {
  const server = createServer()
  afterEach(() => {
    server.close()
  })

  it('sees a listener that opens though no socket of another process is different', async () => {
    const tables = createKeptTables()
    const ports = (): string => {
      tables.begin([])
      return (tables.tablesOf('self', FOLDER).tcp.lines ?? []).join('\n')
    }
    const before = ports()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
    expect(before).not.toContain(`0100007F${wanted}`)
    expect(ports()).toContain(`0100007F${wanted}`)
  })
})
