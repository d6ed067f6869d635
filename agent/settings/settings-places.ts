// Where the files of settings lie on each system.
import { type Place, pathOf } from './settings.ts'

/** The file of this machine, or of the user who runs the program. */
export function localFileOf(place: Place): string {
  const path = pathOf(place)
  if (place.isRoot && place.platform !== 'win32') return '/etc/gnomon/settings.json'
  const given = place.environment['XDG_CONFIG_HOME']
  const folder = given !== undefined && path.isAbsolute(given) ? given : path.join(place.homeFolder, '.config')
  return path.join(folder, 'gnomon', 'settings.json')
}

/** A file of managed policy, and the user whom it must belong to; null where files have no such owner (Windows). */
export interface ManagedPlace {
  readonly file: string
  readonly owner: number | null
}

/** Where the organisation's own management puts its policy: it wins over everything else. */
export function managedPlaceOf({ platform, environment }: Pick<Place, 'platform' | 'environment'>): ManagedPlace {
  switch (platform) {
    case 'darwin':
      return { file: '/Library/Application Support/Gnomon/managed/settings.json', owner: 0 }
    case 'win32': {
      const path = pathOf({ platform })
      const given = environment['ProgramData']
      const folder = given !== undefined && path.isAbsolute(given) ? given : 'C:\\ProgramData'
      return { file: path.join(folder, 'Gnomon', 'managed', 'settings.json'), owner: null }
    }
    case 'linux':
      return { file: '/etc/gnomon/managed/settings.json', owner: 0 }
  }
}
