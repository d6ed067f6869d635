// What graphs of TensorFlow do when they run: saved, frozen, as text, for the edge and for browsers, with functions and constants.
import { describe, expect, it } from '@jest/globals'
import {
  buildCheckpointIndex,
  buildGraphDef,
  buildMetaGraph,
  buildSavedModel,
  buildTfjs,
  len,
  num,
  tfNode,
} from '../../../build-protobuf.ts'
import { type JudgedFile, judgeFile } from './judge-file.ts'
import { REACHING_CODE } from './marshalled-code.ts'

/** A constant that holds a text. */
const textNode = (name: string, text: string): Buffer => tfNode(name, 'Const', Buffer.concat([num(1, 7), len(8, text)]))
const node = (
  name: string,
  op: string,
  inputs: readonly string[],
  attributes: readonly (readonly [string, Buffer])[] = [],
): Buffer =>
  Buffer.concat([
    tfNode(name, op),
    ...inputs.map((input) => len(3, input)),
    ...attributes.map(([key, value]) => len(5, [len(1, key), len(2, value)])),
  ])
const usual = [tfNode('x', 'Placeholder'), tfNode('y', 'MatMul')]
/** A graph whose function runs these nodes, where TensorFlow 2 keeps everything. */
const inFunction = (nodes: readonly Buffer[]): Buffer =>
  Buffer.concat([
    ...usual.map((each) => len(1, each)),
    len(1, tfNode('call', '__inference_step_12')),
    len(2, len(1, [len(1, len(1, '__inference_step_12')), ...nodes.map((each) => len(3, each))])),
  ])
const saved = (graph: Buffer): Promise<JudgedFile> =>
  judgeFile('saved_model.pb', buildSavedModel(buildMetaGraph(graph)))

