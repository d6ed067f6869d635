// Families in names against families of structures: what no honest reading saves is told, and of what the public calls its models
// nothing is. The structures are those of the registry.
import { describe, expect, it } from '@jest/globals'
import type { Claims, Structure } from '../../contract/fingerprint.ts'
import { contradictions } from '../../rules/contradictions.ts'
import { realPack, realTree } from './real-pack.ts'

/** The structure of a key of the registry as a file states it, with as many parameters as its first model has. */
function structureOf(key: string, architecture?: string): Structure {
  const entry = realTree.models.find(({ structureKey }) => structureKey === key)
  if (entry === undefined) throw new Error(`the registry has no ${key}`)
  const [first] = entry.candidates
  return {
    ...entry.match,
    kind: 'text',
    tensorCount: 300,
    parameterCount: first?.parameters ?? 7e9,
    architecture: architecture ?? first?.architectures[0] ?? 'llama',
    ...(entry.match.experts === undefined ? {} : { expertFeedForwardWidth: entry.match.feedForwardWidth }),
  }
}

const MISTRAL_7B = 'L32-d4096-h32/8-ff14336-v32000'
const MISTRAL_7B_V3 = 'L32-d4096-h32/8-ff14336-v32768'
const LLAMA2_7B = 'L32-d4096-h32/32-ff11008-v32000'
const LLAMA2_13B = 'L40-d5120-h40/40-ff13824-v32000'
const LLAMA2_70B = 'L80-d8192-h64/8-ff28672-v32000'
const LLAMA3_8B = 'L32-d4096-h32/8-ff14336-v128256'
const LLAMA3_70B = 'L80-d8192-h64/8-ff28672-v128256'
const LLAMA32_1B = 'L16-d2048-h32/8-ff8192-v128256'
const LLAMA32_3B = 'L28-d3072-h24/8-ff8192-v128256'
const QWEN2_1B = 'L28-d1536-h12/2-ff8960-v151936'
const QWEN2_7B = 'L28-d3584-h28/4-ff18944-v152064'
const QWEN2_14B = 'L48-d5120-h40/8-ff13824-v152064'
const QWEN2_32B = 'L64-d5120-h40/8-ff27648-v152064'
const QWEN3_8B = 'L36-d4096-h32/8-ff12288-v151936'
const QWEN3_14B = 'L40-d5120-h40/8-ff17408-v151936'
const SMOLLM = 'L30-d576-h9/3-ff1536-v49152'
const NEMO = 'L40-d5120-h32/8-ff14336-v131072'

function told(key: string, claims: Claims, path = '/models/file.gguf') {
  const facts = { format: 'gguf', path, sizeBytes: 1, fingerprint: { structure: structureOf(key), claims } }
  return contradictions(facts, realPack)
}

describe('a name of one family on the structure of another', () => {
  it.each<[string, Claims, string]>([
    [LLAMA3_70B, { name: 'Mistral Instruct v0.3' }, 'Mistral'],
    [LLAMA3_70B, { name: 'Mistral Large 70B' }, 'Mistral'],
    [LLAMA2_70B, { placeName: 'library/mixtral' }, 'mixtral'],
    [LLAMA3_8B, { name: 'Gemma 2 9B it' }, 'Gemma'],
    [QWEN2_7B, { name: 'Mistral-7B-Instruct-v0.2' }, 'Mistral'],
    [QWEN3_8B, { name: 'gemma-3-8b' }, 'gemma'],
    [QWEN2_32B, { basename: 'Codestral' }, 'Codestral'],
  ])('is told: %s called %j', (key, claims, word) => {
    const found = told(key, claims)

    expect(found).toHaveLength(1)
    expect(found[0]?.claim).toContain(word)
    expect(found[0]?.observed).toContain(key)
    expect(found[0]?.because.join(' ')).toContain('has this structure')
  })

  it('is told of the name of the file, where nothing in it says otherwise', () => {
    const path = '/home/ann/mistral-7b-instruct-v0.2.Q4_K_M.gguf'

    expect(told(LLAMA3_70B, {}, path)[0]?.claim).toContain('mistral-7b-instruct')
    expect(told(LLAMA3_70B, { name: 'Meta Llama 3 70B' }, path)).toEqual([])
  })

  it('is told of no near match, no adapter and no part of a structure', () => {
    const claims = { name: 'Mistral Instruct' }
    const of = (structure: Structure) =>
      contradictions({ format: 'gguf', path: '/x', sizeBytes: 1, fingerprint: { structure, claims } }, realPack)
    const llama = structureOf(LLAMA3_70B)
    const { vocabularyRows: _, ...partial } = llama

    expect(of(llama)).toHaveLength(1)
    expect(of({ ...llama, vocabularyRows: 128_258 })).toEqual([])
    expect(of({ ...llama, kind: 'adapter' })).toEqual([])
    expect(of(partial)).toEqual([])
  })

  it('is told of no file that says itself where it comes from', () => {
    const name = 'Mistral-flavoured'

    expect(told(LLAMA3_8B, { name })).toHaveLength(1)
    expect(told(LLAMA3_8B, { name, baseModels: [{ name: 'meta-llama/Llama-3.1-8B' }] })).toEqual([])
    expect(told(LLAMA3_8B, { name, tags: ['mergekit', 'merge'] })).toEqual([])
  })
})

