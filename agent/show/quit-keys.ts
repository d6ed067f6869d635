// Keys that end a live view. Read one by one, so the terminal sends no signal for Ctrl-C meanwhile: it is a key as well.

/** The keyboard of a terminal: process.stdin. */
export interface KeyStream {
  readonly isTTY?: boolean
  setRawMode?(isRaw: boolean): unknown
  on(event: 'data', listener: (piece: Buffer | string) => void): unknown
  off(event: 'data', listener: (piece: Buffer | string) => void): unknown
  resume(): unknown
  pause(): unknown
}

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const QUIT: readonly string[] = ['q', 'Q', CTRL_C, CTRL_D]

/** Calls `onQuit` for such a key, until it is given back. Without a keyboard (input from a file) only signals end the view. */
export function listenForQuit(keys: KeyStream, onQuit: () => void): () => void {
  if (keys.isTTY !== true || keys.setRawMode === undefined) return () => undefined
  const listen = (piece: Buffer | string): void => {
    const pressed = piece.toString('latin1')
    if (QUIT.some((key) => pressed.includes(key))) onQuit()
  }
  keys.setRawMode(true)
  keys.on('data', listen)
  keys.resume()
  return () => {
    keys.off('data', listen)
    keys.setRawMode?.(false)
    keys.pause()
  }
}
