// What of a command line may leave the sensor, as data. Everything that is not here becomes its length.
// The lists follow the command-line signatures of the runtimes known to the rule pack: without `--rpc` or `-m
// vllm.entrypoints…` a renamed runtime could not be told from a text editor. Each group says why its members are safe.

/** How the value of a switch is judged before it may leave. */
export type ValueKind =
  /** No value follows. */
  | 'none'
  /** Free text of a person or a secret: always becomes its length, whatever it looks like. */
  | 'content'
  /** Digits, at most one dot; of a known runtime only. */
  | 'number'
  /** A number, an address of this machine's own interfaces, or both: `0.0.0.0`, `127.0.0.1:8080`, `[::1]`; of a known runtime only. */
  | 'address'
  /** A weights file; of a known runtime also a model store or a model id of a hub: `/m/x.gguf`, `org/name:Q4_K`. */
  | 'model'
  /** `-m`: a Python module of the list behind an interpreter, or a path with the ending of a weights file; git and mail use it for messages. */
  | 'module-or-model'
  /** `-c`: a number (context size of llama.cpp) of a known runtime; for shells and Python it is a program text. */
  | 'number-or-content'
  /** One of the words of SAFE_WORDS. */
  | 'word'

/** Many short words in few lines. */
function words(...lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => line.split(' '))
}

interface SwitchGroup {
  readonly why: string
  readonly kind: ValueKind
  readonly names: readonly string[]
}

const GROUPS: readonly SwitchGroup[] = [
  {
    why: 'which weights are loaded: the very thing that is reported',
    kind: 'model',
    names: words(
      '--model --model-id --model-path --model_path --models-dir --model-dir --models-directory --model-repository',
      '--model-store --model_repository_path --source_model --base_model --base-model --base-directory',
      '--diffusion-model --vae --mmproj --lora --lora-scaled --control-vector --draft --model-draft -md',
      '--ckpt --checkpoint --tokenizer --served-model-name -hf -hfr --hf-repo --hf-file -hff -mu',
      '--model-url -dr --docker-repo --mmproj-url',
    ),
  },
  { why: 'Python module of a known runtime, or weights', kind: 'module-or-model', names: ['-m'] },
  { why: 'context size, or a program text', kind: 'number-or-content', names: ['-c'] },
  {
    why: 'where it listens: an inference interface beyond loopback is a finding',
    kind: 'address',
    names: words('--host --listen --listen-host --server-name --bind --bind-address --address --rpc --ip'),
  },
  {
    why: 'sizes, counts and ports: how much of the machine the model takes',
    kind: 'number',
    names: words(
      '--port --listen-port --api-port --rest_port --rest-port --ctx-size --context-size --contextsize',
      '--max-model-len --n-ctx --n_ctx -ngl --gpu-layers --n-gpu-layers --n_gpu_layers --gpulayers',
      '--threads -t --threads-batch -tb --batch-size -b --ubatch-size -ub --parallel -np --n-predict -n',
      '--tensor-parallel-size --pipeline-parallel-size -tp -pp --tp --tp-size --gpu-memory-utilization',
      '--max-num-seqs --main-gpu -mg --seed -s --workers --timeout --defrag-thold --rope-freq-base',
      '--rope-freq-scale --draft-max --draft-min',
    ),
  },
  {
    why: 'a choice among words that the program itself defines',
    kind: 'word',
    names: words(
      '--device --dtype --quantization -q --loader --backend --cache-type-k -ctk --cache-type-v -ctv',
      '--split-mode -sm --flash-attn -fa --pooling --rope-scaling --log-level --runtime --engine',
      '--kv-cache-dtype --load-format --utility-sub-type --type --permission-mode --approval-mode',
      '--ask-for-approval --sandbox --local-provider',
    ),
  },
  {
    why: 'on or off, nothing of a person in it',
    kind: 'none',
    names: words(
      '--serve --server --nobrowser --share --api --public-api --mlx-engine --oss --local --mlock --no-mmap',
      '--mmap --embedding --embeddings --reranking --rerank --jinja --no-webui --webui --metrics --slots',
      '--cont-batching -cb --no-warmup --verbose -v --version --help -h --cpu --lowvram --highvram',
      '--normalvram --novram --xformers --no-half --medvram --usecublas --usevulkan --useclblast',
      '--windows-standalone-build --trust-remote-code --enforce-eager --cpu-moe --extra-model-paths-config',
      '--front-end-version --interactive -i --conversation -cnv --no-conversation -u -E -I -O -B',
      '--no-sandbox --expose-gc --experimental-vm-modules --dangerously-skip-permissions',
      '--allow-dangerously-skip-permissions --allow-all --allow-all-paths --allow-all-tools',
      '--allow-all-urls --dangerously-bypass-approvals-and-sandbox --full-auto --autopilot --yolo -y',
      '--enable-auto-tool-choice --dangerously-allow-all --skip-permissions-unsafe --trust-all-tools --yes-always',
    ),
  },
  {
    why: 'the name tells that a text or a secret was given; what follows is never shown',
    kind: 'content',
    names: words(
      '-p --prompt --system-prompt -sys --system -f --file --prompt-file --reverse-prompt -r --in-prefix',
      '--in-suffix --grammar --chat-template --api-key --api_key --apikey --token --hf-token --hf_token',
      '-hft --password --auth --gradio-auth --header -H --message --query --input --text -e --eval --print',
      '--config --api-key-file --user --data -d -x --exec',
    ),
  },
]

