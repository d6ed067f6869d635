// Rows of the screens of `gnomon status` and `gnomon doctor`: whatever they tell, a row is 100 columns wide at most.
import { printable } from '../../contract/printable.ts'

export const SCREEN_COLUMNS = 100
export const SCREEN_ROWS = 24

/** The text made harmless, cut to what is left beside `used` columns. */
export function fitText(text: string, used: number): string {
  const shown = printable(text)
  const room = SCREEN_COLUMNS - used
  return shown.length <= room ? shown : `${shown.slice(0, room - 1)}…`
}
