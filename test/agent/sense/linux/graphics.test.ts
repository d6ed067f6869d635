import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createLinuxGraphics } from '../../../../agent/sense/linux/graphics.ts'
import { createProcTable } from '../../../../agent/sense/linux/proc-table.ts'
import type { GraphicsUseObservation } from '../../../../contract/observation.ts'
import { addProcess, lookOnce, writeFiles } from './fake-system.ts'

const MEBIBYTE = 1024 * 1024
const corpus = join(import.meta.dirname, '../../../corpus/sense/linux/gpu/fdinfo.json')
const samples = JSON.parse(readFileSync(corpus, 'utf8')) as readonly { readonly text: string }[]
const textOf = (driver: string): string =>
  samples.find(({ text }) => new RegExp(`^drm-driver:\\s+${driver}$`, 'm').test(text))?.text ?? ''

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-gpu-')))
  writeFiles(root, { 'proc/stat': 'btime 1000\n', 'etc/passwd': '' })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const sensor = () => createLinuxGraphics(createProcTable(root), root)
const usesOf = (seen: Awaited<ReturnType<typeof lookOnce>>): readonly GraphicsUseObservation[] =>
  seen.observations.filter((observation) => observation.kind === 'gpu-use')

describe('linuxGraphics', () => {
  it('tells what a process uses of an AMD card, and counts descriptors of one client once', async () => {
    const text = textOf('amdgpu')
    addProcess(root, {
      pid: 4711,
      startTicks: 100,
      name: 'ollama',
      descriptors: { 5: '/dev/dri/renderD128', 6: '/dev/dri/renderD128', 7: '/dev/null' },
      fdinfo: { 5: text, 6: text, 7: 'pos:\t0\n' },
    })
    writeFiles(root, {
      'sys/class/drm/card0/device/uevent':
        'DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:04:00.0\n',
      'sys/class/drm/card0/device/mem_info_vram_total': '25753026560\n',
      'sys/class/drm/card0/device/mem_info_vram_used': '557494272\n',
      'sys/class/drm/card0/device/mem_info_gtt_total': '33487826944\n',
      'sys/class/drm/card0/device/mem_info_gtt_used': '23068672\n',
      'sys/class/drm/card0/device/gpu_busy_percent': '97\n',
      'sys/class/drm/card0-DP-1/status': 'connected\n',
    })

    const seen = await lookOnce(sensor())

    expect(seen.observations).toEqual([
      {
        kind: 'gpu',
        device: '0000:04:00.0',
        driver: 'amdgpu',
        model: null,
        isUnified: null,
        dedicated: { totalBytes: 25_753_026_560, usedBytes: 557_494_272 },
        shared: { totalBytes: 33_487_826_944, usedBytes: 23_068_672 },
        busyPercent: 97,
      },
      {
        kind: 'gpu-use',
        pid: 4711,
        startTicks: '100',
        device: '0000:04:00.0',
        driver: 'amdgpu',
        source: 'drm-fdinfo',
        dedicatedBytes: 544_428 * 1024,
        sharedBytes: 22 * MEBIBYTE,
        unifiedBytes: null,
        busyNs: 39_456_116_802,
        busyPercent: null,
      },
    ])
    expect(seen.gaps).toEqual([])
  })

  it('does not wake a card that sleeps', async () => {
    writeFiles(root, {
      'sys/class/drm/card1/device/uevent': 'DRIVER=amdgpu\nPCI_SLOT_NAME=0000:04:00.0\n',
      'sys/class/drm/card1/device/power/runtime_status': 'suspended\n',
      'sys/class/drm/card1/device/gpu_busy_percent': '3\n',
    })

    expect((await lookOnce(sensor())).observations).toMatchObject([
      { kind: 'gpu', busyPercent: null, dedicated: { totalBytes: null, usedBytes: null } },
    ])
  })

  it('works out between two looks how busy the busiest engine was', async () => {
    const amd = (ns: number) =>
      `drm-driver: amdgpu\ndrm-pdev: 0000:04:00.0\ndrm-client-id: 1\ndrm-engine-compute: ${ns} ns\n`
    const xe = (cycles: number, total: number) =>
      `drm-driver: xe\ndrm-pdev: 0000:03:00.0\ndrm-client-id: 1\ndrm-cycles-ccs: ${cycles}\ndrm-total-cycles-ccs: ${total}\ndrm-engine-capacity-ccs: 4\n`
    const descriptors = { 5: '/dev/dri/renderD128', 6: '/dev/dri/renderD129' }
    addProcess(root, { pid: 9, startTicks: 1, name: 'x', descriptors, fdinfo: { 5: amd(1e9), 6: xe(0, 1000) } })
    const looking = sensor()

    const first = usesOf(await lookOnce(looking, 0))
    writeFiles(root, { 'proc/9/fdinfo/5': amd(8.5e9), 'proc/9/fdinfo/6': xe(2_000, 2_000) })
    const second = usesOf(await lookOnce(looking, 10_000))
    writeFiles(root, { 'proc/9/fdinfo/5': amd(8.4e9), 'proc/9/fdinfo/6': xe(2_000, 3_000) })
    const third = usesOf(await lookOnce(looking, 20_000))

    expect(first.map(({ busyPercent }) => busyPercent)).toEqual([null, null])
    expect(second.map(({ driver, busyPercent }) => [driver, busyPercent])).toEqual([
      ['amdgpu', 75],
      ['xe', 50],
    ])
    expect(third.map(({ busyPercent }) => busyPercent)).toEqual([0, 0])
  })

  it('tells unified memory where the graphics have none of their own', async () => {
    addProcess(root, {
      pid: 20,
      startTicks: 5,
      name: 'llama-cli',
      descriptors: { 3: '/dev/dri/renderD128', 4: '/dev/dri/renderD129', 5: '/dev/accel/accel0' },
      fdinfo: { 3: textOf('i915'), 4: textOf('panthor'), 5: textOf('amdxdna_accel_driver') },
    })
    writeFiles(root, {
      'sys/class/drm/card0/device/uevent': 'DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n',
      'sys/class/drm/card1/device/uevent': 'DRIVER=panthor\nOF_NAME=gpu\n',
      'sys/class/drm/card2/device/uevent': 'DRIVER=xe\nPCI_SLOT_NAME=0000:03:00.0\n',
      'sys/class/drm/card2/device/tile0/physical_vram_size_bytes': '12884901888\n',
    })

    const seen = await lookOnce(sensor())

    expect(usesOf(seen)).toMatchObject([
      { device: '0000:00:02.0', dedicatedBytes: null, sharedBytes: null, unifiedBytes: 6_044 * 1024 },
      { device: 'panthor', dedicatedBytes: null, sharedBytes: null, unifiedBytes: 16_480 * 1024 },
      { device: '0000:c5:00.1', unifiedBytes: 0 },
    ])
    expect(seen.observations.filter(({ kind }) => kind === 'gpu')).toMatchObject([
      { device: '0000:00:02.0', isUnified: true },
      { device: 'panthor', isUnified: true },
      { device: '0000:03:00.0', isUnified: false, dedicated: { totalBytes: 12_884_901_888, usedBytes: null } },
    ])
  })

  it('gives a client that two processes share to the younger one', async () => {
    const held = { descriptors: { 3: '/dev/dri/card0' }, fdinfo: { 3: textOf('amdgpu') } }
    addProcess(root, { pid: 30, startTicks: 10, name: 'systemd-logind', ...held })
    addProcess(root, { pid: 31, startTicks: 900, name: 'kwin', ...held })

    expect(usesOf(await lookOnce(sensor())).map(({ pid }) => pid)).toEqual([31])
  })

  it('adds the memory of ROCm, which needs no descriptor of the card', async () => {
    // Names and shapes as drivers/gpu/drm/amd/amdkfd/{kfd_process,kfd_topology}.c write them; the numbers are invented.
    addProcess(root, { pid: 40, startTicks: 1, name: 'vllm', descriptors: { 3: '/dev/kfd' } })
    addProcess(root, { pid: 41, startTicks: 1, name: 'idle', descriptors: { 3: '/dev/kfd' } })
    writeFiles(root, {
      'sys/class/kfd/kfd/proc/40/vram_51771': '17179869184',
      'sys/class/kfd/kfd/topology/nodes/0/gpu_id': '0\n',
      'sys/class/kfd/kfd/topology/nodes/1/gpu_id': '51771\n',
      'sys/class/kfd/kfd/topology/nodes/1/properties':
        'cpu_cores_count 0\nsimd_count 192\nlocation_id 1024\ndomain 0\n',
    })

    expect(usesOf(await lookOnce(sensor()))).toMatchObject([
      { pid: 40, device: '0000:04:00.0', source: 'amdkfd', dedicatedBytes: 17_179_869_184, busyNs: null },
      { pid: 41, device: null, driver: 'amdkfd', source: 'descriptor', dedicatedBytes: null },
    ])
  })

  it('tells who holds a device of NVIDIA without any program, and what Jetson tells of its memory', async () => {
    addProcess(root, {
      pid: 50,
      startTicks: 1,
      name: 'python3',
      descriptors: { 3: '/dev/nvidia0', 4: '/dev/nvidiactl' },
    })
    addProcess(root, { pid: 51, startTicks: 1, name: 'llama-server', descriptors: { 3: '/dev/nvmap' } })
    addProcess(root, { pid: 52, startTicks: 1, name: 'hailo', descriptors: { 3: '/dev/hailo0' } })
    // Columns as github.com/rbonghi/jetson_stats reads them (jtop/core/memory.py): client, process, pid, size.
    const table = [
      'CLIENT                        PROCESS      PID        SIZE',
      'user                     llama-server       51    3911680K',
      'user                      Web Content       77       1024K',
      'total                                             3912704K',
    ]
    writeFiles(root, { 'sys/kernel/debug/nvmap/iovmm/clients': `${table.join('\n')}\n` })

    expect(usesOf(await lookOnce(sensor()))).toMatchObject([
      { pid: 50, driver: 'nvidia', source: 'descriptor', dedicatedBytes: null, unifiedBytes: null },
      { pid: 51, driver: 'nvidia', source: 'nvmap', dedicatedBytes: null, unifiedBytes: 3_911_680 * 1024 },
      { pid: 52, driver: 'hailo', source: 'descriptor' },
    ])
  })

  it('says nothing on a machine without any card', async () => {
    addProcess(root, { pid: 60, startTicks: 1, name: 'sleep', descriptors: { 0: '/dev/null' } })

    expect(await lookOnce(sensor())).toEqual({ observations: [], gaps: [] })
  })
})
