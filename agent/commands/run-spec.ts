// The declaration of `gnomon run`, apart from what it does: the first heartbeat reads its command line before the rest is loaded.
import type { CommandSpec } from '../../contract/command-line.ts'
import { FAIL_ON_OPTION, PLACE_OPTIONS } from './command.ts'

export const RUN_SPEC: CommandSpec = {
  name: 'run',
  operands: '[PATH…]',
  minOperands: 0,
  maxOperands: 256,
  summary: 'Run the daemon: sweep, watch, and report to the collector until stopped.',
  details: [
    'Without paths it sweeps every home and model store, mounted media and, as root, containers. Ctrl-C or SIGTERM ends it cleanly.',
    'One daemon works on a state: beside it run is refused with exit code 3 and names its pid, with --once too; gnomon scan looks beside it.',
  ],
  options: {
    once: { type: 'boolean', summary: 'End after the first sweep and its delivery.' },
    json: { type: 'boolean', summary: 'Tell what happens as JSON lines on standard error: for a service.' },
    'fail-on': FAIL_ON_OPTION,
    ...PLACE_OPTIONS,
  },
}
