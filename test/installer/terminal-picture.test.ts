// The picture of a terminal shows what a person saw, and nothing that was drawn over.
import { describe, expect, it } from '@jest/globals'
import { drawTerminal } from '../../installer/terminal-picture.ts'

/** The lines of text of a picture, without the command line on top. */
function shown(output: string): readonly string[] {
  return [...drawTerminal('npm start', output).matchAll(/<text [^>]*>(.*)<\/text>/g)]
    .map(([, line = '']) => line.replaceAll(/<[^>]+>/g, ''))
    .slice(1)
}

describe('drawTerminal', () => {
  it('shows the command line and the lines as they stand', () => {
    expect(drawTerminal('npm start', 'one\n  two\n')).toContain('npm start')
    expect(shown('one\r\n  two\r\n')).toEqual(['one', '  two'])
  })

  it('leaves out progress that was drawn over or erased', () => {
    expect(shown('\r\u001b[2Kfiles: 10\r\u001b[2Kfiles: 20\r\u001b[2Kdone\n')).toEqual(['done'])
    expect(shown('10 %\r20 %\rdone\n')).toEqual(['done'])
  })

  it('keeps colour, bold and dim', () => {
    const picture = drawTerminal('x', '\u001b[1mwhat\u001b[0m \u001b[31mhigh\u001b[0m \u001b[2mid\u001b[0m')

    expect(picture).toContain('font-weight="bold">what<')
    expect(picture).toContain('fill="#ff7b72">high<')
    expect(picture).toContain('opacity="0.6">id<')
  })

  it('escapes what would be markup, and drops other controls', () => {
    expect(shown('<b>&\u0007\u001b[?25l')).toEqual(['&lt;b&gt;&amp;'])
  })
})
