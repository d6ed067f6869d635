import { describe, expect, it } from '@jest/globals'
import { renderRuntimes } from '../../../agent/show/runtime-table.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { sampleFinding, sampleRuntime } from '../../collector/sample-report.ts'

const NOW = new Date('2026-11-23T12:00:00.000Z')

function render(runtimes: readonly Runtime[], columns = 240, findings = [sampleFinding()]): readonly string[] {
  const terminal = { isInteractive: false, hasColour: false, columns, write: () => undefined }
  return renderRuntimes(runtimes, findings, { terminal, now: NOW }).split('\n')
}

const working = sampleRuntime({
  weights: sampleRuntime().weights.map((held) => ({ ...held, parameterCount: 8_030_000_000, quantization: 'Q4_K_M' })),
  processorPercent: 380,
  graphics: [
    {
      device: null,
      driver: 'amdgpu',
      dedicatedBytes: 2 ** 30,
      sharedBytes: null,
      unifiedBytes: null,
      busyPercent: null,
    },
  ],
  use: {
    isBusy: true,
    busySince: '2026-11-23T11:48:00.000Z',
    watchedSince: '2026-11-20T00:00:00.000Z',
    clients: 2,
    days: [{ day: '2026-11-23', seenSeconds: 11_100, busySeconds: 2_520 }],
  },
})

describe('renderRuntimes', () => {
  it('tells work, size, memory, listener, age and the day of each', () => {
    const [, line = ''] = render([working])

    for (const text of [
      'busy 12m, 380 % CPU, inference',
      '8.03 B Q4_K_M 4.6 GiB',
      '4.7 GiB, GPU 1.0 GiB',
      '0.0.0.0:9999 (2 connected)',
      '07:00 (5h00m)',
      '42m of 3h05m',
    ])
      expect(line).toContain(text)
  })

  it('says idle only of what was seen to be idle', () => {
    const use = { ...(working.use ?? never()), isBusy: null, busySince: null, days: [] }
    const [, unknown = ''] = render([sampleRuntime({ use })])
    const [, idle = ''] = render([sampleRuntime({ use: { ...use, isBusy: false } })])

    expect(unknown).not.toMatch(/idle|busy/)
    expect(idle).toContain('idle, inference')
  })

  it('says whether an interface wants a key, and where the model of an agent is', () => {
    const listeners = [{ protocol: 'tcp', address: '127.0.0.1', port: 8080, scope: 'loopback' }] as const
    const api = { opensWithoutKey: true, models: [], asked: [{ port: 8080, path: '/v1/models', status: 200 }] }
    const agent = { pointsAtLocalModel: true, mcpServers: [{ pid: 7, program: 'npx', names: ['files'] }], because: [] }
    const [, line = ''] = render([sampleRuntime({ listeners, api, agent, weights: [] })])

    expect(line).toContain('127.0.0.1:8080 (no key)')
    expect(line).toContain('a model of this machine, MCP server files (pid 7)')
  })

  it('names an adapter as one', () => {
    const adapter = { ...working.weights[0], model: 'unnamed llama adapter', isAdapter: true } as const
    const [, line = ''] = render([
      sampleRuntime({ weights: [...working.weights, adapter as Runtime['weights'][number]] }),
    ])

    expect(line).toContain('Llama 3.1 8B, adapter unnamed llama adapter')
  })

  it.each([240, 160, 120, 100, 80, 60, 40, 28])('fits into %i columns and keeps pid, model and finding', (columns) => {
    const lines = render([working, sampleRuntime({ pid: 4_194_303, name: 'x'.repeat(300) })], columns)

    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
    expect(lines[0]).toMatch(/^pid +.*model.*finding$/)
    expect(lines[1]).toContain('812')
  })

  it('lets no name move the cursor', () => {
    const lines = render([sampleRuntime({ name: '\u001b[2J\u001b]0;x\u0007\nnew line\u202e' })])

    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toMatch(/[\u001b\u0007\u202e]/)
  })
})

function never(): never {
  throw new Error('the sample lost its use')
}
