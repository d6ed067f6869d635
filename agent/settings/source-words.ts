// Who says a setting, in the words of an administrator.
import type { SettingSource } from './choose-settings.ts'
import type { LoadedSettings } from './load-settings.ts'

export const SOURCE_WORDS: Readonly<Record<SettingSource, string>> = {
  default: 'default',
  override: 'command line',
  managed: 'managed policy',
  collector: 'collector',
  file: 'settings file',
}

/** `/etc/gnomon/settings.json, managed policy`: everybody who says something; `defaults` where nobody does. */
export function describeSources({ file, sources }: Pick<LoadedSettings, 'file' | 'sources'>): string {
  const others = [...new Set(sources.values())].filter((source) => source !== 'file').map((one) => SOURCE_WORDS[one])
  const all = [...(file === null ? [] : [file]), ...others]
  return all.length === 0 ? 'defaults' : all.join(', ')
}
