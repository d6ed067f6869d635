import { describe, expect, it } from '@jest/globals'
import { type TensorMark, mapEdits } from '../../rules/edit-map.ts'

const ROLES = ['attn_q', 'attn_output', 'ffn_down'] as const

/** A model of so many blocks; the mark of a tensor is a function of its own name. */
function model(blocks: number): TensorMark[] {
  const inside = Array.from({ length: blocks }, (_, block) =>
    ROLES.map((role) => tensor(`blk.${block}.${role}.weight`)),
  )
  return [tensor('token_embd.weight'), ...inside.flat()]
}

function tensor(name: string, mark = `mark of ${name}`): TensorMark {
  return { name, type: 'Q4_K', shape: [8, 8], mark }
}

function change(tensors: readonly TensorMark[], test: (name: string) => boolean): TensorMark[] {
  return tensors.map((each) => (test(each.name) ? { ...each, mark: `edited ${each.mark}` } : each))
}

describe('mapEdits', () => {
  it('names the one tensor that differs from the approved file', () => {
    const edits = mapEdits(
      model(32),
      change(model(32), (name) => name === 'blk.17.ffn_down.weight'),
    )

    expect(edits.words).toEqual(['96 of 97 tensors equal in their samples, except blk.17.ffn_down.weight'])
  })

  it('says of an equal file only that its samples are equal', () => {
    expect(mapEdits(model(4), model(4)).words).toEqual([
      'all 13 tensors of the same type and shape equal in their samples',
    ])
  })

  it('tells edits of many blocks as a range, and abliteration by the matrices it touches', () => {
    const isEdited = (name: string): boolean => /^blk\.(1\d)\.(attn_output|ffn_down)\./.test(name)

    const { words } = mapEdits(model(20), change(model(20), isEdited))

    expect(words[0]).toContain('except attn_output, ffn_down of blocks 10-19')
    expect(words[1]).toContain('abliteration')
  })

  it.each([
    ['a third of the blocks', 32, /^blk\.(1\d)\.ffn_down\./],
    ['three blocks of four', 4, /^blk\.[0-2]\.ffn_down\./],
    ['the table of tokens alone', 32, /^token_embd\./],
  ])('does not speak of abliteration where %s differ', (_, blocks, edited) => {
    const { words } = mapEdits(
      model(blocks),
      change(model(blocks), (name) => edited.test(name)),
    )

    expect(words).toHaveLength(1)
  })

  it('does not call a model in another container replaced', () => {
    const named = [0, 1].flatMap((block) =>
      ['self_attn.q_proj', 'mlp.down_proj'].map((role) => tensor(`model.layers.${block}.${role}.weight`)),
    )

    const { words, added, removed } = mapEdits(model(2), named)

    expect(words).toEqual(['the tensors are named differently (two containers); compared by norms only'])
    expect([added, removed]).toEqual([[], []])
  })

  it('does not speak of abliteration where other matrices differ', () => {
    const { words } = mapEdits(
      model(8),
      change(model(8), (name) => name.includes('attn_q')),
    )

    expect(words.join(' ')).not.toContain('abliteration')
  })

  it('lists the targets of an adapter as added', () => {
    const adapter = [0, 1, 2].flatMap((block) =>
      ['attn_q', 'attn_v'].flatMap((role) =>
        ['lora_a', 'lora_b'].map((half) => tensor(`blk.${block}.${role}.weight.${half}`)),
      ),
    )

    expect(mapEdits(model(3), [...model(3), ...adapter]).words[1]).toBe(
      'added: attn_q.weight.lora_a, attn_q.weight.lora_b, attn_v.weight.lora_a, attn_v.weight.lora_b of blocks 0-2',
    )
  })

  it('tells the order of a frankenmerge: which blocks were taken from where', () => {
    const base = model(8)
    const order = [0, 1, 2, 3, 2, 3, 4, 5]
    const merged = order.flatMap((from, to) =>
      ROLES.map((role) => tensor(`blk.${to}.${role}.weight`, `mark of blk.${from}.${role}.weight`)),
    )

    expect(mapEdits(base, merged).words.slice(-2)).toEqual([
      'blocks 0-3 are blocks 0-3 of the other',
      'blocks 4-7 are blocks 2-5 of the other',
    ])
  })

  it('tells tensors of another type apart from edited ones', () => {
    const requantized = model(2).map((each) => ({ ...each, type: 'Q8_0' }))

    const edits = mapEdits(model(2), requantized)

    expect(edits).toMatchObject({ equal: 0, compared: 0, differing: [] })
    expect(edits.words[0]).toContain('in another type or shape: ')
  })

  it('stays a sentence that the wire takes when names have 16,000 characters', () => {
    const long = (letter: string): TensorMark => tensor(`blk.1.${letter.repeat(16_000)}.weight`)
    const from = [tensor('a'), long('x')]

    const { words } = mapEdits(from, [tensor('a'), long('y'), long('z')])

    for (const word of words) expect(word.length).toBeLessThan(4_096)
    expect(words.join(' ')).toContain('…')
  })

  it('is not confused by names that an attacker chose', () => {
    const hostile = ['__proto__', 'constructor', 'blk.999999999.x', 'blk.-1.x', 'blk..x', '.', ''].map((name) =>
      tensor(name),
    )

    expect(mapEdits(hostile, hostile).equal).toBe(hostile.length)
  })
})
