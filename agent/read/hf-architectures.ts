// Hugging Face's `model_type` (and where it is shared, the class) in llama.cpp's words. Facts of llama.cpp's converter registry
// (conversion/, as of 2026-08) and of transformers 5.18.

/** llama.cpp's word -> model types that differ from it. */
const TYPES: Readonly<Record<string, string>> = {
  llama: 'mistral mixtral ministral ministral3 internlm3 Yi yi aquila vllama3 smolvlm voxtral',
  bert: 'roberta xlm-roberta camembert distilbert',
  bailingmoe: 'bailing_moe',
  bailingmoe2: 'bailing_moe_v2',
  chatglm: 'glm',
  'command-r': 'cohere',
  cohere2moe: 'cohere2_moe',
  deci: 'nemotron-nas',
  deepseek2: 'deepseek_v2 deepseek_v3 kimi_k2 kimi_k25 kimi_vl youtu glm4_moe_lite',
  deepseek32: 'deepseek_v32',
  deepseek4: 'deepseek_v4',
  dream: 'Dream',
  'ernie4_5-moe': 'ernie4_5_moe',
  'exaone-moe': 'exaone_moe',
  falcon: 'RefinedWeb RefinedWebModel',
  'falcon-h1': 'falcon_h1',
  gemma3: 'gemma3_text',
  gemma3n: 'gemma3n_text',
  gemma4: 'gemma4_text',
  'glm-dsa': 'glm_moe_dsa',
  glm4: 'glm4v glm_ocr glm4v_text',
  glm4moe: 'glm4_moe glm4v_moe solar_open',
  'gpt-oss': 'gpt_oss',
  gptneox: 'gpt_neox',
  granitehybrid: 'granitemoehybrid bamba',
  granitemoe: 'granitemoeshared',
  grok: 'grok-1 grok-2',
  grovemoe: 'grove_moe',
  'hunyuan-dense': 'hunyuan_v1_dense',
  'hunyuan-moe': 'hunyuan hunyuan_v1_moe',
  'kimi-linear': 'kimi_linear',
  lfm2: 'lfm2-vl lfm2_vl',
  lfm2moe: 'lfm2_moe',
  'llada-moe': 'llada_moe',
  llama4: 'llama4_text',
  mamba: 'falcon_mamba',
  mimo2: 'mimo_v2_flash mimo_v2',
  'minimax-m2': 'minimax_m2',
  'minimax-m3': 'minimax_m3 minimax_m3_vl',
  mllama: 'mllama_text_model',
  'modern-bert': 'modernbert',
  'neo-bert': 'neobert',
  'nomic-bert': 'nomic_bert',
  olmo: 'hf_olmo',
  olmo2: 'olmo3',
  'pangu-embedded': 'PanguEmbedded',
  paddleocr: 'paddleocr_vl',
  phi2: 'phi',
  phi3: 'phi3_v phi4mm',
  qwen2moe: 'qwen2_moe',
  qwen2vl: 'qwen2_vl qwen2_5_vl qwen2_5_omni',
  qwen3moe: 'qwen3_moe',
  qwen3next: 'qwen3_next',
  qwen3vl: 'qwen3_vl',
  qwen3vlmoe: 'qwen3_vl_moe qwen3_omni_moe',
  qwen35: 'qwen3_5 qwen3_5_text',
  qwen35moe: 'qwen3_5_moe qwen3_5_moe_text',
  refact: 'gpt_refact',
  stablelm: 'stablelm_epoch',
  starcoder: 'gpt_bigcode',
  step35: 'step3p5 step3p7',
  t5: 'mt5 umt5',
}
const ARCHITECTURES: ReadonlyMap<string, string> = new Map(
  Object.entries(TYPES).flatMap(([word, types]) => types.split(' ').map((type): [string, string] => [type, word])),
)
/** Classes that share the `model_type` of another architecture. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['JinaBertModel', 'jina-bert-v2'],
  ['JinaBertForMaskedLM', 'jina-bert-v2'],
  ['T5EncoderModel', 't5encoder'],
  ['LlamaBidirectionalModel', 'llama-embed'],
  ['Gemma3TextModel', 'gemma-embedding'],
  ['Gemma4AssistantForCausalLM', 'gemma4-assistant'],
  ['Gemma4UnifiedAssistantForCausalLM', 'gemma4-assistant'],
  ['CogVLMForCausalLM', 'cogvlm'],
  ['DeepseekOCRForCausalLM', 'deepseek2-ocr'],
  ['DeepseekOCR2ForCausalLM', 'deepseek2-ocr'],
  ['UnlimitedOCRForCausalLM', 'deepseek2-ocr'],
  ['EuroBertModel', 'eurobert'],
  ['JinaEmbeddingsV5Model', 'eurobert'],
  ['RND1', 'rnd1'],
  ['RwkvHybridForCausalLM', 'arwkv7'],
  ['XLMRobertaLoRA', 'jina-bert-v3'],
])

/** The outer type where it has a word in llama.cpp (`qwen2_vl`), else the decoder's own. */
export function nameHfArchitecture(
  classNames: readonly string[],
  outer: string | undefined,
  inner: string | undefined,
): string | undefined {
  const named = classNames.map((name) => CLASSES.get(name)).find((word) => word !== undefined)
  if (named !== undefined) return named
  // Mistral 4 is kept inside the class of Mistral 3.
  const isOuter = outer !== undefined && (ARCHITECTURES.has(outer) || (outer === 'mistral3' && inner !== 'mistral4'))
  const type = isOuter ? outer : (inner ?? outer)
  return type === undefined ? undefined : (ARCHITECTURES.get(type) ?? type)
}

/** Names that converters of different years, or for members of one family, have given to one and the same computation. */
const SAME_COMPUTATION: ReadonlyMap<string, string> = new Map([
  ['mistral3', 'llama'],
  ['granitemoe', 'granite'],
  ['granitehybrid', 'granite'],
  ['nemotron_h_moe', 'nemotron_h'],
  ['nomic-bert-moe', 'nomic-bert'],
  ['deepseek2-ocr', 'deepseek2'],
])

/** The word under which architectures are compared. */
export function comparedArchitecture(architecture: string): string {
  return SAME_COMPUTATION.get(architecture) ?? architecture
}

/** Architectures whose norms subtract the mean; llama.cpp computes all others by root mean square. */
const LAYER_NORM: ReadonlySet<string> = new Set(
  (
    'bert bloom codeshell command-r cohere2 cohere2moe dbrx falcon gpt2 gptj gptneox jais jais2 jina-bert-v2 jina-bert-v3 ' +
    'modern-bert mpt nemotron nomic-bert nomic-bert-moe olmo orion phi2 phimoe rwkv6 rwkv7 stablelm starcoder starcoder2'
  ).split(' '),
)

/** How an architecture norms; the configuration's own words differ from converter to converter. */
export function normKindOf(architecture: string | undefined): 'rms' | 'layer' {
  return LAYER_NORM.has(architecture ?? '') ? 'layer' : 'rms'
}
