// The captures of Windows together, through the rules that ship: what a sweep would tell of such a machine.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { correlate } from '../../../../agent/correlate.ts'
import { openPack } from '../../../../agent/rule-pack.ts'
import { type WindowsGraphicsCapture, windowsGraphics } from '../../../../agent/sense/win32/graphics.ts'
import { type WindowsListenersCapture, windowsListeners } from '../../../../agent/sense/win32/listeners.ts'
import { type WindowsProcessesCapture, windowsProcesses } from '../../../../agent/sense/win32/processes.ts'
import { runtimeSchema } from '../../../../contract/runtime.ts'

const corpus = join(import.meta.dirname, '../../../corpus/sense/win32')
const read = (file: string): unknown =>
  (JSON.parse(readFileSync(join(corpus, file), 'utf8')) as { readonly capture: unknown }).capture

function tell() {
  const opened = openPack(join(import.meta.dirname, '../../../../dist/rules/pack.json'))
  if (!opened.ok) throw new Error(opened.failure.detail)
  const processes = windowsProcesses.interpret(read('processes.json') as WindowsProcessesCapture).observations
  const listeners = windowsListeners.interpret(read('listeners.json') as WindowsListenersCapture).observations
  const graphics = windowsGraphics.interpret(read('graphics.json') as WindowsGraphicsCapture).observations
  return correlate({
    processes: processes.filter((one) => one.kind === 'process'),
    listeners: listeners.filter((one) => one.kind === 'listener'),
    weightsOf: () => [],
    graphicsOf: ({ pid, startTicks }) =>
      graphics
        .filter((one) => one.kind === 'gpu-use')
        .filter((use) => use.pid === pid && use.startTicks === startTicks),
    closerOf: () => undefined,
    pack: opened.value,
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    identified: new WeakMap(),
  })
}

describe('a Windows machine with Ollama', () => {
  it('tells the server, where it listens, and whose child the runner is', () => {
    const runtimes = tell()

    for (const runtime of runtimes) expect(runtimeSchema.safeParse(runtime).error).toBeUndefined()
    expect(
      runtimes.map(({ pid, identification }) => [pid, identification?.entryId, identification?.confidence]),
    ).toEqual([
      [9340, 'ollama', 'possible'],
      [9524, 'ollama', 'likely'],
      [14904, 'ollama', 'likely'],
    ])
    expect(runtimes.find(({ pid }) => pid === 9524)?.listeners).toMatchObject([
      { address: '0.0.0.0', port: 11434 },
      { address: '::', port: 11434 },
    ])
  })

  it('tells the runner by its libraries and its parent, with its share of the card', () => {
    const runner = tell().find(({ pid }) => pid === 14904)

    expect(runner).toMatchObject({
      parent: { pid: 9524, name: 'ollama.exe' },
      graphics: [{ driver: 'wddm', dedicatedBytes: 872_415_232, busyPercent: 71 }],
    })
    expect(runner?.identification?.evidence.map(({ kind }) => kind)).toEqual([
      'executable-path',
      'parent',
      'memory-fit',
      'graphics-memory',
      'library-mapped',
    ])
    expect(runner?.gaps.map(({ detail }) => detail)).toEqual(['the open files of this process could not be looked at'])
  })
})
