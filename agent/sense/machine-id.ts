// A stable name of this machine that says nothing about it. machine-id(5) asks that the raw id never leave the machine, so
// it is only the key of a keyed digest.
import { createHmac, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { TouchDeclaration } from './touch-declaration.ts'

const PLACES = ['/etc/machine-id', '/var/lib/dbus/machine-id']
/** What the digest is for: another product on this machine gets another id from the same file. */
const PURPOSE = 'gnomon host id 1'

export const machineIdDeclaration: TouchDeclaration = {
  id: 'machine-id',
  platform: 'any',
  touches: ['/etc/machine-id, else /var/lib/dbus/machine-id; read once, when the agent first starts'],
  collects: [
    'a keyed digest of it as the name of this machine, or a random name where there is none; never the id itself',
  ],
}

/** The host id of this machine; a random one where the system has no machine id. The caller stores it and asks once. */
export function proposeHostId(): string {
  for (const place of PLACES) {
    const hostId = hostIdFrom(readSmall(place))
    if (hostId !== null) return hostId
  }
  return `host1:${randomUUID().replaceAll('-', '')}`
}

/** The digest of a machine id text; null when the text is no machine id (`uninitialized` in fresh images). */
export function hostIdFrom(machineId: string): string | null {
  const id = machineId.trim()
  if (!/^[0-9a-f]{32}$/.test(id) || /^0+$/.test(id)) return null
  return `host1:${createHmac('sha256', id).update(PURPOSE).digest('hex').slice(0, 32)}`
}

function readSmall(place: string): string {
  try {
    return readFileSync(place, 'utf8')
  } catch {
    // Absent on other systems and in some containers: the caller then gets a random id.
    return ''
  }
}
