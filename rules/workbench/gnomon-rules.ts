#!/usr/bin/env node
// The detection engineer's program: check, test, pack, diff, keygen. It only joins the parts beside it.
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  EXIT,
  type ExitCode,
  type Invocation,
  type ProgramSpec,
  interpretArguments,
} from '../../contract/command-line.ts'
import { type Failure, type Result, describeFailure, failed, success } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import { type PackFile, packFileSchema } from '../../contract/rule-pack.ts'
import { ruleSchemas } from '../../contract/rule-schemas.ts'
import { canonicalJson } from '../canonical-json.ts'
import { readPack } from '../pack.ts'
import { checkTree } from './check-tree.ts'
import { compilePack, generateSigningKeys, signPack, trustKey } from './compile-pack.ts'
import { diffPacks } from './diff-packs.ts'
import { type Problem, type RuleTree, readRuleTree } from './read-tree.ts'
import { testEntries } from './test-entries.ts'

const RULES = {
  type: 'string',
  value: 'DIR',
  summary: 'The folder of rules. Default: rules of this checkout.',
} as const
const JSON_OUT = { type: 'boolean', summary: 'Print one JSON document.' } as const

const PROGRAM: ProgramSpec = {
  name: 'gnomon-rules',
  summary: 'write, check, test and pack detection rules',
  commands: [
    {
      name: 'check',
      operands: '',
      minOperands: 0,
      maxOperands: 0,
      summary: 'Check every entry: schema, order of keys, ids, vocabulary. Exit code 1 when something is wrong.',
      options: {
        rules: RULES,
        json: JSON_OUT,
        'write-schemas': { type: 'boolean', summary: 'Also write the JSON Schemas that editors use to DIR/schemas.' },
      },
    },
    {
      name: 'test',
      operands: '',
      minOperands: 0,
      maxOperands: 0,
      summary: 'Hold every entry against its examples and counterexamples. Exit code 1 when one fails.',
      options: { rules: RULES, json: JSON_OUT },
    },
    {
      name: 'pack',
      operands: '',
      minOperands: 0,
      maxOperands: 0,
      summary: 'Compile the entries to one canonical JSON pack, signed when a key is given.',
      options: {
        rules: RULES,
        out: { type: 'string', value: 'FILE', summary: 'Where the pack goes. Default: pack.json.' },
        key: { type: 'string', value: 'FILE', summary: 'Ed25519 private key (PEM) to sign with; see keygen.' },
        quiet: { type: 'boolean', summary: 'Print nothing when it succeeds.' },
      },
    },
    {
      name: 'verify',
      operands: 'PACK',
      minOperands: 1,
      maxOperands: 1,
      summary: 'Check that a pack is whole and, with --key, that it is signed by that key.',
      options: { key: { type: 'string', value: 'FILE', summary: 'Ed25519 public key (PEM).' } },
    },
    {
      name: 'diff',
      operands: 'OLD NEW',
      minOperands: 2,
      maxOperands: 2,
      summary: 'Tell the entries that were added, removed or changed between two packs.',
      options: { json: JSON_OUT },
    },
    {
      name: 'keygen',
      operands: '',
      minOperands: 0,
      maxOperands: 0,
      summary: 'Make a key pair for signing packs: FILE (private, mode 0600) and FILE.pub.',
      options: { out: { type: 'string', value: 'FILE', summary: 'Where the keys go. Default: pack-key.pem.' } },
    },
  ],
}

type Values = Invocation['values']

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function complain(failure: Failure): void {
  process.stderr.write(`${printable(describeFailure(failure))}\n`)
}

function textOf(values: Values, name: string, otherwise: string): string {
  const value = values[name]
  return typeof value === 'string' ? value : otherwise
}

/** The rules folder of the checkout: this file runs from dist/rules/workbench. */
function defaultRules(): string {
  const beside = fileURLToPath(new URL('..', import.meta.url))
  return readdirSync(beside).includes('pack.yaml') ? beside : join(beside, '../../rules')
}

function loadTree(values: Values): Result<RuleTree> {
  const folder = textOf(values, 'rules', defaultRules())
  try {
    return success(readRuleTree(folder))
  } catch (error) {
    return failed('GNO_USAGE', `${folder} cannot be read as a folder of rules`, error)
  }
}

function tellProblems(problems: readonly Problem[]): void {
  for (const { file, detail } of problems) process.stderr.write(`${printable(`${file}: ${detail}`)}\n`)
}

function report(values: Values, counts: Readonly<Record<string, number>>, problems: readonly Problem[]): ExitCode {
  if (values['json'] === true) say(JSON.stringify({ ...counts, problems }))
  else {
    tellProblems(problems)
    const told = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
    say(`${told.join(', ')}, ${problems.length} problems`)
  }
  return problems.length === 0 ? EXIT.done : EXIT.findings
}

function check(values: Values): Result<ExitCode> {
  const tree = loadTree(values)
  if (!tree.ok) return tree
  if (values['write-schemas'] === true) writeSchemas(join(textOf(values, 'rules', defaultRules()), 'schemas'))
  const { runtimes, models, policies, threats, vocabulary, digests } = tree.value
  const counts = {
    runtimes: runtimes.length,
    models: models.length,
    policies: policies.length,
    threats: threats.length,
    vocabularies: vocabulary.length,
    digests: digests.length,
  }
  return success(report(values, counts, checkTree(tree.value)))
}