describe('graphs of TensorFlow', () => {
  it('are clean where they calculate, and where they call their own functions', async () => {
    expect((await saved(buildGraphDef())).verdict).toBe('clean')
    expect((await saved(inFunction([tfNode('r', 'Relu')]))).verdict).toBe('clean')
    expect((await judgeFile('frozen.pb', buildGraphDef())).verdict).toBe('clean')
  })

  it.each([
    ['WriteFile', 'malicious', 'graph-writes-files'],
    ['ReadFile', 'suspicious', 'graph-reads-files'],
    ['MatchingFiles', 'suspicious', 'graph-reads-files'],
    ['ImmutableConst', 'suspicious', 'graph-reads-files'],
    ['TFRecordDatasetV2', 'suspicious', 'graph-reads-files'],
    ['PyFunc', 'suspicious', 'graph-calls-python'],
    ['EagerPyFunc', 'suspicious', 'graph-calls-python'],
    ['DataServiceDatasetV4', 'suspicious', 'graph-opens-connections'],
    ['IO>FileRead', 'suspicious', 'graph-foreign-operators'],
  ])('with %s are %s, wherever the node stands', async (op, verdict, threat) => {
    for (const graph of [buildGraphDef([...usual, tfNode('bad', op)]), inFunction([tfNode('bad', op)])]) {
      expect(await saved(graph)).toMatchObject({ verdict, threats: [threat] })
      expect(await judgeFile('frozen.pb', graph)).toMatchObject({ verdict, threats: [threat] })
    }
  })

  it('show the path that a node is given, before or behind it', async () => {
    const write = node('bad', 'WriteFile', ['path:0', '^x'])
    const orders = [
      [textNode('path', '/etc/cron.d/job'), write],
      [write, textNode('path', '/etc/cron.d/job')],
    ]
    for (const nodes of orders) {
      const { actions } = await saved(buildGraphDef([...usual, ...nodes]))
      const action = actions.find(({ name }) => name === 'WriteFile')

      expect(action?.shown).toBe('WriteFile at node bad: /etc/cron.d/job')
      expect(action?.at).toBeGreaterThan(0)
    }
  })

  it('tell printing into a file from printing, and a fixed path from one that is given', async () => {
    const print = node('p', 'PrintV2', [], [['output_stream', len(2, 'stderr')]])
    const write = node('q', 'PrintV2', [], [['output_stream', len(2, 'file:///tmp/x')]])
    const watch = node('d', 'DebugIdentityV3', [], [['debug_urls', len(1, len(2, 'grpc://10.0.0.1:1'))]])
    const save = [textNode('save/Const', 'model'), node('s', 'SaveV2', ['save/Const'])]
    const fixed = [textNode('save/Const', '/root/.ssh/authorized_keys'), node('s', 'SaveV2', ['save/Const'])]

    expect((await saved(buildGraphDef([...usual, print]))).verdict).toBe('clean')
    expect((await saved(buildGraphDef([...usual, print, write]))).verdict).toBe('malicious')
    expect((await saved(buildGraphDef([...usual, watch]))).verdict).toBe('malicious')
    expect((await saved(buildGraphDef([...usual, ...save]))).verdict).toBe('clean')
    expect((await saved(buildGraphDef([...usual, ...fixed]))).verdict).toBe('suspicious')
  })

  it('are not clean where a node cannot be read', async () => {
    const broken = await saved(
      buildGraphDef([...usual, Buffer.concat([len(1, 'n'), len(2, 'Relu'), Buffer.from([0x07])])]),
    )

    expect(broken.isWhole).toBe(false)
    expect(broken.verdict).not.toBe('clean')
  })

  it('have layers of Keras beside them and inside', async () => {
    const layer = {
      class_name: 'Lambda',
      config: { function: [REACHING_CODE, null, null], function_type: 'lambda', module: '__main__' },
    }
    const metadata = JSON.stringify(layer)
    const beside = len(1, [num(2, 1), len(3, 'root.layer-1'), len(4, '_tf_keras_layer'), len(5, metadata)])
    const object = len(7, len(1, len(4, [len(1, '_tf_keras_layer'), len(3, metadata)])))
    const plain = buildSavedModel(buildMetaGraph())
    const inside = buildSavedModel(Buffer.concat([buildMetaGraph(), object]))

    expect((await judgeFile('saved_model.pb', plain)).verdict).toBe('clean')
    expect((await judgeFile('saved_model.pb', plain, { 'keras_metadata.pb': beside })).verdict).toBe('malicious')
    expect((await judgeFile('saved_model.pb', inside)).verdict).toBe('malicious')
  })

  it('are walked as text as well', async () => {
    const text = (op: string): Buffer =>
      Buffer.from(
        `node {\n  name: "x"\n  op: "Placeholder"\n}\nlibrary {\n  function {\n    signature { name: "f" }\n    node_def { name: "bad" op: "${op}" attr { key: "s" value { s: "file:///x" } } }\n  }\n}\n`,
      )

    expect((await judgeFile('graph.pbtxt', text('Relu'))).verdict).toBe('clean')
    expect((await judgeFile('graph.pbtxt', text('WriteFile'))).verdict).toBe('malicious')
    expect((await judgeFile('graph.pbtxt', text('PrintV2'))).verdict).toBe('malicious')
  })
})

describe('data of TensorFlow', () => {
  it('is clean as a checkpoint, and not where the index is cut', async () => {
    const index = buildCheckpointIndex()
    const shard = { 'model.data-00000-of-00001': Buffer.alloc(48) }

    expect((await judgeFile('model.index', index, shard)).verdict).toBe('clean')
    expect((await judgeFile('model.index', index.subarray(0, index.length - 4), shard)).verdict).not.toBe('clean')
  })

  it('of TensorFlow.js stays in its folder', async () => {
    const shard = { 'group1-shard1of1.bin': Buffer.alloc(48) }

    expect((await judgeFile('model.json', buildTfjs(), shard)).verdict).toBe('clean')
    const climbing = await judgeFile('model.json', buildTfjs(['../../secret.bin']), shard)
    expect(climbing.threats).toContain('tfjs-weights-outside')
    expect(climbing.verdict).not.toBe('clean')
  })
})