/** Public models by the names of their repositories, with the structure that their weights have. */
const HONEST: readonly (readonly [key: string, name: string])[] = [
  [MISTRAL_7B, 'HuggingFaceH4/zephyr-7b-beta'],
  [MISTRAL_7B, 'teknium/OpenHermes-2.5-Mistral-7B'],
  [MISTRAL_7B, 'Intel/neural-chat-7b-v3-1'],
  [MISTRAL_7B, 'openchat/openchat_3.5'],
  [MISTRAL_7B, 'mlabonne/NeuralBeagle14-7B'],
  [MISTRAL_7B, 'berkeley-nest/Starling-LM-7B-alpha'],
  [MISTRAL_7B, 'WizardLM-2-7B'],
  [MISTRAL_7B, 'BioMistral/BioMistral-7B'],
  [MISTRAL_7B, 'llava-hf/llava-v1.6-mistral-7b-hf'],
  [MISTRAL_7B, 'LLaMA v2'],
  [MISTRAL_7B_V3, 'cognitivecomputations/dolphin-2.9.3-mistral-7B-32k'],
  [LLAMA2_7B, 'lmsys/vicuna-7b-v1.5'],
  [LLAMA2_7B, 'liuhaotian/llava-v1.5-7b'],
  [LLAMA2_7B, 'microsoft/Orca-2-7b'],
  [LLAMA2_7B, 'codellama/CodeLlama-7b-Python-hf'],
  [LLAMA2_7B, 'ELYZA-japanese-Llama-2-7b'],
  [LLAMA2_7B, 'Code Llama 7B'],
  [LLAMA2_13B, 'WizardLM/WizardLM-13B-V1.2'],
  [LLAMA2_13B, 'Undi95/MythoMax-L2-13b'],
  [LLAMA2_70B, 'stabilityai/StableBeluga2'],
  [LLAMA2_70B, 'miqu-1-70b'],
  [LLAMA3_8B, 'deepseek-ai/DeepSeek-R1-Distill-Llama-8B'],
  [LLAMA3_8B, 'DeepSeek R1 8B'],
  [LLAMA3_8B, 'NousResearch/Hermes-3-Llama-3.1-8B'],
  [LLAMA3_8B, 'Hermes 3 8B'],
  [LLAMA3_8B, 'mlabonne/NeuralDaredevil-8B-abliterated'],
  [LLAMA3_8B, 'Llama-3-8B-Mistral-slerp-merge'],
  [LLAMA3_8B, 'Magpie-Align/Llama-3-8B-Qwen-distill'],
  [LLAMA3_8B, 'allenai/Llama-3.1-Tulu-3-8B'],
  [LLAMA3_8B, 'aaditya/Llama3-OpenBioLLM-8B'],
  [LLAMA3_70B, 'nvidia/Llama-3.1-Nemotron-70B-Instruct-HF'],
  [LLAMA3_70B, 'Nemotron 70B'],
  [LLAMA3_70B, 'deepseek-ai/DeepSeek-R1-Distill-Llama-70B'],
  [LLAMA3_70B, 'Qwen-Llama-Distill-70B'],
  [LLAMA32_1B, 'unsloth/Llama-3.2-1B-Instruct'],
  [LLAMA32_1B, 'Mistral-Large-Instruct-draft-1B'],
  [LLAMA32_3B, 'Hermes 3 3B'],
  [LLAMA32_3B, 'bunnycore/Gemma-to-Llama-3.2-3B'],
  [QWEN2_1B, 'DeepSeek-R1-Distill-Qwen-1.5B'],
  [QWEN2_1B, 'deepseek-r1:1.5b'],
  [QWEN2_7B, 'OpenThinker-7B'],
  [QWEN2_7B, 'DeepSeek-R1-Distill-Qwen-Llama-7B'],
  [QWEN2_7B, 'nvidia/AceReason-Nemotron-7B'],
  [QWEN2_14B, 'arcee-ai/Virtuoso-Small'],
  [QWEN2_14B, 'DeepCoder-14B-Preview'],
  [QWEN2_32B, 'baichuan-inc/Baichuan-M2-32B'],
  [QWEN2_32B, 'simplescaling/s1.1-32B'],
  [QWEN2_32B, 'NovaSky-AI/Sky-T1-32B-Preview'],
  [QWEN3_8B, 'deepseek-ai/DeepSeek-R1-0528-Qwen3-8B'],
  [QWEN3_8B, 'DeepSeek R1 0528'],
  [QWEN3_14B, 'NousResearch/Hermes-4-14B'],
  [QWEN3_14B, 'phi-flavoured 14B'],
  [SMOLLM, 'HuggingFaceTB/SmolLM2-135M-Instruct'],
  [NEMO, 'nvidia/Mistral-NeMo-12B-Instruct'],
  [NEMO, 'anthracite-org/magnum-v4-12b'],
  [NEMO, 'Llama'],
]

describe('an honest name', () => {
  it.each(HONEST)('is not accused: %s called %s', (key, name) => {
    const byName = told(key, { name: name.split('/').at(-1) ?? name, placeName: name })
    const byFile = told(key, {}, `/models/${(name.split('/').at(-1) ?? name).replaceAll(' ', '-')}.Q4_K_M.gguf`)

    expect([...byName, ...byFile]).toEqual([])
  })

  it('is not accused: any name of the registry on any structure that the registry knows for it', () => {
    const known = realTree.models.flatMap(({ structureKey: key, candidates }) =>
      key === undefined ? [] : candidates.map((candidate) => ({ ...candidate, key })),
    )

    const wrong = known.flatMap(({ key, name, repo }) =>
      told(key, { name, placeName: repo })
        .filter(({ because }) => because.join(' ').includes('of its own family'))
        .map(({ claim }) => `${claim} ${key}`),
    )

    expect(wrong).toEqual([])
  })
})
