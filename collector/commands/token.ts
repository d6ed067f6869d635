// `gnomon-collector token`: makes an enrolment token. It is printed once and stored as a digest.
import { randomBytes } from 'node:crypto'
import { EXIT, type Invocation } from '../../contract/command-line.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { ANY_HOST, type Store } from '../store/store.ts'
import { digestToken, makeToken } from '../tokens.ts'
import { type Command, type CommandContext, textOption } from './command.ts'
import { STATE_OPTION, openState } from './state-option.ts'

const MAX_USES = 1_000_000
const MAX_HOURS = 8_760

export const token: Command = {
  spec: {
    name: 'token',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Make an enrolment token and print it; works beside a running collector.',
    details: [
      'A token lets new hosts in. A host that is enrolled already needs one made with --replace, good for one use, or its own state.',
    ],
    options: {
      uses: { type: 'string', value: 'N', summary: 'How many enrolments it is good for; default 1.' },
      replace: {
        type: 'string',
        value: 'HOST',
        summary: 'Enrol this host again, by id or by name; "any" takes whichever host uses the token, also a new one.',
      },
      hours: { type: 'string', value: 'N', summary: 'How many hours it is good for; default 24.' },
      state: STATE_OPTION,
      json: { type: 'boolean', summary: 'Print {"token","uses","expiresAt"}.' },
    },
  },
  run: runToken,
}

async function runToken(context: CommandContext): Promise<Result<0>> {
  const { invocation, now, print } = context
  const uses = countOption(invocation, 'uses', 1, MAX_USES)
  if (!uses.ok) return uses
  const replace = textOption(invocation, 'replace')
  if (replace !== undefined && uses.value !== 1)
    return failed('GNO_USAGE', '--replace takes no --uses: it is good for one')
  const hours = countOption(invocation, 'hours', 24, MAX_HOURS)
  if (!hours.ok) return hours
  const folder = openState(context)
  if (!folder.ok) return folder
  const store = openSqliteStore(folder.value.databaseFile)
  if (!store.ok) return store
  const replaces = await hostToReplace(store.value, replace)
  if (!replaces.ok) {
    await store.value.close()
    return replaces
  }
  const made = makeToken('enrol', randomBytes)
  const createdAt = now().toISOString()
  const expiresAt = new Date(now().getTime() + hours.value * 3_600_000).toISOString()
  const digest = digestToken(made)
  await store.value.addEnrolmentToken({ digest, uses: uses.value, createdAt, expiresAt, replaces: replaces.value })
  await store.value.close()
  print(invocation.values['json'] === true ? JSON.stringify({ token: made, uses: uses.value, expiresAt }) : made)
  return success(EXIT.done)
}

/** A name is settled when the token is made: agents choose their names, and could take that of another later. */
async function hostToReplace(store: Store, named: string | undefined): Promise<Result<string | null>> {
  if (named === undefined) return success(null)
  if (named === 'any') return success(ANY_HOST)
  const [hostId, ...others] = await store.findHostIds(named)
  if (hostId === undefined) return failed('GNO_NOT_FOUND', `no enrolled host has the id or name "${named}"`)
  if (others.length === 0) return success(hostId)
  return failed(
    'GNO_USAGE',
    `several hosts are called "${named}"; name one by its id: ${[hostId, ...others].join(', ')}`,
  )
}

function countOption(invocation: Invocation, name: string, otherwise: number, max: number): Result<number> {
  const value = textOption(invocation, name)
  if (value === undefined) return success(otherwise)
  const count = /^[0-9]{1,9}$/.test(value) ? Number(value) : 0
  if (count >= 1 && count <= max) return success(count)
  return failed('GNO_USAGE', `--${name} takes a whole number from 1 to ${max}`)
}