/** Allow-listed switches and how their values are judged. */
export const SWITCHES: ReadonlyMap<string, ValueKind> = new Map(
  GROUPS.flatMap((group) => group.names.map((name) => [name, group.kind] as const)),
)

/** Values of `word` switches: the words that the programs define themselves. */
export const SAFE_WORDS: ReadonlySet<string> = new Set(
  words(
    'cpu cuda cuda:0 cuda:1 rocm hip metal mps vulkan sycl opencl xpu npu gpu tpu auto on off none true',
    'false enabled disabled f32 f16 bf16 fp16 fp32 fp8 float16 float32 bfloat16 half float int8 int4 q8_0',
    'q5_1 q5_0 q4_1 q4_0 iq4_nl awq gptq gguf marlin bitsandbytes exl2 exllamav2 exllamav3 exllamav2_hf',
    'exllamav3_hf llama.cpp llamacpp_hf transformers tensorrt-llm vllm sglang layer row linear yarn mean',
    'cls last rank safetensors pt ollama lmstudio debug info warning error docker podman mlx onnxruntime',
    'openvino on_device_model.mojom.OnDeviceModelService utility renderer gpu-process zygote',
    'danger-full-access never yolo bypassPermissions',
  ),
)

/** Sub-commands by program: they are safe because the program defines them, and only in the places where it expects them. */
export const SUB_COMMANDS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    ollama: 'serve, run, runner, pull, create, push, cp, ps, show, list, launch, start',
    llama: 'serve, run, cli, bench',
    nlc: 'chat, complete, pull, source, inspect, init',
    'node-llama-cpp': 'chat, complete, pull, source, inspect, init',
    lms: 'server, server start, load, get, import, daemon, daemon up, link, ps, ls',
    vllm: 'serve, chat, complete, bench, run-batch',
    sglang: 'serve',
    'local-ai': 'run, models, federated, worker',
    aphrodite: 'run, serve',
    mistralrs: 'serve, run, tune, quantize',
    mlx_lm: 'server, generate, chat, lora, fuse, convert, dwq, awq, gptq, dynamic_quant',
    mlx_vlm: 'server, generate, chat, lora',
    mlc_llm: 'serve, chat, compile, convert_weight',
    lmdeploy: 'serve, chat, lite, convert',
    openllm: 'serve, run, hello',
    max: 'serve, generate, warm-cache',
    nexa: 'infer, serve, pull, run, list',
    docker: 'model, model run, model pull, model serve, model ls, model ps, model package, model install-runner, run',
    dmr: 'serve',
    ramalama: 'run, serve, pull, list, bench, chat, rag',
    foundry: 'model, model run, service, service start, cache',
    tabby: 'serve, download',
    'open-webui': 'serve',
    flowise: 'start',
    langflow: 'run',
    n8n: 'start',
    transformers: 'serve, chat',
    hf: 'download, upload, cache, models, jobs',
    'huggingface-cli': 'download, upload, login',
    unsloth: 'studio, train, export, inference',
    axolotl: 'train, preprocess, merge-lora, inference',
    tune: 'run, download, cp, ls, validate',
    'llamafactory-cli': 'train, chat, api, webui, webchat, export, eval',
    trl: 'sft, dpo, grpo, kto, reward, vllm-serve, chat',
    megatron: 'sft',
    lmf: 'train, chat, api, webui, webchat, eval, export',
    'nexa-cli': 'infer, serve, pull, run, list',
    clawdbot: 'gateway, agent, daemon',
    moltbot: 'gateway, agent, daemon',
    swift: 'sft, pt, rlhf, infer, deploy, web-ui, export',
    litgpt: 'finetune, finetune_lora, pretrain, chat, serve, download, generate',
    goose: 'session, run, configure, serve, web',
    hermes: 'gateway, chat, setup, model',
    opencode: 'serve, run, auth, web, acp',
    openclaw: 'gateway, agent, daemon',
    letta: 'server, run',
    harbor: 'up, down, run, pull, llamacpp, ollama',
    gemini: 'gemma, gemma setup, gemma start, gemma stop, gemma status, gemma logs',
    infinity_emb: 'v2',
    tritonserver: '',
    uvicorn: 'open_webui.main:app',
  }).map(([program, commands]) => [program, commands.split(', ')] as const),
)

