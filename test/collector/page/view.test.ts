// What an endpoint says is shown as text, whatever it contains: no markup, no invisible characters, no attribute of its own.
import { beforeAll, describe, expect, it } from '@jest/globals'
import { artifactStory, runtimeStory } from '../../../collector/page/details.js'
import { h, mono, table } from '../../../collector/page/view.js'
import { sampleArtifact, sampleRuntime } from '../sample-report.ts'
import { everyNode, installFakePage, made } from './fake-page.ts'

const HOSTILE: readonly (readonly [string, string, string])[] = [
  ['markup', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  ['an end tag', '</span><script>alert(1)</script>', '</span><script>alert(1)</script>'],
  ['an entity', '&lt;b&gt;&#60;', '&lt;b&gt;&#60;'],
  ['a direction override', 'photo\u202egpj.exe', 'photoU+202Egpj.exe'],
  ['isolates and marks', 'a\u2066b\u2069c\u200fd', 'aU+2066bU+2069cU+200Fd'],
  ['NUL, escape and newline', 'a\u0000b\u001b[31mc\nd', 'aU+0000bU+001B[31mcU+000Ad'],
  ['zero width and byte-order mark', 'pay\u200bpal\ufeff', 'payU+200BpalU+FEFF'],
  ['C1 and line separators', 'a\u009bb\u2028c\u2029', 'aU+009BbU+2028cU+2029'],
  ['half a surrogate pair', 'a\ud800b', 'aU+D800b'],
  ['what is drawn as nothing', 'a\u034fb\u3164c\u{e0041}', 'aU+034FbU+3164cU+E0041'],
]

beforeAll(() => installFakePage())

describe('a text of an endpoint', () => {
  it.each(HOSTILE)('with %s is shown, not obeyed', (_name, text, shown) => {
    const element = made(h('td', {}, text))

    expect(element.textContent).toBe(shown)
    const elements = everyNode(element).filter((node) => node.tag !== null)
    expect(new Set(elements.map((node) => node.tag))).toEqual(new Set(text === shown ? ['td'] : ['td', 'span']))
  })

  it('of 16,000 characters stays one text node, and every one of 16,000 control characters is named', () => {
    const plain = made(h('p', {}, 'x'.repeat(16_000)))
    const controls = made(h('p', {}, '\u202e'.repeat(16_000)))

    expect(plain.children).toHaveLength(1)
    expect(plain.textContent).toHaveLength(16_000)
    expect(controls.textContent).toBe('U+202E'.repeat(16_000))
  })

  it('as an attribute is an attribute, and only listeners are listened to', () => {
    const element = made(h('a', { title: '" onclick="alert(1)', hidden: false, open: true, on: { click: () => null } }))

    expect([...element.attributes]).toEqual([
      ['title', '" onclick="alert(1)'],
      ['open', ''],
    ])
    expect([...element.listeners.keys()]).toEqual(['click'])
  })

  it('that is long is cut in the middle on the page and bounded in the title', () => {
    const element = made(mono(`/home/${'d'.repeat(16_000)}/model.gguf`, 60))

    expect(element.textContent.length).toBeLessThanOrEqual(61)
    expect(element.textContent).toMatch(/^\/home\/d.*…d.*\/model\.gguf$/)
    expect(element.attributes.get('title')).toHaveLength(2_000)
  })

  it('in a title is as visible as on the page', () => {
    const element = made(mono('photo\u202egpj\u3164.exe'))

    expect(element.attributes.get('title')).toBe('photoU+202EgpjU+3164.exe')
  })

  it('in a table stays in its cell', () => {
    const element = made(table('Files', ['Path'], [['</td></tr><tr><td>forged']]))

    const cells = everyNode(element).filter((node) => node.tag === 'td')
    expect(cells.map((cell) => cell.textContent)).toEqual(['</td></tr><tr><td>forged'])
  })
})

describe('the story of', () => {
  const seen = { firstSeenAt: '2026-11-23T08:00:00.000Z', changedAt: '2026-11-23T08:00:00.000Z' }
  const evil = '<script>\u202e'

  it('a model file tells each rung, and a hostile path as text', () => {
    const story = made(artifactStory({ ...seen, artifact: sampleArtifact({ path: evil, parts: [] }) }))

    const nodes = everyNode(story)
    expect(nodes.filter((node) => node.tag === 'li' && node.attributes.has('class'))).toHaveLength(7)
    expect(story.textContent).toContain('<script>U+202E')
    expect(nodes.some((node) => node.tag === 'script')).toBe(false)
  })

  it('a process tells what runs, and a hostile name as text', () => {
    const story = made(runtimeStory({ ...seen, runtime: { ...sampleRuntime(), name: evil } }))

    expect(story.textContent).toContain(`Process ${sampleRuntime().pid}, started as “<script>U+202E”`)
    expect(everyNode(story).some((node) => node.tag === 'script')).toBe(false)
  })
})
