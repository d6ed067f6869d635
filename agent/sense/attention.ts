// Signs that somebody talks, films or presents at this machine now, from files that everybody may read (Linux): a microphone that is being
// recorded, a camera that is open, a program that keeps the screen awake. Who it is, and why, is not read. A window that fills the screen
// is known to the display server alone, which is not asked.
import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** Names in one folder that are looked at: a machine has a few cards, substreams and inhibitors (CWE-400). */
const MAX_NAMES = 64
/** What is looked for stands in the first lines of each of these files. */
const MAX_BYTES = 1_024

/** Where Linux tells it; others for tests. */
export const ATTENTION_PLACES = {
  /** Documentation/sound/designs/procfs.rst: card*, pcm*c (c: capture), sub*, status. */
  sound: '/proc/asound',
  /** How many have a camera of the USB video class open, the module's own users among them: 0 at rest. */
  camera: '/sys/module/uvcvideo/refcnt',
  /** One file an inhibitor of systemd-logind, readable by all (logind-inhibit.c). */
  inhibitors: '/run/systemd/inhibit',
} as const
export type AttentionPlaces = Readonly<Record<keyof typeof ATTENTION_PLACES, string>>

/** What says that somebody is not to be disturbed, in a word each; nothing where the system does not tell. */
export function signsOfAttention(places: AttentionPlaces = ATTENTION_PLACES): readonly string[] {
  const signs: readonly (readonly [string, boolean])[] = [
    ['a microphone in use', isRecording(places.sound)],
    ['a camera in use', Number(textOf(places.camera)) > 0],
    ['a screen kept awake', isKeptAwake(places.inhibitors)],
  ]
  return signs.filter(([, isThere]) => isThere).map(([sign]) => sign)
}

function isRecording(sound: string): boolean {
  const captures = below([sound], /^card\d+$/).flatMap((card) => below([card], /^pcm\d+c$/))
  return below(captures, /^sub\d+$/).some((stream) => /^state: RUNNING$/m.test(textOf(join(stream, 'status'))))
}

/** `block` and idle: what a video call, a presentation or a film asks for. A lock against suspending alone is no sign. */
function isKeptAwake(inhibitors: string): boolean {
  return below([inhibitors], /^\d+$/).some((place) => {
    const text = textOf(place)
    return /^MODE=block$/m.test(text) && (/^WHAT=(.*)$/m.exec(text)?.[1] ?? '').split(':').includes('idle')
  })
}

function below(folders: readonly string[], name: RegExp): readonly string[] {
  return folders
    .flatMap((folder) =>
      namesIn(folder)
        .filter((one) => name.test(one))
        .map((one) => join(folder, one)),
    )
    .slice(0, MAX_NAMES)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).slice(0, MAX_NAMES)
  } catch {
    // No sound, no logind, or another system: nothing is told.
    return []
  }
}

function textOf(path: string): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      const buffer = Buffer.alloc(MAX_BYTES)
      return buffer.toString('latin1', 0, readSync(fd, buffer, 0, MAX_BYTES, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    // It ended a moment ago, or nobody shows it.
    return ''
  }
}
