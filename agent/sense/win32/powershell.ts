// Asks Windows PowerShell 5.1, which every supported Windows has (Microsoft Learn: about_PowerShell_exe): by absolute path, with
// an argument array, no profile, and a script that is the same text every time. Nothing observed ever becomes part of a script.
// It is given in clear and not encoded, so that who watches this machine can read what we ask. What it prints does not depend
// on the language of the system: names of classes, numbers, and error ids.
import type { SenseContext } from '../../../contract/observation.ts'
import { type Printed, runProgram } from '../run-program.ts'

/** It starts in half a second; WMI on a machine that is short of memory takes some seconds more. */
const TIMEOUT_MS = 45_000
/** A desktop has 300 processes of 500 bytes each. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** Where Windows is installed. */
export function windowsFolder(): string {
  const told = process.env['SystemRoot'] ?? ''
  // A plain folder of a drive, or the usual one: no share, no relative path (CWE-426).
  return /^[A-Za-z]:\\[A-Za-z0-9_.-]{1,64}$/.test(told) ? told : 'C:\\Windows'
}

/** Where PowerShell stands below the folder of Windows. */
const PLACE = '\\System32\\WindowsPowerShell\\v1.0\\powershell.exe'
/** The same in words, for declarations. */
export const POWERSHELL = `%SystemRoot%${PLACE}`

/**
 * Stops at the first trouble, prints UTF-8, and loads modules of Windows alone: one of a user with the name of ours would be
 * found first (CWE-427). Where a policy restricts the language the encoding stays, and other letters than ASCII are lost.
 */
const BEGINNING = [
  `$ErrorActionPreference='Stop'`,
  `$ProgressPreference='SilentlyContinue'`,
  `$env:PSModulePath=$PSHOME+'\\Modules'`,
  `try{[Console]::OutputEncoding=New-Object -TypeName Text.UTF8Encoding -ArgumentList $false}catch{}`,
]

/** One statement that prints what a source gives, one JSON object a line, or one line with the id of the error. */
export function tellRows(part: string, source: string, fields: string): string {
  const refused = `@{Kind='trouble';Part='${part}';Code=[string]$_.FullyQualifiedErrorId}`
  return `try{${source}|${asRows(part, fields)}}catch{[pscustomobject]${refused}|ConvertTo-Json -Compress}`
}

/** The end of a pipeline: some fields of each object, one JSON object a line. */
function asRows(kind: string, fields: string): string {
  return `ForEach-Object{$_|Select-Object -Property @{n='Kind';e={'${kind}'}},${fields}|ConvertTo-Json -Compress}`
}

/** The statements of a script as the arguments of PowerShell. */
export function scriptArguments(statements: readonly string[]): readonly string[] {
  return ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', [...BEGINNING, ...statements].join(';')]
}

/** Runs a script; what it printed before a limit is kept. */
export async function askPowerShell(statements: readonly string[], { signal }: SenseContext): Promise<Printed> {
  const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_OUTPUT_BYTES, signal, keepsPart: true }
  return await runProgram(`${windowsFolder()}${PLACE}`, scriptArguments(statements), limits)
}
