import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type ListenerCapture, linuxListeners } from '../../../../agent/sense/linux/listeners.ts'
import type { ProcCapture, RawProcess } from '../../../../agent/sense/linux/proc-record.ts'
import { linuxProcesses } from '../../../../agent/sense/linux/processes.ts'
import type { ListenerObservation, ProcessObservation } from '../../../../contract/observation.ts'

const corpus = join(import.meta.dirname, '../../../corpus/sense/linux')
const read = (name: string) => readFileSync(join(corpus, `${name}.json`), 'utf8')
const loadProcesses = (name: string) => (JSON.parse(read(name)) as { readonly capture: ProcCapture }).capture
const loadListeners = (name: string) => (JSON.parse(read(name)) as { readonly capture: ListenerCapture }).capture

function processesOf(capture: ProcCapture): readonly ProcessObservation[] {
  return linuxProcesses.interpret(capture).observations.filter((seen) => seen.kind === 'process')
}

const recorded = loadProcesses('processes')
const python = recorded.processes[1]
if (python === undefined) throw new Error('the capture lost its second process')

function withProcess(change: Partial<RawProcess>): ProcessObservation {
  const [seen] = processesOf({ ...recorded, processes: [{ ...(python as RawProcess), ...change }] })
  if (seen === undefined) throw new Error('nothing was understood')
  return seen
}

