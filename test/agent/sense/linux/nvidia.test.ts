import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createLinuxNvidia } from '../../../../agent/sense/linux/nvidia.ts'
import { pciAddressOf } from '../../../../agent/sense/linux/nvidia-text.ts'
import { createProcTable } from '../../../../agent/sense/linux/proc-table.ts'
import { addProcess, lookOnce, writeFiles } from './fake-system.ts'

interface Recorded {
  readonly name: string
  readonly origin: string
  readonly cards: string
  readonly uses: string
  /** Null: the program refuses, as it does on chips and parts of cards. */
  readonly activity: string | null
}
const corpus = join(import.meta.dirname, '../../../corpus/sense/linux/gpu/nvidia.json')
const recorded = JSON.parse(readFileSync(corpus, 'utf8')) as readonly Recorded[]
const MEBIBYTE = 1024 * 1024

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-nvidia-')))
  writeFiles(root, { 'proc/stat': 'btime 1000\n', 'etc/passwd': '' })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A program in the place of nvidia-smi that prints what was recorded, and notes that it ran. */
function install(answers: Recorded): void {
  writeFiles(root, {
    'answers/cards': answers.cards,
    'answers/uses': answers.uses,
    ...(answers.activity === null ? {} : { 'answers/activity': answers.activity }),
    'usr/bin/nvidia-smi': `#!/bin/sh
echo "$LC_ALL $PATH $*" >>${root}/ran
case "$1" in
  --query-gpu=*) /bin/cat ${root}/answers/cards ;;
  --query-compute-apps=*) /bin/cat ${root}/answers/uses ;;
  pmon) test -e ${root}/answers/activity || { echo 'Not supported on the device(s)'; exit 3; }; /bin/cat ${root}/answers/activity ;;
esac
`,
  })
  chmodSync(join(root, 'usr/bin/nvidia-smi'), 0o755)
}
const holds = (pid: number, name: string, node: string) =>
  addProcess(root, { pid, startTicks: pid * 10, name, descriptors: { 3: node } })
const look = () => lookOnce(createLinuxNvidia(createProcTable(root), root))
const answersOf = (name: string): Recorded => {
  const found = recorded.find((answers) => answers.name === name)
  if (found === undefined) throw new Error(`no recording of ${name}`)
  return found
}

describe('linuxNvidia', () => {
  it('starts no program while no process holds a device of NVIDIA', async () => {
    install(answersOf('two cards of a server'))
    holds(4711, 'ollama', '/dev/dri/renderD128')

    expect(await look()).toEqual({ observations: [], gaps: [] })
    expect(existsSync(join(root, 'ran'))).toBe(false)
  })

  it('tells cards, and what each process uses of each, graphics ones too', async () => {
    install(answersOf('two cards of a server'))
    holds(4711, 'python3', '/dev/nvidia0')
    holds(4712, 'Xorg', '/dev/nvidiactl')

    const { observations, gaps } = await look()

    const use = { kind: 'gpu-use', driver: 'nvidia', source: 'nvidia-smi', unifiedBytes: null, busyNs: null }
    expect(observations.filter(({ kind }) => kind === 'gpu')).toMatchObject([
      {
        device: '0000:18:00.0',
        model: 'NVIDIA H100 80GB HBM3',
        isUnified: false,
        dedicated: { totalBytes: 81_559 * MEBIBYTE, usedBytes: 24_100 * MEBIBYTE },
        busyPercent: 84,
      },
      { device: '0000:2a:00.0', busyPercent: 0 },
    ])
    expect(observations.filter(({ kind }) => kind === 'gpu-use')).toMatchObject([
      {
        ...use,
        pid: 4711,
        startTicks: '47110',
        device: '0000:18:00.0',
        dedicatedBytes: 24_395 * MEBIBYTE,
        busyPercent: 84,
      },
      { ...use, pid: 4711, device: '0000:2a:00.0', dedicatedBytes: 535 * MEBIBYTE, busyPercent: null },
      { ...use, pid: 4712, device: '0000:2a:00.0', dedicatedBytes: 211 * MEBIBYTE, busyPercent: 3 },
    ])
    expect(gaps).toEqual([])
    expect(readFileSync(join(root, 'ran'), 'utf8').split('\n')[0]).toMatch(/^C \S* --query-gpu=index,/)
  })

  it('says null with a gap where permissions are missing, never zero', async () => {
    install(answersOf('a part of a card (MIG) inside a container'))
    holds(4711, 'vllm', '/dev/nvidia0')

    const { observations, gaps } = await look()

    expect(observations).toMatchObject([
      { kind: 'gpu', isUnified: null, dedicated: { totalBytes: null, usedBytes: null }, busyPercent: null },
      { kind: 'gpu-use', pid: 4711, dedicatedBytes: null, unifiedBytes: null, busyPercent: null },
    ])
    expect(gaps.map(({ code, place }) => [code, place])).toEqual([
      ['GNO_SENSE_FAILED', 'nvidia-smi: activity of processes'],
      ['GNO_SENSE_DENIED', '0000:07:00.0'],
      ['GNO_SENSE_DENIED', 'nvidia-smi'],
    ])
  })

  it('tells unified memory where the card has none of its own', async () => {
    install(answersOf('GB10, one memory for all'))
    holds(4711, 'ollama', '/dev/nvidia0')

    expect((await look()).observations).toMatchObject([
      { kind: 'gpu', device: '000f:01:00.0', isUnified: true, dedicated: { totalBytes: null }, busyPercent: 96 },
      { kind: 'gpu-use', dedicatedBytes: null, unifiedBytes: 5_303 * MEBIBYTE, busyPercent: 94 },
    ])
  })

  it('knows a Jetson as unified, of which nvidia-smi tells nothing else', async () => {
    install(answersOf('Jetson Orin'))
    holds(4711, 'llama-server', '/dev/nvmap')

    expect((await look()).observations).toMatchObject([
      { kind: 'gpu', device: 'nvidia-0', model: 'Orin (nvgpu)', isUnified: true, busyPercent: null },
    ])
  })

  it('does not believe numbers of processes that were not seen with a card', async () => {
    install(answersOf('two cards of a server'))
    holds(4712, 'Xorg', '/dev/nvidia0')

    const { observations, gaps } = await look()

    expect(observations.filter(({ kind }) => kind === 'gpu-use')).toMatchObject([{ pid: 4712 }])
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_VANISHED', count: 2 }])
  })

  it('says once that the program is missing', async () => {
    holds(4711, 'ollama', '/dev/nvidia0')

    const { observations, gaps } = await look()

    expect(observations).toEqual([])
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED', place: 'nvidia-smi', count: 1 }])
  })

  it('reads any text without an error, and addresses in the form that everybody else uses', async () => {
    const noise = {
      name: '',
      origin: '',
      cards: ',,,\n0\n\0\n9999999999, a, b, c, d, e, f\n',
      uses: 'x, y\n1\n',
      activity: '# gpu pid\n1\n',
    }
    install(noise)
    holds(4711, 'x', '/dev/nvidia0')

    expect((await look()).observations).toEqual([])
    expect(pciAddressOf('00000000:01:00.0')).toBe('0000:01:00.0')
    expect(pciAddressOf('00010000:01:00.0')).toBe('10000:01:00.0')
    expect(pciAddressOf('[N/A]')).toBeNull()
  })
})
