// How the agent does: whether it runs, what waits, what it is in trouble with, what it costs.
import { floorOf } from '../self/disk-floor.ts'
import { SOURCE_WORDS } from '../settings/source-words.ts'
import { describeBytes } from '../show/measure.ts'
import { shellWord } from '../show/shell-words.ts'
import { describeCosts, describePace, describeProcesses, describeRestarts } from '../show/own-work.ts'
import { nextStep } from './next-step.ts'
import { type Check, type KnownState, note, ok, type Surroundings } from './check.ts'

/** More restarts than this in a day are no accident. */
const MANY_RESTARTS = 3
/** Of the most that may wait: a collector was away for long. */
const FULL_SHARE = 0.8

export function checkWork(known: KnownState, around: Surroundings): readonly Check[] {
  return [checkDaemon(known), checkSpool(known, around), checkTrouble(known), ...checkCosts(known)]
}

function checkDaemon({ daemon, life, restarts }: KnownState): Check {
  const again = restarts.inDay === 0 ? null : describeRestarts(restarts)
  if (daemon === null) {
    const last = life === null ? '' : `; last alive ${new Date(life.alive.wallMs).toISOString()}`
    return note('daemon', `does not run${last}`, 'systemctl enable --now gnomon-agent, or gnomon run')
  }
  const watched = daemon.supervisorPid === null ? 'not supervised' : 'supervised'
  const told = [`pid ${daemon.pid} since ${daemon.since.slice(0, 16)}Z, ${watched}`, ...(again === null ? [] : [again])]
  const detail = told.join('; restarts: ')
  if (restarts.inDay >= MANY_RESTARTS)
    return note('daemon', detail, 'journalctl -u gnomon-agent -g "worker ended" tells each cause')
  return ok('daemon', detail)
}

export function checkState({ stateFolder, space }: Surroundings): Check {
  if (space === null) return ok('state', stateFolder)
  const { freeBytes, totalBytes } = space
  const detail = `${stateFolder}, ${describeBytes(freeBytes)} of ${describeBytes(totalBytes)} free`
  if (freeBytes >= floorOf(totalBytes)) return ok('state', detail)
  return note(
    'state',
    `${detail}, floor ${describeBytes(floorOf(totalBytes))}`,
    nextStep({ code: 'GNO_AGENT_DISK_LOW', place: stateFolder }, true),
  )
}

export function checkSettings({ loaded: { file, sources, troubles } }: Surroundings): Check {
  const chosen = [...sources].map(([name, source]) => `${name} by the ${SOURCE_WORDS[source]}`)
  const told = `${file ?? 'no settings file'}; ${chosen.length === 0 ? 'all defaults' : `set: ${chosen.join(', ')}`}`
  const [first] = troubles
  if (first === undefined) return ok('settings', told)
  const more = troubles.length === 1 ? '' : ` and ${troubles.length - 1} more`
  const { detail } = first.failure
  return note(
    'settings',
    `${first.place}: ${detail}${more}`,
    'gnomon settings lists them; docs/settings.md tells what each takes',
  )
}

function checkSpool({ status }: KnownState, { loaded, stateFolder }: Surroundings): Check {
  const { spool, damagedFile, lostReports } = status
  const { maxSpoolBytes } = loaded.settings
  const oldest = spool.oldestAt === null ? '' : `, oldest of ${spool.oldestAt.slice(0, 16)}Z`
  const waiting = `${spool.reports} report(s) wait, ${describeBytes(spool.bytes)} of ${describeBytes(maxSpoolBytes)}${oldest}`
  const bad = [
    ...(damagedFile === null ? [] : [`a damaged state was set aside as ${damagedFile}`]),
    ...(lostReports === 0 ? [] : [`${lostReports} report(s) were lost`]),
  ]
  if (bad.length > 0)
    return note('spool', [...bad, waiting].join('; '), `make room there: df -h ${shellWord(stateFolder)}`)
  if (spool.bytes > maxSpoolBytes * FULL_SHARE)
    return note('spool', waiting, 'mend the way to the collector, or raise maxSpoolBytes: old inventory goes first')
  return ok('spool', waiting)
}

function checkTrouble({ conditions }: KnownState): Check {
  const [first] = conditions
  if (first === undefined) return ok('trouble', 'none of its own')
  const told = conditions.map(({ code, place, detail }) => `${code.replace(/^GNO_/, '')} ${place}: ${detail}`)
  const count = conditions.length === 1 ? '' : `${conditions.length}: `
  return note('trouble', `${count}${told.join('; ')}`, nextStep(first, true))
}

function checkCosts({ daemon, life }: KnownState): readonly Check[] {
  const told = daemon === null ? null : describeCosts(life)
  if (told === null) return [ok('costs', 'not measured: no daemon runs, or it began just now')]
  const each = describeProcesses(life)
  return [ok('costs', each === null ? told : `${told}: ${each}`), ok('work', describePace(life) ?? '')]
}
