// Which file system a file lies on, and whether the medium can be taken out: from /proc/self/mountinfo and /sys (proc(5), sysfs).
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs'
import type { Arrival } from '../../contract/artifact.ts'

/** A machine with more mounts is a container host; the rest goes without a mount in its record (CWE-770). */
const MAX_MOUNTS = 4_096
const MAX_TABLE_BYTES = 4_194_304
const MAX_SYS_BYTES = 256
/** From a partition up to the USB device that has a serial number: partition, disk, host, target, interface. */
const MAX_LEVELS = 10

export interface Mount {
  /** `8:1`. */
  readonly device: string
  readonly fileSystem: string
  readonly source: string
}

/** Mounts by device number; of several with one device the first stands. */
export function readMountTable(text: string): ReadonlyMap<string, Mount> {
  const mounts = new Map<string, Mount>()
  for (const line of text.split('\n').slice(0, MAX_MOUNTS)) {
    const [left = '', right = ''] = line.split(' - ')
    const device = left.split(' ')[2]
    const [fileSystem = '', source = ''] = right.split(' ')
    if (device === undefined || fileSystem === '' || mounts.has(device)) continue
    mounts.set(device, { device, fileSystem, source })
  }
  return mounts
}

/** `major:minor` of a st_dev (makedev(3) of glibc). */
export function deviceNumber(dev: string): string {
  const value = BigInt(dev)
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn)
  const minor = (value & 0xffn) | ((value >> 12n) & ~0xffn)
  return `${major}:${minor}`
}

/** The mounts of this machine, with what the kernel says of their media. Empty where there is no /proc. */
export function currentMounts(): (dev: string) => Arrival['mount'] {
  const table = readMountTable(readSmall('/proc/self/mountinfo', MAX_TABLE_BYTES) ?? '')
  const described = new Map<string, Arrival['mount']>()
  return (dev) => {
    const device = deviceNumber(dev)
    if (!described.has(device)) described.set(device, describeMount(table.get(device)))
    return described.get(device)
  }
}

function describeMount(mount: Mount | undefined): Arrival['mount'] {
  if (mount === undefined) return undefined
  const { device, fileSystem, source } = mount
  const place = `/sys/dev/block/${device}`
  const removable = readSmall(`${place}/removable`) ?? readSmall(`${place}/../removable`)
  const serial = isPlainDevice(device) ? findSerial(place) : undefined
  return {
    fileSystem: fileSystem.slice(0, 64),
    source: source.slice(0, 256),
    ...(removable === undefined ? {} : { isRemovable: removable === '1' }),
    ...(serial === undefined ? {} : { serial }),
  }
}

/** Whether a device (`8:1`) can be taken out: the kernel says so of sticks and cards, of disks in a USB case the way that leads to them. */
export function isRemovableDevice(device: string): boolean {
  if (!isPlainDevice(device)) return false
  const place = `/sys/dev/block/${device}`
  return (readSmall(`${place}/removable`) ?? readSmall(`${place}/../removable`)) === '1' || isBehindUsb(place)
}

function isBehindUsb(place: string): boolean {
  try {
    return /\/usb[0-9]+\//.test(readlinkSync(place))
  } catch {
    // No such device, or no /sys: nothing says that it can be taken out.
    return false
  }
}

/** File systems without a block device have major number 0. */
function isPlainDevice(device: string): boolean {
  return !device.startsWith('0:')
}

function findSerial(place: string): string | undefined {
  let at = place
  for (let level = 0; level < MAX_LEVELS; level += 1) {
    const serial = readSmall(`${at}/serial`)
    if (serial !== undefined && serial !== '') return serial
    at = `${at}/..`
  }
  return undefined
}

/** A file of the kernel, trimmed; undefined where there is none or it may not be read. */
function readSmall(path: string, limit = MAX_SYS_BYTES): string | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const buffer = Buffer.alloc(limit === MAX_SYS_BYTES ? limit : 65_536)
    let text = ''
    for (let count = readSync(fd, buffer); count > 0 && text.length < limit; count = readSync(fd, buffer)) {
      text += buffer.toString('utf8', 0, count)
    }
    return text.trim()
  } catch {
    // Not every device says this; what is not said stays absent in the record.
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
