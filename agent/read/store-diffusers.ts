// A diffusers pipeline (huggingface/diffusers:docs/source/en/using-diffusers/other-formats.md): model_index.json names the parts, and
// each part is a folder with weights and a configuration of its own.
import { shortName } from './store-drafts.ts'
import { type JsonObject, readJsonIn, textOf } from './store-files.ts'
import { filesBelow, readFolderModel } from './store-folder-model.ts'
import type { StoreReader } from './store-reader.ts'

/** Parts of a pipeline: the largest have ten. */
const MAX_COMPONENTS = 64
/** T5 beside a small transformer has eight times its parameters, and is not what makes the picture. */
const LEAD = 10
/** The part that makes the picture is the model that is described. */
const MAIN: readonly string[] = ['transformer', 'unet', 'prior']

export const diffusers: StoreReader = {
  id: 'diffusers',
  signs: ['model_index.json'],
  covers: 'model',
  recognise: ({ files }) => files.includes('model_index.json'),
  async *read(folder, options) {
    const index = readJsonIn(folder, 'model_index.json', options.onGap)
    const pipeline = textOf(index?.get('_class_name'))
    if (index === undefined || pipeline === undefined) return
    const components = componentsOf(index)
    const files = components.flatMap((name) => filesBelow(folder, [name]))
    const isText = (path: readonly string[]): boolean => /\.(json|txt|model|md)$/.test(path.at(-1) ?? '')
    const name = textOf(index.get('_name_or_path'))
    yield* readFolderModel(
      folder,
      {
        weights: files.filter((path) => !isText(path)),
        lead: LEAD,
        beside: [[['model_index.json'], 'index'], ...files.filter(isText).map((path) => [path, roleOf(path)] as const)],
        claims: { tags: [shortName(pipeline)], ...(name === undefined ? {} : { name: shortName(name) }) },
        container: { pipeline: shortName(pipeline), components: shortName(components.join(', ')) },
      },
      options,
    )
  },
}

/** Keys whose value is `[library, class]`, the main part first. A name with a separator leaves the folder and is none (CWE-22). */
function componentsOf(index: JsonObject): readonly string[] {
  const names = [...index].flatMap(([name, value]) => (value instanceof Array && !/[/\\]/.test(name) ? [name] : []))
  const rank = (name: string): number => (MAIN.includes(name) ? MAIN.indexOf(name) : MAIN.length)
  return names.sort((left, right) => rank(left) - rank(right)).slice(0, MAX_COMPONENTS)
}

function roleOf(path: readonly string[]): 'tokenizer' | 'config' {
  return path[0]?.startsWith('tokenizer') === true ? 'tokenizer' : 'config'
}
