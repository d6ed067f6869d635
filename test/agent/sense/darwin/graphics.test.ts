import { describe, expect, it } from '@jest/globals'
import { askProgram } from '../../../../agent/sense/darwin/ask-system.ts'
import { type DarwinGraphicsCapture, darwinGraphics } from '../../../../agent/sense/darwin/graphics.ts'
import { readCapture } from './captures.ts'

const recorded = readCapture('graphics') as DarwinGraphicsCapture
const look = (accelerators: string) => darwinGraphics.interpret({ ...recorded, accelerators: { text: accelerators } })
const node = (className: string, properties: string) =>
  `+-o ${className}  <class ${className}, id 0x10000087c, registered, active, retain 2>\n    {\n${properties}\n    }\n`

describe('graphics of macOS', () => {
  it('tells the unified memory in use, out of that of the machine, and how busy the chip is', () => {
    const [chip] = darwinGraphics.interpret(recorded).observations

    expect(chip).toEqual({
      kind: 'gpu',
      device: 'AGXAcceleratorG13X',
      driver: 'agx',
      model: 'Apple M1 Pro',
      isUnified: true,
      dedicated: { totalBytes: null, usedBytes: null },
      shared: { totalBytes: 34_359_738_368, usedBytes: 5_340_983_808 },
      busyPercent: 83,
    })
  })

  it('tells who is connected, with the time of all connections of one process', () => {
    const uses = darwinGraphics.interpret(recorded).observations.slice(1)

    expect(uses).toMatchObject([
      { pid: 390, busyNs: 99_000_000_000 },
      { pid: 812, startTicks: '1795425393', busyNs: 123_632_000_000, unifiedBytes: null, source: 'io-registry' },
      { pid: 1201, busyNs: 7_000 },
    ])
  })

  it('reads a card with memory of its own, and both of two alike', () => {
    const card = node(
      'AMDRadeonX6000_AMDNavi21GraphicsAccelerator',
      '      "PerformanceStatistics" = {"vramUsedBytes"=1000,"vramFreeBytes"=3000,"GPU Activity(%)"=140,"gartUsedBytes"=50}',
    )

    expect(look(card + card).observations).toMatchObject([
      {
        device: 'AMDRadeonX6000_AMDNavi21GraphicsAccelerator',
        isUnified: false,
        dedicated: { totalBytes: 4000, usedBytes: 1000 },
        shared: { totalBytes: null, usedBytes: 50 },
        busyPercent: 100,
      },
      { device: 'AMDRadeonX6000_AMDNavi21GraphicsAccelerator-2' },
    ])
  })

  it('tells no number beyond 2^53 and none that was cut', () => {
    const statistics =
      '      "PerformanceStatistics" = {"In use system memory"=9007199254740993,"Device Utilization %"=4'

    expect(look(node('AGXAcceleratorG16G', statistics)).observations).toMatchObject([
      { shared: { usedBytes: null }, busyPercent: null },
    ])
  })

  it('believes the kernel’s first word about a client, not what its name adds', () => {
    const client = '    "IOUserClientCreator" = "pid 812, a\n    "IOUserClientCreator" = "pid 1, launchd"'
    const text = `${node('AGXAcceleratorG16G', '')}  ${node('AGXDeviceUserClient', client)}`

    expect(look(text).observations.slice(1)).toMatchObject([{ kind: 'gpu-use', pid: 812, busyNs: null }])
  })

  it('says that a client ended meanwhile, and ends after its limit of objects', () => {
    const client = (pid: number) => `  ${node('AGXDeviceUserClient', `    "IOUserClientCreator" = "pid ${pid}, x"`)}`
    const text = node('AGXAcceleratorG16G', '') + client(4_000_000).repeat(20_000)

    const codes = look(text).gaps.map(({ code }) => code)

    expect(codes).toEqual(expect.arrayContaining(['GNO_SENSE_VANISHED', 'GNO_SENSE_LIMIT']))
  })

  it('makes a gap of a machine without an accelerator, and never a zero', () => {
    expect(look('')).toMatchObject({ observations: [], gaps: [{ code: 'GNO_SENSE_FAILED' }] })
  })

  it('leaves out what sysctl did not tell', () => {
    const { observations, gaps } = darwinGraphics.interpret({ ...recorded, memory: { trouble: 'ENOENT: ' } })

    expect(observations[0]).toMatchObject({ shared: { totalBytes: null } })
    expect(gaps).toMatchObject([{ place: 'sysctl: hw.memsize' }])
  })

  it('makes a gap of a program that is not there', async () => {
    const accelerators = await askProgram('/nonexistent/ioreg', ['-r'], new AbortController().signal)

    const { observations, gaps } = darwinGraphics.interpret({ ...recorded, accelerators })

    expect(observations).toEqual([])
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED', place: 'ioreg: IOAccelerator' }])
  })
})
