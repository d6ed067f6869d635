// Which device nodes belong to graphics cards and accelerators, by the names that kernel drivers give them
// (Documentation/admin-guide/devices.txt; the rest from the drivers named here). A name is a hint only: what the device is,
// its driver says.
import type { HeldAccelerator } from '../../../contract/observation.ts'
import type { RawDevice } from './proc-record.ts'

type Kind = HeldAccelerator['kind']

const NODES: readonly (readonly [RegExp, Kind])[] = [
  // Direct rendering: amdgpu, i915, xe, nouveau, panthor, msm and others; `accel`: neural processors (ivpu, amdxdna, habanalabs).
  [/^\/dev\/dri\/(?:card|renderD)[0-9]{1,4}$/, 'drm'],
  [/^\/dev\/accel\/accel[0-9]{1,4}$/, 'drm'],
  [/^\/dev\/kfd$/, 'amd-compute'],
  [/^\/dev\/nvidia(?:[0-9]{1,4}|ctl|-uvm|-uvm-tools|-caps\/nvidia-cap[0-9]{1,4})$/, 'nvidia'],
  // Jetson (nvgpu, nvmap), and Windows' graphics inside WSL.
  [/^\/dev\/(?:nvmap|nvhost-[a-z0-9-]{1,40}|nvgpu\/igpu[0-9]\/[a-z0-9-]{1,20})$/, 'nvidia'],
  [/^\/dev\/(?:dxg|mali[0-9]|galcore|apex_[0-9]|hailo[0-9]|davinci[0-9]{1,3}|davinci_manager|rknpu)$/, 'neural'],
]

/** The kind of a device node; null for every other node. */
export function acceleratorKind(node: string): Kind | null {
  return NODES.find(([pattern]) => pattern.test(node))?.[1] ?? null
}

/** Groups the descriptors of one process by node. */
export function groupAccelerators(devices: readonly RawDevice[]): readonly HeldAccelerator[] {
  const groups = new Map<string, number[]>()
  for (const { node, fd } of devices) groups.set(node, [...(groups.get(node) ?? []), fd])
  return [...groups].flatMap(([node, fdNumbers]) => {
    const kind = acceleratorKind(node)
    return kind === null ? [] : [{ node, kind, fdNumbers }]
  })
}
