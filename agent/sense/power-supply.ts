// Whether this machine runs on its battery: asked of sysfs on Linux (Documentation/ABI/testing/sysfs-class-power), of pmset on macOS.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Platform } from '../../contract/observation.ts'
import { runProgram } from './run-program.ts'
import type { TouchDeclaration } from './touch-declaration.ts'

const SUPPLIES = '/sys/class/power_supply'
/** A laptop has two or three; a mouse and a headset are supplies, too. */
const MAX_SUPPLIES = 32
const PMSET = '/usr/bin/pmset'
const PMSET_LIMITS = { timeoutMs: 2_000, maxBytes: 16_384 } as const

export const paceDeclaration: TouchDeclaration = {
  id: 'pace',
  platform: 'any',
  touches: [
    'the load of the machine; Linux: whether a microphone or a camera is in use or the screen kept awake, by `state` in /proc/asound/card*/pcm*c/sub*/status, /sys/module/uvcvideo/refcnt and `WHAT` and `MODE` in /run/systemd/inhibit/*; `type`, `status` and `scope` of the supplies below /sys/class/power_supply; macOS: `/usr/bin/pmset -g batt`',
    'its own priority (nice 10), and where it exists `/usr/bin/ionice -c3 -p PID` for its own process',
  ],
  collects: ['nothing: what is seen decides how long the agent rests, and is told to nobody'],
}

/** False where the system does not tell, as on Windows. */
export async function isOnBattery(platform: Platform, signal: AbortSignal): Promise<boolean> {
  if (platform === 'linux') return supplyDischarges(SUPPLIES)
  if (platform !== 'darwin') return false
  const printed = await runProgram(PMSET, ['-g', 'batt'], { ...PMSET_LIMITS, signal })
  return 'text' in printed && saysBattery(printed.text)
}

/** The first line of pmset -g batt: "Now drawing from 'Battery Power'". */
export function saysBattery(printed: string): boolean {
  return printed.slice(0, 200).includes("'Battery Power'")
}

/** True when a battery of the system itself is being emptied. */
export function supplyDischarges(folder: string): boolean {
  return namesIn(folder)
    .slice(0, MAX_SUPPLIES)
    .some((name) => {
      const of = (word: string): string => textOf(join(folder, name, word))
      return of('type') === 'Battery' && of('status') === 'Discharging' && of('scope') !== 'Device'
    })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // A server or a container: no supplies are told.
    return []
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    // This supply does not say so.
    return ''
  }
}