describe('linuxProcesses', () => {
  it('tells a renamed process with an unlinked mapping as it was recorded', () => {
    const seen = withProcess({})

    expect(seen).toMatchObject({
      pid: 32147,
      startTicks: '333636',
      name: 'python3',
      user: { uid: 0, name: 'root' },
      cgroup: '/user.slice/user-1000.slice',
      startedAt: '2026-11-23T02:15:01.360Z',
    })
    expect(seen.mapped).toContainEqual({
      path: '/srv/notes/notes-data',
      dev: '65024',
      inode: '2148242',
      mappedBytes: 5 * 1024 * 1024,
      isDeleted: true,
      isExecutable: false,
      range: '7f8cdc800000-7f8cdcd00000',
    })
    expect(seen.open).toMatchObject([
      { path: '/srv/notes/held', sizeBytes: 3 * 1024 * 1024, isDeleted: false },
      { path: '/srv/notes/notes-data', sizeBytes: 5 * 1024 * 1024, isDeleted: true },
    ])
  })

  it('lets nothing of the prompt and the key leave', () => {
    const text = JSON.stringify(linuxProcesses.interpret(recorded))

    expect(text).not.toMatch(/secret|sk-123/)
  })

  it('keeps a zombie, which has no memory, apart from a refusal', () => {
    const [, , zombie] = processesOf(recorded)

    expect(zombie).toMatchObject({ memory: null, mapped: [], open: [], commandLine: [] })
  })

  it('names the process of which more was to be seen than the limit lets', () => {
    const processes = [{ ...python, limits: ['maps'] }]

    expect(linuxProcesses.interpret({ ...recorded, processes }).gaps).toContainEqual({
      code: 'GNO_SENSE_LIMIT',
      place: '/proc/32147/maps',
      count: 1,
      detail: 'longer than the limit of one process; what lies behind it was not seen',
    })
  })

  it('says null where the look was denied, and tells it', () => {
    const capture = loadProcesses('processes-unprivileged')

    const { observations, gaps } = linuxProcesses.interpret(capture)
    const [first] = observations

    expect(first).toMatchObject({ executable: null, mapped: null, open: null })
    expect(gaps.map((gap) => [gap.code, gap.place])).toContainEqual(['GNO_SENSE_DENIED', '/proc/32147/maps'])
  })

  it.each([
    [4, [1, 1, 1, 1]],
    [5, [5]],
  ])('names the processes where %i refused the look, and counts where it were more than four', (refusals, counts) => {
    const processes = Array.from({ length: refusals }, (_, at) => {
      return { ...python, stat: python.stat.replace(/^\d+/, `${at + 50}`), denied: ['exe'] as const }
    })

    const { gaps } = linuxProcesses.interpret({ ...recorded, processes })

    const denied = gaps.filter(({ code }) => code === 'GNO_SENSE_DENIED')
    expect(denied.map(({ count }) => count)).toEqual(counts)
    expect(denied[0]?.place).toBe(refusals === 4 ? '/proc/50/exe' : '/proc/*/exe')
  })

  it('is not misled by a name with parentheses and digits', () => {
    const stat = python.stat.replace('(python3)', '(a) S 1 (b 99)')

    expect(withProcess({ stat }).name).toBe('a) S 1 (b 99')
    expect(withProcess({ stat }).startTicks).toBe('333636')
  })

  it('groups the mappings of one file and ignores everything that is none', () => {
    const maps = [
      '7f0000000000-7f0000001000 r--p 00000000 fe:00 42                         /lib/a b.so',
      '7f0000001000-7f0000003000 r-xp 00001000 fe:00 42                         /lib/a b.so',
      '7f0000004000-7f0000005000 r--p 00000000 fe:00 43                         /m/x (deleted)',
      '7f0000006000-7f0000007000 rw-p 00000000 00:00 0                          [heap]',
      '7f0000008000-7f0000007000 r--p 00000000 fe:00 44                         /backwards',
      'nonsense /x',
    ].join('\n')

    const { mapped } = withProcess({ maps, identities: [{ range: '7f0000004000-7f0000005000', dev: '7', inode: '8' }] })

    expect(mapped).toMatchObject([
      { path: '/lib/a b.so', dev: '65024', inode: '42', mappedBytes: 0x3000, isExecutable: true, isDeleted: false },
      { path: '/m/x', dev: '7', inode: '8', isDeleted: true },
    ])
  })

  it('believes an executable to be deleted only when it has no name left', () => {
    const executable = { link: '/opt/x (deleted)', dev: '1', inode: '2' }

    expect(withProcess({ executable: { ...executable, links: 1 } }).executable).toMatchObject({
      path: '/opt/x (deleted)',
      isDeleted: false,
    })
    expect(withProcess({ executable: { ...executable, links: 0 } }).executable).toMatchObject({
      path: '/opt/x',
      isDeleted: true,
    })
  })

  it('tells a program that was started from memory from one whose file was removed', () => {
    const inMemory = { link: '/memfd:runner (deleted)', dev: '1', inode: '9', links: 0 }

    expect(withProcess({ executable: inMemory }).executable).toMatchObject({ path: '/memfd:runner', isInMemory: true })
    expect(withProcess({ executable: { ...inMemory, link: '/opt/x (deleted)' } }).executable).toMatchObject({
      isDeleted: true,
      isInMemory: false,
    })
  })

  it('tells which namespaces differ from our own, and takes a refusal for no difference', () => {
    const own = { mnt: 'mnt:[4026531832]', pid: 'pid:[4026531836]', net: 'net:[4026531833]', user: 'user:[4026531837]' }
    const links = { mnt: 'mnt:[4026532500]', pid: 'pid:[4026531836]', net: null, user: 'user:[4026532501]' }
    const capture = { ...recorded, ownNamespaces: own, processes: [{ ...python, namespaces: links }] }

    const [seen] = processesOf(capture)

    expect(seen?.namespaces).toEqual({
      mnt: '4026532500',
      pid: '4026531836',
      net: null,
      user: '4026532501',
      different: ['mnt', 'user'],
    })
  })

  it('names container, session and terminal, and the accelerators that are held', () => {
    const seen = withProcess({
      controlGroup: `0::/system.slice/docker-${'a1'.repeat(32)}.scope\n`,
      devices: [
        { fd: 9, node: '/dev/dri/renderD128' },
        { fd: 11, node: '/dev/dri/renderD128' },
        { fd: 12, node: '/dev/nvidia0' },
      ],
    })

    expect(seen).toMatchObject({ container: { engine: 'docker', pod: null }, sessionPid: expect.any(Number) })
    expect(seen.accelerators).toEqual([
      { node: '/dev/dri/renderD128', kind: 'drm', fdNumbers: [9, 11] },
      { node: '/dev/nvidia0', kind: 'nvidia', fdNumbers: [12] },
    ])
    expect(withProcess({ openFiles: null }).accelerators).toBeNull()
    expect(withProcess({ maps: null }).largeMemory).toBeNull()
  })

  it('gives the same object for a process that did not change, and takes a new boot time seriously', () => {
    const [first] = processesOf(recorded)
    const [again] = processesOf({ ...recorded })
    const [moved] = processesOf({ ...recorded, systemStat: 'btime 1000' })

    expect(again).toBe(first)
    expect(moved?.startedAt).not.toBe(first?.startedAt)
  })

  it('tells what vanished and what was left out as gaps with numbers', () => {
    const { gaps } = linuxProcesses.interpret({
      ...recorded,
      processes: [],
      vanished: 3,
      beyondLimit: 7,
      isHidingOthers: true,
    })

    expect(gaps.map((gap) => [gap.code, gap.count])).toEqual([
      ['GNO_SENSE_VANISHED', 3],
      ['GNO_SENSE_LIMIT', 7],
      ['GNO_SENSE_DENIED', 1],
    ])
  })
})

