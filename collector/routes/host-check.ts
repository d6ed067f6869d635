// Which names the collector answers to. A foreign page whose name was re-pointed to loopback (DNS rebinding) sends its own name
// as Host and would otherwise share an origin with our page; a literal loopback address cannot be re-pointed (CWE-346).
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sendProblem } from './problems.ts'

/** Refuses every request that names another host than this machine's loopback and our port. */
export function installHostCheck(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (isOwnHost(request)) done()
    else sendProblem(reply, 421, 'GNO_HOST_REFUSED', 'the Host header names neither loopback nor our port')
  })
}

function isOwnHost({ headers, socket }: FastifyRequest): boolean {
  const { localAddress = '', localPort = 0 } = socket
  // The address of the connection itself is on the list for 127.0.0.2 and its like.
  const names = ['127.0.0.1', '[::1]', 'localhost', localAddress]
  const asked = headers.host?.toLowerCase() ?? ''
  return names.some((name) => asked === `${name}:${localPort}` || (localPort === 80 && asked === name))
}
