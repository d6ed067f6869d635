// What a broken chain of reports means, in one sentence for a person.
import type { ChainBreak } from '../../contract/report-chain.ts'

/** One sentence: what is wrong with the reports of a host, and how that can have come. */
export function stateBreak(kind: ChainBreak, sequence: number): string {
  switch (kind) {
    case 'altered':
      return `Report ${sequence} is not what the agent first wrote down: it was altered on the machine or on its way.`
    case 'missing':
      return `Reports before ${sequence} never arrived here: they were removed on the machine, or this collector was restored from a backup.`
    case 'forked':
      return `Report ${sequence} follows one that already has a successor: the agent was restored from an older copy, or this identity is used by two machines.`
    case 'two-machines':
      return 'This identity is used by two machines: both go on with reports of their own. Enrol one of them anew.'
    case 'restarted':
      return `With report ${sequence} the agent began anew: its state was lost, set aside or replaced.`
    case 'unchained':
      return `Report ${sequence} has no place in the chain: an older agent, or another program, sent it.`
  }
}
