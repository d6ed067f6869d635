// Which container or sandbox a control group names. The paths are the ones that engines and systemd give, in the unified
// hierarchy (cgroups(7), version 2, `0::/PATH`) and in the older ones (`N:CONTROLLER:/PATH`):
//   docker-ID.scope           docker with systemd            libpod-ID.scope            podman
//   /docker/ID                docker with cgroupfs           /libpod_parent/libpod-ID   podman with cgroupfs
//   cri-containerd-ID.scope   containerd below a kubelet     crio-ID.scope              CRI-O
//   SLICE:cri-containerd:ID   containerd, older              /kubepods/…/podUID/ID      any engine with cgroupfs
//   /lxc/NAME, lxc.payload.NAME                              machine-NAME.scope, systemd-nspawn@NAME.service
//   snap.NAME.APP.UUID.scope  snapd                          app-flatpak-ID-N.scope     flatpak
// A name is a hint: whoever may write into /sys/fs/cgroup chooses it. That the namespaces differ is what proves a container.
import type { ContainerMark } from '../../../contract/observation.ts'

/** Groups of one path that are looked at; systemd's own trees are a dozen deep. */
const MAX_GROUPS = 64
/** Lines of one text: a controller each. */
const MAX_LINES = 64

type Engine = ContainerMark['engine']

/** Patterns of one group of a path, with the id as their first capture. */
const GROUPS: readonly (readonly [RegExp, Engine])[] = [
  [/^docker-([0-9a-f]{64})\.scope$/, 'docker'],
  [/^libpod-(?:conmon-)?([0-9a-f]{64})(?:\.scope)?$/, 'podman'],
  [/^cri-containerd-([0-9a-f]{64})\.scope$/, 'containerd'],
  [/^[^:]*:cri-containerd:([0-9a-f]{64})$/, 'containerd'],
  [/^nerdctl-([0-9a-f]{64})\.scope$/, 'containerd'],
  [/^[^:]*:nerdctl:([0-9a-f]{64})$/, 'containerd'],
  [/^crio-(?:conmon-)?([0-9a-f]{64})(?:\.scope)?$/, 'cri-o'],
  [/^lxc\.payload\.(.{1,200})$/, 'lxc'],
  [/^systemd-nspawn@(.{1,200})\.service$/, 'systemd-nspawn'],
  [/^snap\.([a-z0-9_-]{1,80}\.[A-Za-z0-9_-]{1,80})(?:[.-][0-9a-f-]{36})?\.(?:scope|service)$/, 'snap'],
  [/^app-flatpak-([A-Za-z0-9_.-]{1,255})-[0-9]{1,20}\.scope$/, 'flatpak'],
  [/^flatpak-([A-Za-z0-9_.-]{1,255})-[0-9]{1,20}\.scope$/, 'flatpak'],
]

/** A group below one of these names is a container of that engine, under its bare id or name. */
const PARENTS: ReadonlyMap<string, Engine> = new Map([
  ['docker', 'docker'],
  ['libpod_parent', 'podman'],
  ['lxc', 'lxc'],
])

const BARE_ID = /^[0-9a-f]{64}$/
/** A pod of Kubernetes: `podUID`, or `kubepods-burstable-podUID.slice` with underscores in the uid. */
const POD = /pod([0-9a-f]{8}[_-][0-9a-f]{4}[_-][0-9a-f]{4}[_-][0-9a-f]{4}[_-][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice|$|:)/

/** The container that /proc/PID/cgroup names; null when it names none. */
export function containerOf(text: string): ContainerMark | null {
  for (const line of text.split('\n', MAX_LINES)) {
    const path = /^[0-9]+:[^:]*:(\/.+)$/.exec(line)?.[1]
    const found = path === undefined ? null : containerInPath(path.split('/').slice(1, 1 + MAX_GROUPS))
    if (found !== null) return found
  }
  return null
}

/** The outermost one speaks: below its own group a container makes groups as it likes, and calls them like those of another one. */
function containerInPath(groups: readonly string[]): ContainerMark | null {
  for (let at = 0; at < groups.length; at += 1) {
    const found = containerOfGroup(groups, at, podOf(groups.slice(0, at + 1)))
    if (found !== null) return found
  }
  return null
}

function containerOfGroup(groups: readonly string[], at: number, pod: string | null): ContainerMark | null {
  const group = groups[at] ?? ''
  const parent = groups[at - 1] ?? ''
  for (const [pattern, engine] of GROUPS) {
    const id = pattern.exec(group)?.[1]
    if (id !== undefined) return { engine, id: unescapeUnit(id), pod }
  }
  const engine = PARENTS.get(parent)
  if (engine !== undefined && group !== '' && (engine === 'lxc' || BARE_ID.test(group)))
    return { engine, id: group, pod }
  // Below a pod an engine with cgroupfs writes the bare id, whichever engine it is.
  if (pod !== null && BARE_ID.test(group)) return { engine: 'kubernetes', id: group, pod }
  const machine = parent === 'machine.slice' ? /^machine-(.{1,200})\.scope$/.exec(group)?.[1] : undefined
  // Virtual machines are registered there as well (`machine-qemu…`), and are none of our containers.
  if (machine === undefined || /^(?:qemu|lxc)(?:-|\\x2d)/.test(machine)) return null
  return { engine: 'systemd-nspawn', id: unescapeUnit(machine), pod: null }
}

function podOf(groups: readonly string[]): string | null {
  for (const group of groups) {
    const uid = POD.exec(group)?.[1]
    if (uid !== undefined && groups.some((name) => name.includes('kubepods'))) return uid.replaceAll('_', '-')
  }
  return null
}

/** systemd.unit(5): characters that a unit name may not hold are written `\x2d`. */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
