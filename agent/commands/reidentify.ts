// `gnomon reidentify`: puts names in place of pseudonyms, for whoever holds the key (docs/works-council.md). It sends nothing.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { failed, type Result, success } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import { whyNoState } from '../report/find-state.ts'
import { createReidentifier } from '../report/reidentify.ts'
import { namesHere } from '../report/names-here.ts'
import { readHomes } from '../sense/known-places.ts'
import { settingsOf, stateOf } from '../session.ts'
import type { Settings } from '../settings/settings.ts'
import { readPseudonymKey } from '../settings/pseudonym-key.ts'
import { readBoundedText } from '../settings/settings-file.ts'
import { type Command, type CommandContext, PLACE_OPTIONS, report, textOption } from './command.ts'

/** A saved report or export of one host, or a list of the names of a large company. */
const MAX_FILE_BYTES = 64 * 1024 * 1024

export const reidentify: Command = {
  spec: {
    name: 'reidentify',
    operands: '[PSEUDONYM…]',
    minOperands: 0,
    maxOperands: 256,
    summary: 'Put names in place of pseudonyms, with the key that the works council keeps.',
    details: [
      'Tries the names and paths that this machine knows, and those of --names. Reads PSEUDONYM or the text of --file, writes to',
      'standard output, sends nothing. A pseudonym of a name that was not tried stays, and is counted on standard error.',
    ],
    options: {
      key: { type: 'string', value: 'FILE', summary: 'The key; default the setting pseudonymKeyFile.' },
      names: { type: 'string', value: 'FILE', summary: 'Names or paths to try, one a line.' },
      file: { type: 'string', value: 'FILE', summary: 'A text that holds pseudonyms: a saved page, report or export.' },
      ...PLACE_OPTIONS,
    },
  },
  run: (invocation, context) => Promise.resolve(runReidentify(invocation, context)),
}

function runReidentify(invocation: Invocation, context: CommandContext): ExitCode {
  const done = reidentifyAll(invocation, context)
  return done.ok ? done.value : report(context, done.failure)
}

function reidentifyAll(invocation: Invocation, context: CommandContext): Result<ExitCode> {
  const loaded = settingsOf(invocation, context)
  if (!loaded.ok) return loaded
  const keyFile = textOption(invocation, 'key') ?? loaded.value.settings.pseudonymKeyFile
  if (keyFile === null) return failed('GNO_USAGE', 'reidentify needs --key FILE')
  const key = readPseudonymKey(keyFile)
  if (!key.ok) return key
  const text = textOf(invocation)
  if (!text.ok) return text
  const listed = listedNames(invocation)
  if (!listed.ok) return listed
  const known = knownNames(loaded.value.settings, invocation, context)
  if (!known.ok) return known
  const names = [context.hostName, ...readHomes(), ...listed.value, ...known.value]
  const { text: found, unknown } = createReidentifier(key.value, names)(text.value)
  context.stdout.write(`${found.split('\n').map(printable).join('\n')}\n`)
  if (unknown.length > 0) context.stderr.write(`${unknown.length} pseudonym(s) are of names that were not tried.\n`)
  return success(EXIT.done)
}

/** Names that this machine has told of. With a list of names it works on any machine, so also where no agent ever ran. */
function knownNames(settings: Settings, invocation: Invocation, context: CommandContext): Result<readonly string[]> {
  const absent = whyNoState(settings.stateFolder)
  const isWanted = textOption(invocation, 'state') !== undefined || textOption(invocation, 'names') === undefined
  if (absent !== null) return isWanted ? { ok: false, failure: absent } : success([])
  const state = stateOf(settings, context)
  if (!state.ok) return state
  const known = namesHere(state.value)
  state.value.close()
  return known
}

function textOf(invocation: Invocation): Result<string> {
  const file = textOption(invocation, 'file')
  if (file === undefined && invocation.operands.length === 0)
    return failed('GNO_USAGE', 'reidentify needs pseudonyms or --file FILE')
  const read = file === undefined ? success('') : readNamedFile(file)
  return read.ok ? success([...invocation.operands, read.value].join('\n').trimEnd()) : read
}

function listedNames(invocation: Invocation): Result<readonly string[]> {
  const file = textOption(invocation, 'names')
  if (file === undefined) return success([])
  const read = readNamedFile(file)
  return read.ok ? success(read.value.split(/\r?\n/)) : read
}

function readNamedFile(file: string): Result<string> {
  const read = readBoundedText(file, MAX_FILE_BYTES)
  if (!read.ok) return failed('GNO_USAGE', read.failure.detail, read.failure.cause)
  return read.value === null ? failed('GNO_USAGE', `${file} does not exist`) : success(read.value)
}
