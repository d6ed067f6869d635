// The inventory on real files: a folder that stands for `/` and homes in it.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Installation, installationSchema } from '../../contract/installation.ts'
import { type InventoryOutcome, senseInventory } from '../../agent/sense-inventory.ts'
import { realPack } from '../rules/real-pack.ts'

let root = ''
let ann = ''
let ben = ''

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'gnomon-inventory-'))
  ann = join(root, 'home/ann')
  ben = join(root, 'home/ben')
  mkdirSync(ann, { recursive: true })
  mkdirSync(ben, { recursive: true })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, content: string | object): void {
  const place = join(root, path)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content))
}

function look(more: { readonly excludes?: readonly string[] } = {}): Promise<InventoryOutcome> {
  return senseInventory({
    platform: 'linux',
    pack: realPack,
    excludes: more.excludes ?? [],
    ownPlaces: [],
    signal: new AbortController().signal,
    homes: [ann, ben],
    root,
  })
}

function of({ installations }: InventoryOutcome, entryId: string): readonly Installation[] {
  return installations.filter((each) => each.entryId === entryId)
}

const metadata = (name: string, version: string): string =>
  `Metadata-Version: 2.4\nName: ${name}\nVersion: ${version}\nSummary: x\n\nName: not-this-one\n`
const LABELLED = 'a'.repeat(64)

