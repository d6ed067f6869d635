// `gnomon-collector token`: makes an enrolment token. It is printed once and stored as a digest.
import { randomBytes } from 'node:crypto'
import { EXIT, type Invocation } from '../../contract/command-line.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
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
    options: {
      uses: { type: 'string', value: 'N', summary: 'How many enrolments it is good for; default 1.' },
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
  const hours = countOption(invocation, 'hours', 24, MAX_HOURS)
  if (!hours.ok) return hours
  const folder = openState(context)
  if (!folder.ok) return folder
  const store = openSqliteStore(folder.value.databaseFile)
  if (!store.ok) return store
  const made = makeToken('enrol', randomBytes)
  const createdAt = now().toISOString()
  const expiresAt = new Date(now().getTime() + hours.value * 3_600_000).toISOString()
  await store.value.addEnrolmentToken({ digest: digestToken(made), uses: uses.value, createdAt, expiresAt })
  await store.value.close()
  print(invocation.values['json'] === true ? JSON.stringify({ token: made, uses: uses.value, expiresAt }) : made)
  return success(EXIT.done)
}

function countOption(invocation: Invocation, name: string, otherwise: number, max: number): Result<number> {
  const value = textOption(invocation, name)
  if (value === undefined) return success(otherwise)
  const count = /^[0-9]{1,9}$/.test(value) ? Number(value) : 0
  if (count >= 1 && count <= max) return success(count)
  return failed('GNO_USAGE', `--${name} takes a whole number from 1 to ${max}`)
}
