// Names of instances of the graphics counters of Windows (GPU Engine, GPU Process Memory, GPU Adapter Memory; Windows 10 1709 and
// later). They are not translated, and hexadecimal digits come in either case:
//   pid_812_luid_0x00000000_0x0000C9A5_phys_0                          memory of a process on an adapter
//   pid_812_luid_0x00000000_0x0000C9A5_phys_0_eng_3_engtype_Compute    an engine of it, as that process uses it
//   luid_0x00000000_0x0000C9A5_phys_0                                  memory of an adapter
// An LUID is the number of an adapter until the next start of the machine or of its driver.

/** Where something was counted. */
export interface CounterPlace {
  readonly pid: number | null
  /** `luid_0x00000000_0x0000c9a5_phys_0` in lower case: the key of a device. */
  readonly device: string
  readonly engine: { readonly index: number; readonly type: string } | null
}

const NAME =
  /^(?:pid_([0-9]{1,10})_)?(luid_0x[0-9a-f]{8}_0x[0-9a-f]{8}_phys_[0-9]{1,3})(?:_eng_([0-9]{1,3})_engtype_([\w ]{0,64}))?$/i

/** Reads a name; null when it is another one, such as `_Total`. */
export function parseCounterName(name: string): CounterPlace | null {
  const [whole, pid, device = '', index, type = ''] = NAME.exec(name) ?? []
  if (whole === undefined) return null
  return {
    pid: pid === undefined ? null : Number(pid),
    device: device.toLowerCase(),
    engine: index === undefined ? null : { index: Number(index), type: type.toLowerCase() },
  }
}

/** The LUID of a device as one number, as the registry tells it (`AdapterLuid`, a QWORD). */
export function luidOf(device: string): number {
  const [, high = '', low = ''] = /^luid_0x([0-9a-f]{8})_0x([0-9a-f]{8})_/.exec(device) ?? []
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16)
}