describe('an inventory', () => {
  it('names packages of Python wherever their environments lie', async () => {
    put('usr/lib/python3/dist-packages/vllm-0.6.3.dist-info/METADATA', metadata('vllm', '0.6.3'))
    put(
      'opt/conda/envs/ml/lib/python3.11/site-packages/llama_cpp_python-0.3.1.dist-info/METADATA',
      metadata('llama_cpp_python', '0.3.1'),
    )
    put(
      'home/ann/code/.venv/lib/python3.12/site-packages/aider_chat-0.86.1.dist-info/METADATA',
      metadata('aider-chat', '0.86.1'),
    )
    put(
      'home/ann/code/.venv/lib/python3.12/site-packages/requests-2.32.0.dist-info/METADATA',
      metadata('requests', '2.32.0'),
    )

    const seen = await look()

    expect(of(seen, 'vllm')).toMatchObject([{ scope: 'system', version: '0.6.3', confidence: 'likely' }])
    expect(of(seen, 'llama-cpp-python')).toMatchObject([{ scope: 'system', version: '0.3.1', confidence: 'likely' }])
    expect(of(seen, 'aider')).toMatchObject([{ scope: ann, version: '0.86.1', installationKey: `aider@${ann}` }])
    expect(JSON.stringify(seen)).not.toContain('requests')
  })

  it('names packages of Node.js, dpkg, snap, cargo and Homebrew', async () => {
    put('usr/local/lib/node_modules/@openai/codex/package.json', { name: '@openai/codex', version: '0.50.0' })
    put('home/ben/.nvm/versions/node/v22.1.0/lib/node_modules/n8n/package.json', { name: 'n8n', version: '1.99.0' })
    put(
      'var/lib/dpkg/status',
      [
        'Package: docker-model-plugin\nStatus: install ok installed\nVersion: 5:0.1.44-1~debian.12\n',
        'Package: docker-model-plugin\nStatus: deinstall ok config-files\nVersion: 9.9.9\n',
        'Package: bash\nStatus: install ok installed\nVersion: 5.2\n',
      ].join('\n'),
    )
    put('snap/lemonade-server/7/meta/snap.yaml', "name: lemonade-server\nversion: '8.1.2'\napps:\n  version: no\n")
    put('home/ben/.cargo/.crates2.json', {
      installs: { 'mistralrs 0.6.0 (registry+https://x)': {}, 'ripgrep 14.0.0 (x)': {} },
    })
    put('home/linuxbrew/.linuxbrew/Cellar/llama.cpp/6000/INSTALL_RECEIPT.json', {})

    const seen = await look()

    expect(of(seen, 'codex-cli')[0]).toMatchObject({ scope: 'system', version: '0.50.0', confidence: 'likely' })
    expect(of(seen, 'n8n')).toMatchObject([{ scope: ben, version: '1.99.0' }])
    expect(of(seen, 'docker-model-runner')).toMatchObject([{ version: '0.1.44-1~debian.12' }])
    expect(of(seen, 'lemonade')).toMatchObject([{ version: '8.1.2' }])
    expect(of(seen, 'mistral-rs')).toMatchObject([{ version: '0.6.0', scope: ben }])
    expect(of(seen, 'llama-cpp')[0]?.parts).toMatchObject([{ source: 'brew', name: 'llama.cpp', version: '6000' }])
  })

  it('names extensions by their manifest, and by their folder only as possible', async () => {
    put('home/ann/.cursor/extensions/saoudrizwan.claude-dev-3.32.1/package.json', {
      publisher: 'saoudrizwan',
      name: 'claude-dev',
      version: '3.32.1',
    })
    put('home/ben/.vscode-server/extensions/tabnine.tabnine-vscode-3.1.4-linux-x64/package.json', 'no manifest')
    put('home/ann/.config/google-chrome/Default/Extensions/jfgfiigpkhlkbnfnbobbkinehhfdhndo/1.5.0_0/manifest.json', {
      version: '1.5.0',
    })

    const seen = await look()

    expect(of(seen, 'cline')).toMatchObject([{ scope: ann, version: '3.32.1', confidence: 'likely' }])
    expect(of(seen, 'tabnine')).toMatchObject([{ scope: ben, version: '3.1.4', confidence: 'possible' }])
    expect(of(seen, 'page-assist')).toMatchObject([{ scope: ann, version: '1.5.0' }])
  })

  it('names containers and images, and keeps neither environment nor command', async () => {
    put(`var/lib/docker/containers/${LABELLED}/config.v2.json`, {
      ID: LABELLED,
      Config: {
        Image: 'sha256:0f1e2d',
        Labels: { 'ai.ramalama.model': 'secret-model-name' },
        Env: ['API_KEY=sk-secret'],
        Cmd: ['--api-key', 'sk-secret'],
      },
    })
    put('var/lib/docker/image/overlay2/repositories.json', {
      Repositories: {
        'ollama/ollama': { 'ollama/ollama:0.16.2': 'sha256:aa', 'ollama/ollama@sha256:bb': 'sha256:aa' },
        'my.registry:5000/mirror/vllm/vllm-openai': { 'my.registry:5000/mirror/vllm/vllm-openai:latest': 'sha256:cc' },
        postgres: { 'postgres:16': 'sha256:dd' },
      },
    })
    put('home/ben/.local/share/containers/storage/overlay-images/images.json', [
      { id: 'e', names: ['ghcr.io/ggml-org/llama.cpp:server-b7000'] },
    ])
    put('home/ben/.local/share/containers/storage/overlay-containers/containers.json', [
      { id: 'f', metadata: JSON.stringify({ 'image-name': 'docker.io/localai/localai:v3.1.0' }) },
    ])

    const seen = await look()

    const [ollama] = of(seen, 'ollama')
    expect(ollama).toMatchObject({ version: '0.16.2', confidence: 'likely', scope: 'system' })
    expect(ollama?.vulnerabilities).toMatchObject([{ id: 'CVE-2026-7482', version: '0.16.2', below: '0.17.1' }])
    expect(of(seen, 'ramalama')[0]?.parts[0]).toMatchObject({
      source: 'container',
      name: 'image without a name',
      labels: ['ai.ramalama.model'],
    })
    expect(of(seen, 'vllm')[0]?.parts.map(({ source }) => source)).toContain('container-image')
    const told = of(seen, 'llama-cpp').find(({ scope }) => scope === ben)
    expect(told).toMatchObject({ version: 'b7000', confidence: 'likely' })
    expect(told?.vulnerabilities.map(({ id }) => id)).toEqual(['CVE-2026-27940', 'CVE-2026-33298'])
    expect(of(seen, 'localai')).toMatchObject([{ version: 'v3.1.0', scope: ben }])
    expect(JSON.stringify(seen)).not.toMatch(/secret|postgres/)
  })

  it('names services by their unit and their program', async () => {
    put('etc/systemd/system/ollama.service', '[Service]\nExecStart=/usr/local/bin/ollama serve --token sk-secret\n')
    put(
      'etc/systemd/system/harmless.service',
      '[Service]\nEnvironment=A=b\nExecStart=-/usr/local/bin/llama-server -m x\n',
    )
    put('usr/local/bin/llama-server', 'ELF')

    const seen = await look()

    expect(of(seen, 'ollama')[0]?.parts.map(({ source, name }) => `${source} ${name}`)).toContain(
      'service ollama.service',
    )
    const system = of(seen, 'llama-cpp').find(({ scope }) => scope === 'system')
    expect(system?.parts.map(({ source, name }) => `${source} ${name}`)).toEqual(
      expect.arrayContaining(['service harmless.service', 'install-path /usr/local/bin/llama-server']),
    )
    expect(JSON.stringify(seen)).not.toContain('secret')
  })

  it('tells guards that are off, MCP servers and local models of agents, and nothing else of their settings', async () => {
    put(
      'home/ann/.claude/settings.json',
      '{\n// mine\n"permissions": {"defaultMode": "bypassPermissions",},\n"env": {"ANTHROPIC_BASE_URL": "http://localhost:8080", "TOKEN": "sk-secret"}}',
    )
    put('home/ann/.claude.json', {
      projects: {
        '/home/ann/private-project': {
          mcpServers: { files: { command: '/opt/x/npx', args: ['-y', 'private-arg'], env: { K: 'sk-secret' } } },
        },
      },
      mcpServers: {
        tickets: { type: 'http', url: 'https://mcp.private.example/secret', headers: { Authorization: 'sk-secret' } },
      },
    })
    put(
      'home/ben/.codex/config.toml',
      'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n[mcp_servers."local one"]\nurl = "http://127.0.0.1:9000/sse"\n[model_providers.mine]\nbase_url = "https://private.example"\n',
    )

    const seen = await look()

    const [claude] = of(seen, 'claude-code')
    expect(claude).toMatchObject({ scope: ann, confidence: 'possible', pointsAtLocalModel: true })
    expect(claude?.riskySettings).toMatchObject([
      { setting: 'permissions.defaultMode', value: 'bypassPermissions', turnsOff: ['approval'] },
    ])
    expect(claude?.mcpServers.map(({ name, how, reach, program }) => [name, how, reach, program])).toEqual([
      ['tickets', 'address', 'remote', null],
      ['files', 'program', 'local', 'npx'],
    ])
    const codex = of(seen, 'codex-cli').find(({ scope }) => scope === ben)
    expect(codex?.riskySettings.flatMap(({ turnsOff }) => turnsOff)).toEqual(['approval', 'sandbox'])
    expect(codex?.mcpServers).toMatchObject([{ name: 'local one', how: 'address', reach: 'local' }])
    expect(codex?.pointsAtLocalModel).toBe(false)
    expect(JSON.stringify(seen)).not.toMatch(/secret|private/)
  })

  it('gives what the contract takes, and covers every scope that it could look at', async () => {
    const seen = await look()

    for (const each of seen.installations) expect(installationSchema.safeParse(each).error).toBeUndefined()
    expect(seen.coverage).toMatchObject({ sensor: 'inventory', looked: seen.installations.length })
    expect(seen.coveredScopes).toEqual(expect.arrayContaining(['system', ann, ben]))
  })

  it('leaves out what a setting excludes', async () => {
    const seen = await look({ excludes: [join(ann, 'code')] })

    expect(of(seen, 'aider')).toEqual([])
  })
})

