// The load of bench/ingest.ts, in a thread of its own: many agents on raw keep-alive sockets, each with one report on its way.
import { type Socket, connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface LoadPlan {
  readonly port: number
  readonly tokens: readonly string[]
  readonly reportsEach: number
  /** A report as JSON; `"sequence":1,` and every `@N@` are replaced for each one. */
  readonly template: string
}

export interface LoadResult {
  readonly sent: number
  readonly refused: number
  readonly wallMs: number
  readonly latenciesMs: readonly number[]
}

async function run({ port, tokens, reportsEach, template }: LoadPlan): Promise<LoadResult> {
  const latenciesMs: number[] = []
  let refused = 0
  const started = performance.now()
  await Promise.all(
    tokens.map(async (token, agent) => {
      const socket = await open(port)
      for (let sequence = 1; sequence <= reportsEach; sequence += 1) {
        const body = template
          .replace('"sequence":1,', `"sequence":${sequence},`)
          .replaceAll('host-0', `host-${agent}`)
          .replaceAll('@N@', `${agent}.${sequence}`)
        const before = performance.now()
        const answer = await exchange(socket, { port, token, body })
        latenciesMs.push(performance.now() - before)
        if (!answer.startsWith('HTTP/1.1 200')) refused += 1
      }
      socket.destroy()
    }),
  )
  return { sent: latenciesMs.length, refused, wallMs: performance.now() - started, latenciesMs }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
    socket.setNoDelay(true)
  })
}

interface Post {
  readonly port: number
  readonly token: string
  readonly body: string
}

/** Answers of the collector are small and end with the brace of their JSON. */
function exchange(socket: Socket, { port, token, body }: Post): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const take = (bytes: Buffer): void => {
      answer += bytes.toString('latin1')
      if (!answer.endsWith('}')) return
      socket.off('data', take)
      resolve(answer)
    }
    socket.on('data', take)
    const head = `POST /api/v1/reports HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`
    socket.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  })
}

parentPort?.postMessage(await run(workerData as LoadPlan))
