// Keeps the debugger of Node.js shut. At SIGUSR1 it opens on loopback, and every program of this machine that connects to it can do
// what we can.

/** Takes the signal away from it; for a program's first lines. A signal that is listened to keeps no program alive. */
export function keepDebuggerShut(): void {
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined)
}