describe('an inventory of hostile places', () => {
  it('follows no link, waits for no FIFO, and tells of both', async () => {
    put('outside/@sourcegraph/amp/package.json', { name: '@sourcegraph/amp', version: '1.0.0' })
    mkdirSync(join(ben, '.npm-global/lib'), { recursive: true })
    symlinkSync(join(root, 'outside'), join(ben, '.npm-global/lib/node_modules'))
    mkdirSync(join(root, 'usr/lib/python3/dist-packages/sglang-0.4.0.dist-info'), { recursive: true })
    spawnSync('/usr/bin/mkfifo', [join(root, 'usr/lib/python3/dist-packages/sglang-0.4.0.dist-info/METADATA')])

    const seen = await look()

    expect(of(seen, 'amp')).toEqual([])
    expect(of(seen, 'sglang')).toMatchObject([{ version: '0.4.0', confidence: 'possible' }])
    expect(seen.gaps).toContainEqual(
      expect.objectContaining({ code: 'GNO_SENSE_NOT_A_FILE', place: join(ben, '.npm-global/lib/node_modules') }),
    )
  })

  it('survives deep, large and broken files, and says that they were not read', async () => {
    put('home/ben/.gemini/settings.json', '['.repeat(1_000_000))
    put(
      'home/ben/.cursor/mcp.json',
      `{"mcpServers": {"__proto__": {"command": "npx"}, "x": ${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}}`,
    )
    put('home/ben/.codeium/windsurf/mcp_config.json', `{"mcpServers": "${'x'.repeat(5 * 1024 * 1024)}"}`)

    const seen = await look()

    expect(seen.gaps.map(({ code, place }) => [code, place])).toEqual(
      expect.arrayContaining([
        ['GNO_SENSE_FAILED', join(ben, '.gemini/settings.json')],
        ['GNO_SENSE_LIMIT', join(ben, '.codeium/windsurf/mcp_config.json')],
      ]),
    )
    expect(of(seen, 'cursor').find(({ scope }) => scope === ben)?.mcpServers).toMatchObject([
      { name: '__proto__', program: 'npx' },
    ])
    expect(of(seen, 'windsurf')).toMatchObject([{ confidence: 'possible', mcpServers: [] }])
  })

  const isRoot = process.getuid?.() === 0
  it(`keeps a home that is closed to it out of what is covered${isRoot ? ' (as root every home is open)' : ''}`, async () => {
    const closed = join(ben, '.claude')
    mkdirSync(closed, { recursive: true })
    chmodSync(ben, 0o000)
    try {
      const seen = await look()

      expect(seen.coveredScopes.includes(ben)).toBe(isRoot)
      expect(seen.gaps.some(({ code }) => code === 'GNO_SENSE_DENIED')).toBe(!isRoot)
    } finally {
      chmodSync(ben, 0o755)
    }
  })
})

describe('an inventory of Windows that does not answer', () => {
  it('is told as a gap, and covers nothing', async () => {
    const seen = await senseInventory({
      platform: 'win32',
      pack: realPack,
      excludes: [],
      ownPlaces: [],
      signal: new AbortController().signal,
      homes: [],
      askWindows: () => Promise.resolve({ printed: { trouble: 'no answer in time' } }),
    })

    expect([seen.coverage.state, seen.coveredScopes]).toEqual(['partial', []])
    expect(seen.gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED', place: 'installed on Windows', count: 1 }])
  })
})
