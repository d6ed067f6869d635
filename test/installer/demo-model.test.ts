// The pictures must show what a real model would: an independent reader has to accept the demo's files.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gguf as parseWithOracle } from '@huggingface/gguf'
import { afterAll, describe, expect, it } from '@jest/globals'
import { RENAMED_MODEL, RUNNING_MODEL, writeDemoModel } from '../../installer/demo-model.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-demo-model-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the models of the demo', () => {
  it.each([
    ['renamed', RENAMED_MODEL, 8_030_261_248],
    ['running', RUNNING_MODEL, 1_100_048_384],
  ])(
    'the %s one has the parameters of the real model, and its file costs next to no disk',
    async (name, model, count) => {
      const path = join(folder, name)

      writeDemoModel(path, model)

      const { tensorInfos } = await parseWithOracle(path, { allowLocalFile: true })
      const parameters = tensorInfos.map(({ shape }) => shape.reduce((product, size) => product * Number(size), 1))
      expect(parameters.reduce((sum, one) => sum + one, 0)).toBe(count)
      expect(statSync(path).blocks * 512).toBeLessThan(statSync(path).size / 100)
    },
  )
})
