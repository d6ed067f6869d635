// Which small files deserve a look: the names that say so, and the places.
import { describe, expect, it } from '@jest/globals'
import { isCandidateName } from '../../../agent/read/candidate-name.ts'

const HEX = 'ab'.repeat(32)

describe('isCandidateName', () => {
  it.each([
    ['tiny.gguf', '/home/a/Documents', true],
    ['Tiny.SAFETENSORS', '/tmp', true],
    [`sha256-${HEX}`, '/usr/share/ollama/.ollama/models/blobs', true],
    [HEX, 'C:\\Users\\a\\.cache\\huggingface\\hub\\models--o--n\\blobs', true],
    ['pytorch_model.bin', '/home/a/.cache/huggingface/hub/x', true],
    ['adapter_model.bin', '/home/a/work', true],
    ['optimizer.pt', '/home/a/run/checkpoint-10', true],
    ['firmware.bin', '/lib/firmware', false],
    ['list.pkl', '/home/a/Documents', true],
    ['net.PT', '/srv', true],
    ['training_args.bin', '/home/a/out', true],
    ['.gguf', '/tmp', true],
    ['gguf', '/home/a/models', false],
    ['notes.txt', '/home/a/models', false],
    [HEX, '/home/a/.git/objects', false],
  ])('%s in %s: %s', (name, folder, isCandidate) => {
    expect(isCandidateName(name, folder)).toBe(isCandidate)
  })
})