/** First words that may leave of a program not listed above: a renamed runtime keeps its sub-command, and none is a word of prose. */
export const ANY_PROGRAM_COMMANDS: readonly string[] = ['serve', 'runner']

/**
 * Programs that run models. Only theirs is a bare number, an address or a model id a setting of a
 * runtime: of any other program the same text may be a PIN or a name.
 */
export const RUNTIMES: ReadonlySet<string> = new Set(
  words(
    'ollama llama llama-server llama-cli llama-run llama-simple llama-simple-chat llama-bench llama-mtmd-cli',
    'llama-llava-cli llama-perplexity llama-embedding llama-tts llama-speculative llama-imatrix llama-batched-bench',
    'rpc-server com.docker.llama-server llamafile koboldcpp whisper-cli whisper-server',
    'whisper-stream whisper-command whisper-bench parakeet-cli sd sd-server nlc node-llama-cpp lms llmster lm-studio',
    'vllm sglang local-ai aphrodite mistralrs mistralrs-server mlx_lm mlx_lm.server mlx_vlm mlc_llm lmdeploy openllm nexa',
    'dmr ramalama foundry tabby open-webui msty-local text-generation-launcher text-generation-router',
    'text-generation-server tritonserver infinity_emb xinference litellm ktransformers lightllm',
    'transformers transformers-cli unsloth axolotl llamafactory-cli trl litgpt torchserve tgi exo jan Jan gpt4all GPT4All',
    'InvokeAI invokeai invokeai-web privateGPT',
  ),
)

/** Folders of projects whose scripts have names like `server.py`: what lies in them is the runtime. */
export const RUNTIME_FOLDERS: ReadonlySet<string> = new Set(
  words(
    'text-generation-webui koboldcpp tabbyAPI ComfyUI stable-diffusion-webui stable-diffusion-webui-forge sdnext Fooocus',
    'InvokeAI SillyTavern kohya_ss Wan2GP privateGPT llama.cpp whisper.cpp',
  ),
)

/** Folders in which runtimes keep their models: a path through one of them names a model. */
export const STORE_FOLDERS: ReadonlySet<string> = new Set(
  words(
    '.ollama .lmstudio lm-studio LM-Studio huggingface modelscope .nexa llama.cpp llama-cpp text-generation-webui ComfyUI',
  ),
)

