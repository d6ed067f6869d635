import { describe, expect, it } from '@jest/globals'
import { renderTable } from '../../../agent/show/table.ts'

describe('renderTable', () => {
  it('aligns columns to their widest cell', () => {
    const table = renderTable(
      ['a', 'bb'],
      [
        [{ text: 'long' }, { text: 'x' }],
        [{ text: 's' }, { text: 'y' }],
      ],
      80,
    )

    expect(table).toBe('a     bb\nlong  x\ns     y')
  })

  it('never lets a cell move the cursor or hide text', () => {
    const table = renderTable(['name'], [[{ text: 'a\u001b[2Jb\u202ec\nd' }]], 80)

    expect(table.split('\n')).toHaveLength(2)
    expect(table).toContain('a\\u{1b}[2Jb\\u{202e}c\\u{a}d')
  })

  it('cuts the widest column so that no line is wider than the terminal', () => {
    const table = renderTable(['id', 'path'], [[{ text: 'f1' }, { text: '/x'.repeat(200) }]], 60)

    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60)
    expect(table).toContain('…')
  })
})
