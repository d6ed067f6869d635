// Sentences about what could not be read quote names of files that no path of the report tells: a part that is missing, an unfinished
// download, data beside a model. Whatever such a sentence quotes is told by its pseudonyms: names of tensors among it, since too much is
// concealed rather than too little.
import type { Pseudonyms } from './pseudonyms.ts'

/** `quoted` puts no quotes inside of quotes; a sentence that was cut may have lost the second one. */
const QUOTED = /"([^"]*)("|$)/g
/** A whole path is concealed like any other. */
const WHOLE_PATH = /^(?:[a-z]{2,32}:)?\/|^~[^/\s]{0,64}\/|^[A-Za-z]:[\\/]/

/** Puts the pseudonym of each component in place of what is quoted. */
export function concealQuotes(sentence: string, pseudonyms: Pseudonyms): string {
  return sentence.replace(QUOTED, (_all, name: string, end: string) => {
    const told = WHOLE_PATH.test(name) ? name : pseudonyms.belowHomes(`root/${name}`).slice('root/'.length)
    return `"${told}${end}`
  })
}
