// First bytes that several formats share, as FormatReader.firstBytes has them: Latin-1, one character a byte. More than a format
// needs does no harm: whoever is asked judges.

/** A zip, or a program that carries one at its end: wherever `Look.zip` finds an archive. */
export const ARCHIVE = 'PM\u007f#'

/** A JSON object, and whatever some reader takes for blanks in front of it. */
export const JSON_OBJECT = '{\t\n\v\f\r \u00a0'
