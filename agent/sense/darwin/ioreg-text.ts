// What `ioreg -r -l -w 0 -d 2 -c IOAccelerator` prints (ioreg(8)): each accelerator and what is one step below it, its clients.
//   +-o AGXAcceleratorG13X  <class AGXAcceleratorG13X, id 0x10000087c, registered, …>
//     | {
//     |   "PerformanceStatistics" = {"Alloc system memory"=1214005248,"Device Utilization %"=2,…}
//     | }
//     +-o AGXDeviceUserClient  <class AGXDeviceUserClient, id 0x100004321, !registered, …>
//           "IOUserClientCreator" = "pid 812, llama-server"
//           "AppUsage" = ({"API"="Metal","accumulatedGPUTime"=123632000000})
// None of the keys is documented by Apple; they are read where they stand and missing where they do not.

/** Objects of one answer: a busy desktop has some hundred clients (CWE-400). */
const MAX_OBJECTS = 16_384
/** Longest property that is read; PerformanceStatistics has 2 KiB. */
const MAX_PROPERTY_CHARS = 64 * 1024

/** One accelerator. */
export interface IoAccelerator {
  readonly className: string
  readonly model: string | null
  /** PerformanceStatistics; numbers that cannot be held exactly are left out. */
  readonly statistics: ReadonlyMap<string, number>
  readonly clients: readonly IoClient[]
}

/** A connection of a process. */
export interface IoClient {
  readonly pid: number
  /** Nanoseconds of work of the accelerator; null when it was not told. */
  readonly busyNs: number | null
}

interface Node {
  readonly className: string
  readonly id: string
  readonly depth: number
  readonly properties: Map<string, string>
}

const OBJECT = /^([ |]{0,64})\+-o .{1,512}?<class ([A-Za-z0-9_]{1,128}), id (0x[0-9a-f]{1,16})[,>]/
const PROPERTY = /^[ |]{0,64}"(PerformanceStatistics|model|IOUserClientCreator|AppUsage|accumulatedGPUTime)" = (.*)$/

/** Reads the accelerators with their clients. */
export function parseAccelerators(text: string): {
  readonly accelerators: readonly IoAccelerator[]
  readonly isCut: boolean
} {
  const { nodes, isCut } = nodesOf(text)
  const accelerators: { readonly root: Node; readonly clients: Map<string, IoClient> }[] = []
  for (const node of nodes) {
    const last = accelerators.at(-1)
    if (last === undefined || node.depth <= last.root.depth) {
      accelerators.push({ root: node, clients: new Map() })
      continue
    }
    // The same client may be reached twice; its id tells.
    const client = clientOf(node.properties)
    if (client !== null) last.clients.set(node.id, client)
  }
  return {
    accelerators: accelerators.map(({ root, clients }) => ({
      className: root.className,
      model: modelOf(root.properties.get('model')),
      statistics: statisticsOf(root.properties.get('PerformanceStatistics') ?? ''),
      clients: [...clients.values()],
    })),
    isCut,
  }
}

function nodesOf(text: string): { readonly nodes: readonly Node[]; readonly isCut: boolean } {
  const nodes: Node[] = []
  for (const line of text.split('\n')) {
    const node = nodeOf(line)
    if (node === null) addProperty(nodes.at(-1), line)
    else if (nodes.length < MAX_OBJECTS) nodes.push(node)
    else return { nodes, isCut: true }
  }
  return { nodes, isCut: false }
}

function nodeOf(line: string): Node | null {
  const match = OBJECT.exec(line)
  if (match === null) return null
  const [, indent = '', className = '', id = ''] = match
  return { className, id, depth: indent.length, properties: new Map() }
}

/** The first of a name counts: a process whose name holds a newline cannot write over what the kernel said before. */
function addProperty(node: Node | undefined, line: string): void {
  const [, key, value] = (line.length > MAX_PROPERTY_CHARS ? null : PROPERTY.exec(line)) ?? []
  if (node === undefined || key === undefined || value === undefined || node.properties.has(key)) return
  node.properties.set(key, value)
}

/** `"Apple M4"`, or on Intel machines `<"Intel Iris">`. */
function modelOf(value: string | undefined): string | null {
  return /^<?"([^"]{1,128})"/.exec(value ?? '')?.[1] ?? null
}

function statisticsOf(value: string): ReadonlyMap<string, number> {
  const statistics = new Map<string, number>()
  for (const [, key = '', digits = ''] of value.matchAll(/"([^"]{1,128})"=([0-9]{1,20})(?=[,}])/g)) {
    const number = Number(digits)
    if (Number.isSafeInteger(number)) statistics.set(key, number)
  }
  return statistics
}

function clientOf(properties: ReadonlyMap<string, string>): IoClient | null {
  const pid = /^"pid ([0-9]{1,10}),/.exec(properties.get('IOUserClientCreator') ?? '')?.[1]
  if (pid === undefined) return null
  const own = properties.get('AppUsage')
  const times =
    own === undefined
      ? [properties.get('accumulatedGPUTime') ?? '']
      : [...own.matchAll(/"accumulatedGPUTime"=([0-9]{1,20})(?=[,}])/g)].map(([, digits = '']) => digits)
  const told = times.filter((digits) => /^[0-9]{1,20}$/.test(digits)).map(Number)
  const busyNs = told.reduce((sum, ns) => sum + ns, 0)
  return { pid: Number(pid), busyNs: told.length > 0 && Number.isSafeInteger(busyNs) ? busyNs : null }
}
