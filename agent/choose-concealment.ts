// From settings to what may leave this machine. Where the key of the pseudonyms cannot be used, only numbers leave: less than was
// asked for is told, never more.
import type { Failure } from '../contract/failure.ts'
import type { Platform } from '../contract/observation.ts'
import { type Concealment, TELL_ALL, tellCounts, tellPseudonyms } from './report/concealment.ts'
import { readHomes } from './sense/known-places.ts'
import { readPseudonymKey } from './settings/pseudonym-key.ts'
import type { Settings } from './settings/settings.ts'

export interface ChosenConcealment {
  readonly concealment: Concealment
  /** Why it is not the level that was asked for. */
  readonly failure: Failure | null
}

/** The concealment that the settings ask for. */
export function chooseConcealment(
  { privacyLevel, pseudonymKeyFile }: Pick<Settings, 'privacyLevel' | 'pseudonymKeyFile'>,
  { hostName, platform }: { readonly hostName: string; readonly platform: Platform },
): ChosenConcealment {
  switch (privacyLevel) {
    case 'full':
      return { concealment: TELL_ALL, failure: null }
    case 'counts':
      return { concealment: tellCounts(), failure: null }
    case 'pseudonymous': {
      if (pseudonymKeyFile === null) {
        return countsFor('pseudonymKeyFile is not set')
      }
      const key = readPseudonymKey(pseudonymKeyFile)
      if (!key.ok) return countsFor(key.failure.detail, key.failure)
      return { concealment: tellPseudonyms(key.value, { hostName, platform, homes: readHomes() }), failure: null }
    }
  }
}

/** Never the level above for want of a key. */
function countsFor(why: string, cause?: Failure): ChosenConcealment {
  const detail = `privacyLevel is pseudonymous, ${why}: only counts are told`
  const failure: Failure = { code: 'GNO_AGENT_PRIVACY_KEY', detail, ...(cause === undefined ? {} : { cause }) }
  return { concealment: tellCounts(), failure }
}
