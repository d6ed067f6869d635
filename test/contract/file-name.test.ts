// The last part of a path, whichever system wrote it.
import { describe, expect, it } from '@jest/globals'
import { fileNameOf } from '../../contract/file-name.ts'

describe('fileNameOf', () => {
  it.each([
    ['/home/ada/model.gguf', 'model.gguf'],
    ['C:\\Users\\ada\\model.gguf', 'model.gguf'],
    ['C:/Users/ada\\model.gguf', 'model.gguf'],
    ['/home/ada/m\\xff\\xfe.gguf', 'm\\xff\\xfe.gguf'],
    ['container:/docker-0123456789ab/models/m\\xff', 'm\\xff'],
    ['unlinked:/tmp/a\\b', 'a\\b'],
    ['model', 'model'],
    ['', ''],
  ])('of %j is %j', (path, name) => {
    expect(fileNameOf(path)).toBe(name)
  })
})