/** Programs whose first operand is a script: the script is what really runs. */
export const INTERPRETERS: readonly string[] = words('python pypy node nodejs bun deno ruby bash sh dash zsh')

/** Top-level Python packages that may leave as `-m PACKAGE.module`. */
export const MODULES: ReadonlySet<string> = new Set(
  words(
    'TTS aider aphrodite axolotl comfy ctransformers ctranslate2 deepspeed diffusers exo fastchat',
    'faster_whisper gaia gpt4all gptme gradio huggingface_hub infinity_emb interpreter invokeai khoj',
    'ktransformers langflow letta lightllm litellm litgpt llama_cpp llamafactory llm lmdeploy mii mlc_llm',
    'mlx mlx_lm mlx_vlm onnxruntime onnxruntime_genai open_webui openllm openvino openvino_genai ovms',
    'peft petals piper private_gpt sglang swift tensorrt_llm tinygrad torch torchtune transformers trl',
    'unsloth unsloth_cli uvicorn vllm whisper whisperx xinference',
  ),
)

/** Components of a path that may leave: names that systems and projects give, not people. */
export const PATH_COMPONENTS: ReadonlySet<string> = new Set(
  words(
    'bin lib lib64 libexec share src app apps server scripts build dist release node_modules site-packages versions opt tools',
    'venv .venv env .local .cache .config .nvm .npm .npm-global .bun .deno .cargo .pyenv .conda miniconda3 anaconda3 current default snap',
    'models blobs hub snapshots manifests .ollama ollama .lmstudio lm-studio LM-Studio .cache/huggingface huggingface',
    'llama.cpp llama-cpp koboldcpp koboldcpp.py llamafile text-generation-webui tabbyAPI ComfyUI stable-diffusion-webui',
    'stable-diffusion-webui-forge forge sdnext automatic Fooocus InvokeAI invokeai SillyTavern OneTrainer ai-toolkit fluxgym FramePack',
    'kohya_ss Wan2GP privateGPT private-gpt open-webui open_webui gpt4all GPT4All Jan jan Msty anythingllm-desktop whisper.cpp vllm',
    'server.py main.py start.py launch.py webui.py app.py run.py one_click.py generate.py entry_with_update.py demo_gradio.py wgp.py',
    'run_inference.py run_inference_server.py train_network.py sdxl_train_network.py flux_train_network.py sd3_train.py sdxl_train.py',
    'train_db.py fine_tune.py kohya_gui.py train.py train_ui.py train_ui_ctk.py train_ui_qt.py train_remote.py server.js main.js index.js',
    'cli.js cli.mjs openclaw.mjs @anthropic-ai claude-code @openai codex @google gemini-cli @qwen-code qwen-code @sourcegraph amp',
    '@ampcode cli @github copilot @augmentcode auggie opencode-ai @continuedev @charmland crush @factory cline flowise',
    'node-llama-cpp python python3 node bun deno',
    'vllm sglang open-webui local-ai mlx_lm mlx_lm.server mlc_llm lmdeploy xinference litellm ollama llama-server llama-cli lms exo',
    'text-generation-server text-generation-launcher koboldcpp ramalama invokeai-web llama_cpp dist-packages local usr',
    'transformers transformers-cli hf huggingface-cli unsloth axolotl tune trl swift litgpt aider goose opencode openclaw letta n8n',
  ),
)

/** Endings of weights files; of such a name in a home the ending may leave, and more only behind a model switch. */
export const WEIGHTS_ENDINGS: readonly string[] = words(
  '.gguf .safetensors .ggml .bin .pt .pth .ckpt .onnx .llamafile .engine .tflite .nemo .mlmodelc',
)

/** Beginnings that secrets announce themselves with. A value that starts so never leaves, whatever its place. */
export const SECRET_BEGINNINGS: readonly string[] = words(
  'sk- sk_ pk_ rk_ hf_ ghp_ gho_ ghs_ ghu_ github_pat_ glpat- xox AKIA ASIA AIza ya29. eyJ npm_ pypi-',
  'dop_v1_ nvapi- gsk_ r8_ Bearer Basic',
)
