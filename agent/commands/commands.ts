// The commands of `gnomon`, one line each, in the order of its help.
import type { Command } from './command.ts'
import { compare } from './compare.ts'
import { doctor } from './doctor.ts'
import { enroll } from './enroll.ts'
import { explain } from './explain.ts'
import { inspect } from './inspect.ts'
import { ps } from './ps.ts'
import { reidentify } from './reidentify.ts'
import { run } from './run.ts'
import { scan } from './scan.ts'
import { settings } from './settings.ts'
import { simulate } from './simulate.ts'
import { status } from './status.ts'

export const commands: readonly Command[] = [
  scan,
  inspect,
  compare,
  ps,
  run,
  enroll,
  status,
  settings,
  explain,
  reidentify,
  simulate,
  doctor,
]