function writeSchemas(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, schema] of ruleSchemas()) writeFileSync(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`)
}

function test(values: Values): Result<ExitCode> {
  const tree = loadTree(values)
  if (!tree.ok) return tree
  const problems = checkTree(tree.value)
  if (problems.length > 0) return success(report(values, { passed: 0 }, problems))
  const pack = readPack({ pack: compilePack(tree.value), signature: null })
  if (!pack.ok) return pack
  const outcome = testEntries(pack.value)
  return success(report(values, { passed: outcome.passed }, outcome.problems))
}

function pack(values: Values): Result<ExitCode> {
  const tree = loadTree(values)
  if (!tree.ok) return tree
  const problems = checkTree(tree.value)
  if (problems.length > 0) {
    tellProblems(problems)
    return failed('GNO_RULE_INVALID', `${problems.length} problems in the rules, no pack was written`)
  }
  const key = typeof values['key'] === 'string' ? readText(values['key']) : success(null)
  if (!key.ok) return key
  const signed = signPack(compilePack(tree.value), key.value)
  if (!signed.ok) return signed
  const out = textOf(values, 'out', 'pack.json')
  const text = `${canonicalJson(signed.value)}\n`
  mkdirSync(dirname(out), { recursive: true })
  // Through a rename: a program that starts meanwhile reads the old pack or the new one, never half of one.
  const draft = `${out}.${process.pid}.tmp`
  writeFileSync(draft, text)
  renameSync(draft, out)
  if (values['quiet'] !== true) {
    const { version, digests } = signed.value.pack
    say(
      `${out}: version ${version}, ${Buffer.byteLength(text)} bytes, ${digests.count} digests, ${signed.value.signature === null ? 'not signed' : 'signed'}`,
    )
  }
  return success(EXIT.done)
}

function readText(path: string): Result<string> {
  try {
    return success(readFileSync(path, 'utf8'))
  } catch (error) {
    return failed('GNO_USAGE', `${path} cannot be read`, error)
  }
}

function readPackFile(path: string): Result<PackFile> {
  const text = readText(path)
  if (!text.ok) return text
  try {
    const parsed = packFileSchema.safeParse(JSON.parse(text.value))
    return parsed.success
      ? success(parsed.data)
      : failed('GNO_PACK_INVALID', `${path}: ${parsed.error.issues[0]?.message ?? ''}`)
  } catch (error) {
    return failed('GNO_PACK_INVALID', `${path} is not JSON`, error)
  }
}

function verifyPack(path: string, values: Values): Result<ExitCode> {
  const file = readPackFile(path)
  if (!file.ok) return file
  const key = typeof values['key'] === 'string' ? readText(values['key']) : null
  if (key?.ok === false) return key
  const trust = key === null ? null : trustKey(key.value)
  if (trust?.ok === false) return trust
  const read = readPack(file.value, trust?.value)
  if (!read.ok) return read
  const isSigned = file.value.signature !== null
  say(
    `${path}: version ${read.value.version}, ${trust === null ? `${isSigned ? 'signed' : 'not signed'}, signature not checked` : 'signed by this key'}`,
  )
  return success(EXIT.done)
}

function diff(oldPath: string, newPath: string, values: Values): Result<ExitCode> {
  const before = readPackFile(oldPath)
  if (!before.ok) return before
  const after = readPackFile(newPath)
  if (!after.ok) return after
  const differences = diffPacks(before.value.pack, after.value.pack)
  if (values['json'] === true) say(JSON.stringify({ differences }))
  else
    for (const { kind, entry, keys } of differences)
      say(`${kind} ${entry}${keys.length > 0 ? ` (${keys.join(', ')})` : ''}`)
  return success(EXIT.done)
}

function keygen(values: Values): Result<ExitCode> {
  const out = textOf(values, 'out', 'pack-key.pem')
  const keys = generateSigningKeys()
  try {
    // Never over an existing key: packs signed with it could not be renewed.
    writeFileSync(out, keys.privateKey, { mode: 0o600, flag: 'wx' })
    writeFileSync(`${out}.pub`, keys.publicKey, { flag: 'wx' })
  } catch (error) {
    return failed('GNO_USAGE', `${out} or ${out}.pub exists or cannot be written`, error)
  }
  say(`${out} signs packs, ${out}.pub checks them`)
  return success(EXIT.done)
}

function run({ command, operands, values }: Invocation): Result<ExitCode> {
  const [first = '', second = ''] = operands
  switch (command.name) {
    case 'check':
      return check(values)
    case 'test':
      return test(values)
    case 'pack':
      return pack(values)
    case 'verify':
      return verifyPack(first, values)
    case 'diff':
      return diff(first, second, values)
    default:
      return keygen(values)
  }
}

function main(): ExitCode {
  const asked = interpretArguments(PROGRAM, process.argv.slice(2), parseArgs)
  if (asked.ok && asked.value.kind === 'help') {
    say(asked.value.text)
    return EXIT.done
  }
  const result = asked.ok && asked.value.kind === 'run' ? run(asked.value.invocation) : asked
  if (!result.ok) {
    complain(result.failure)
    return result.failure.code === 'GNO_USAGE' ? EXIT.usage : EXIT.failure
  }
  return typeof result.value === 'number' ? result.value : EXIT.done
}

process.exitCode = main()
