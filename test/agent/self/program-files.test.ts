// The program's own files against the list of when they first ran.
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { compareProgram, type ProgramFiles, readProgramFiles } from '../../../agent/self/program-files.ts'
import { makeFolder, removeFolder } from '../report/sample-sweep.ts'

let folder = ''
let known: ProgramFiles

beforeEach(() => {
  folder = makeFolder()
  mkdirSync(join(folder, 'agent/read'), { recursive: true })
  mkdirSync(join(folder, 'collector'))
  writeFileSync(join(folder, 'agent/gnomon.js'), 'run()')
  writeFileSync(join(folder, 'agent/read/gguf.js'), 'read()')
  known = compareProgram(folder, '1', null).kept
})
afterEach(() => removeFolder(folder))

/** What the next looks say; the list passes through its text as it does in the state. */
function look(build = '1'): readonly string[] {
  const { kept, changes } = compareProgram(folder, build, readProgramFiles(JSON.stringify(known)))
  known = kept
  return changes
}

describe('the files of the program', () => {
  it('are taken as they are at the first look', () => {
    expect(Object.keys(known.files)).toEqual(['agent/gnomon.js', 'agent/read/gguf.js'])
    expect(look()).toEqual([])
  })

  it('are told when one is overwritten with as many bytes and its old time, until that is undone', () => {
    const file = join(folder, 'agent/read/gguf.js')
    const time = new Date('2026-01-01T00:00:00Z')
    utimesSync(file, time, time)
    expect(look()).toEqual([])

    writeFileSync(file, 'skip()')
    utimesSync(file, time, time)

    expect(look()).toEqual(['agent/read/gguf.js differs'])
    expect(look()).toEqual(['agent/read/gguf.js differs'])
    writeFileSync(file, 'read()')
    expect(look()).toEqual([])
  })

  it('are told when one is added or missing', () => {
    writeFileSync(join(folder, 'agent/extra.js'), 'spy()')
    renameSync(join(folder, 'agent/gnomon.js'), join(folder, 'collector/gnomon.js'))

    expect(look()).toEqual(['agent/extra.js was added', 'agent/gnomon.js is missing'])
    rmSync(join(folder, 'agent/extra.js'))
    expect(look()).toEqual(['agent/gnomon.js is missing'])
  })

  it('may all be others in another build', () => {
    writeFileSync(join(folder, 'agent/gnomon.js'), 'run2()')

    expect(look('2')).toEqual([])
  })

  it('are looked at anew where the list is no list', () => {
    expect(readProgramFiles('{"build": 1}')).toBeNull()
    expect(readProgramFiles('not JSON')).toBeNull()
    expect(readProgramFiles('{"build": "1", "files": {"a": 3}}')).toBeNull()
  })
})
