// What somebody can do about a gap, with the command to type. Where there is none, the catalogue of errors says what to think of it. No
// step leads back to the screen that told it.
import { FAILURES } from '../../contract/failure.ts'
import type { Gap } from '../../contract/wire.ts'
import { shellWord } from '../show/shell-words.ts'

const AS_SERVICE = 'run it as the installed service: systemctl enable --now gnomon-agent'
const LOG = 'journalctl -u gnomon-agent'
const LIST = 'gnomon status --gaps lists each'

/** `hasRights`: the daemon may see what root sees. */
export function nextStep({ code, place }: Pick<Gap, 'code' | 'place'>, hasRights: boolean): string | null {
  switch (code) {
    case 'GNO_SENSE_DENIED':
      return hasRights
        ? `a container or security module refuses it: sysctl kernel.yama.ptrace_scope, aa-status; ${LIST}`
        : `${AS_SERVICE}; ${LIST}`
    case 'GNO_SENSE_OTHER_FILESYSTEM':
      return `where it matters, sweep it by hand: gnomon scan PATH; ${LIST}`
    case 'GNO_SENSE_EXCLUDED':
      return `gnomon settings shows excludes and who set them; ${LIST}`
    case 'GNO_SENSE_LIMIT':
      return `gnomon scan PATH looks at one such place alone; ${LIST}`
    case 'GNO_SENSE_FAILED':
      return `${LOG} -g gap tells when it began; ${LIST}`
    case 'GNO_SENSE_WATCH':
      return 'sysctl fs.inotify.max_user_watches=65536, then systemctl restart gnomon-agent'
    case 'GNO_AGENT_BENCHED':
      return inspect(place)
    case 'GNO_AGENT_SETTINGS':
      return 'gnomon settings shows each value and who set it; nothing to do where it was on purpose'
    case 'GNO_AGENT_KILLED':
    case 'GNO_AGENT_CRASHED':
    case 'GNO_AGENT_STOPPED':
      return `${LOG} -g "worker ended|started|stopped" tells when and by what`
    case 'GNO_AGENT_DISK_LOW':
      return `make room there: df -h ${shellWord(place)}`
    default:
      return code.startsWith('GNO_READ_') ? `gnomon inspect PATH reads one by hand; ${LIST}` : adviceFor(code)
  }
}

function inspect(place: string): string {
  return `look at it by hand: gnomon inspect ${shellWord(place)}`
}

/** What the catalogue of errors tells an operator to do. */
export function adviceFor(code: string): string | null {
  const found = Object.entries(FAILURES).find(([name]) => name === code)
  return found === undefined ? null : found[1].operator
}
