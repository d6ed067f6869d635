// The surroundings of a command, as this process has them.
import { homedir, hostname } from 'node:os'
import type { Platform } from '../contract/observation.ts'
import type { CommandContext } from './commands/command.ts'
import { terminalOf } from './show/terminal.ts'

export function contextOf(signal: AbortSignal, supervisor: CommandContext['supervisor']): CommandContext {
  return {
    stdout: terminalOf(process.stdout, process.env),
    stderr: terminalOf(process.stderr, process.env),
    environment: process.env,
    platform: platformOf(process.platform),
    isRoot: process.getuid?.() === 0,
    homeFolder: homedir(),
    hostName: hostname(),
    now: () => new Date(),
    signal,
    supervisor,
    keys: () => process.stdin,
  }
}

/** Unix systems other than macOS are treated as Linux: their sensors then report what they could not find. */
function platformOf(platform: NodeJS.Platform): Platform {
  return platform === 'darwin' || platform === 'win32' ? platform : 'linux'
}
