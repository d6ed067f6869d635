// Process lists of the named libraries, as views of their own: what they list and ours does not would be a blind spot.
// They start programs (`ps`; systeminformation one more for each process), so they never run in the scan loop.
import psList from 'ps-list'
import { processes } from 'systeminformation'

/** Process numbers by ps-list: two runs of `ps`. */
export async function pidsOfPsList(): Promise<readonly number[]> {
  return (await psList()).map((entry) => entry.pid)
}

/** Process numbers by systeminformation: `ps`, and a shell with one `cat` for each process. */
export async function pidsOfSystemInformation(): Promise<readonly number[]> {
  return (await processes()).list.map((entry) => entry.pid)
}
