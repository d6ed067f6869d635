// Which children of an agent its MCP configuration names.
import { describe, expect, it } from '@jest/globals'
import type { McpServer } from '../../contract/installation.ts'
import { type ChildProcess, mcpChildren } from '../../rules/mcp-children.ts'

const server = (name: string, program: string | null): McpServer => ({
  name,
  how: program === null ? 'address' : 'program',
  reach: 'local',
  program,
  place: '/home/ann/.claude.json',
})
const child = (pid: number, ...commandLine: readonly [string, ...string[]]): ChildProcess => ({
  pid,
  name: commandLine[0].slice(commandLine[0].lastIndexOf('/') + 1).slice(0, 15),
  executablePath: commandLine[0].startsWith('/') ? commandLine[0] : null,
  commandLine,
})
const under =
  (tree: Readonly<Record<number, readonly ChildProcess[]>>) =>
  (pid: number): readonly ChildProcess[] =>
    tree[pid] ?? []

describe('mcpChildren', () => {
  it.each<[string, ChildProcess, string]>([
    ['the program itself', child(5, '/usr/local/bin/github-mcp-server', 'stdio'), 'github-mcp-server'],
    ['a script behind an interpreter', child(5, '/usr/bin/node', '/home/ann/bin/mcp-files', '‹9 chars›'), 'mcp-files'],
    ['npx, which calls itself npm exec', child(5, 'npm exec', '‹9 chars›'), 'npx'],
    ['an interpreter with its version', child(5, '/usr/bin/python3.12', '‹9 chars›'), 'python3'],
  ])('finds %s', (_name, process, program) => {
    expect(mcpChildren(4, [server('files', program)], under({ 4: [process] }))).toEqual([
      { pid: 5, program, names: ['files'] },
    ])
  })

  it('looks behind a shell, and no deeper', () => {
    const tree = under({
      4: [child(5, '/bin/sh', '-c', '‹9 chars›'), child(8, '/usr/bin/git', 'status')],
      5: [child(6, '/opt/files')],
      6: [child(7, '/opt/files')],
      8: [child(9, '/opt/files')],
    })

    expect(mcpChildren(4, [server('files', 'files')], tree).map(({ pid }) => pid)).toEqual([6])
  })

  it('says which servers it may be where they share a program', () => {
    const servers = [server('a', 'npx'), server('b', 'npx'), server('web', null)]

    expect(mcpChildren(4, servers, under({ 4: [child(5, 'npx', '‹9 chars›')] }))).toEqual([
      { pid: 5, program: 'npx', names: ['a', 'b'] },
    ])
  })

  it('tells nobody else, and no more than the wire takes', () => {
    const many = Array.from({ length: 2_000 }, (_, index) => child(index + 10, '/opt/files'))
    const servers = [...Array(100).keys()].map((index) => server(`s${index}`, 'files'))

    expect(mcpChildren(4, [server('files', 'files')], under({ 4: [child(5, '/usr/bin/filesystemd')] }))).toEqual([])
    expect(mcpChildren(4, [server('web', null)], under({ 4: many }))).toEqual([])
    const told = mcpChildren(4, servers, under({ 4: many }))
    expect(told).toHaveLength(32)
    expect(told[0]?.names).toHaveLength(8)
  })
})