describe('linuxListeners', () => {
  const recordedListeners = loadListeners('listeners')

  function listenersOf(lines: {
    readonly tcp?: readonly string[]
    readonly tcp6?: readonly string[]
    readonly unix?: readonly string[]
  }) {
    const table = (part: readonly string[] = []) => ({ lines: part, isCut: false })
    const namespaces = [{ owner: 'self', tcp: table(lines.tcp), tcp6: table(lines.tcp6), unix: table(lines.unix) }]
    const { observations } = linuxListeners.interpret({ ...recordedListeners, namespaces })
    return observations.filter((seen): seen is ListenerObservation => seen.kind === 'listener')
  }
  const tcpLine = (address: string, inode: string, state = '0A') =>
    `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`

  it('joins sockets with the process that holds them', () => {
    const { observations } = linuxListeners.interpret(recordedListeners)

    expect(observations).toMatchObject([
      { protocol: 'tcp', address: '0.0.0.0', scope: 'any', pids: [32147] },
      { protocol: 'tcp', address: '127.0.0.1', scope: 'loopback', pids: [32147] },
      { protocol: 'tcp6', address: '::1', scope: 'loopback', pids: [32147] },
      { protocol: 'unix', address: '/srv/notes/u.sock', scope: 'loopback', pids: [32147] },
    ])
  })

  it.each([
    ['any', '00000000000000000000000000000000:1F90', '::', 'any'],
    ['loopback', '00000000000000000000000001000000:1F90', '::1', 'loopback'],
    ['IPv4 loopback, mapped', '0000000000000000FFFF00000100007F:1F90', '::ffff:127.0.0.1', 'loopback'],
    ['every IPv4, mapped', '0000000000000000FFFF000000000000:1F90', '::ffff:0.0.0.0', 'any'],
    ['one IPv4, mapped', '0000000000000000FFFF00000500000A:1F90', '::ffff:10.0.0.5', 'specific'],
    ['link-local', '000080FE00000000FF005450B25C9AFE:1F90', 'fe80::5054:ff:fe9a:5cb2', 'specific'],
    ['the longest run of zeros', 'B80D0120000000000000010000000000:1F90', '2001:db8:0:0:1::', 'specific'],
  ])('reads IPv6 %s', (_name, address, expected, scope) => {
    const [seen] = listenersOf({ tcp6: [tcpLine(address, '5')] })

    expect(seen).toMatchObject({ address: expected, scope, port: 8080 })
  })

  it('takes neither connections nor half a line', () => {
    const seen = listenersOf({ tcp: [tcpLine('0100007F:1F90', '7', '01'), '   0: 0100007F:1F', '', 'sl local'] })

    expect(seen).toEqual([])
  })

  it('does not let a forged unix path hide a listener', () => {
    const seen = listenersOf({
      tcp: [tcpLine('00000000:1F90', '77')],
      unix: ['0000000000000000: 00000002 00000000 00010000 0001 01 77 /tmp/forged'],
    })

    expect(seen).toMatchObject([{ protocol: 'tcp', scope: 'any', inode: '77' }])
  })

  it('tells an unreadable table and sockets without owners', () => {
    const broken = { lines: null, isCut: false }
    const namespaces = [{ owner: 'self', tcp: broken, tcp6: broken, unix: { lines: [], isCut: true } }]

    const { gaps } = linuxListeners.interpret({ namespaces, namespacesBeyondLimit: 2, owners: [], deniedOwners: 9 })

    expect(gaps.map((gap) => [gap.code, gap.count])).toEqual([
      ['GNO_SENSE_FAILED', 1],
      ['GNO_SENSE_LIMIT', 1],
      ['GNO_SENSE_LIMIT', 2],
      ['GNO_SENSE_DENIED', 9],
    ])
  })
})
