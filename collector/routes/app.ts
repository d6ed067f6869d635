// The HTTP side of the centre: fastify, its plugins and our routes. No other folder imports fastify.
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance } from 'fastify'
import type { ReportQueue } from '../report-queue.ts'
import type { PolicySource } from '../settings/agent-policy.ts'
import type { RateLimits } from '../settings/settings.ts'
import type { Store } from '../store/store.ts'
import { createAccess } from './access.ts'
import { addAgentRoutes } from './agent-routes.ts'
import { installBodyReader } from './body.ts'
import { installHostCheck } from './host-check.ts'
import { addPageRoutes } from './page-routes.ts'
import { type Log, answerError, installProblems } from './problems.ts'
import { addReadingRoutes } from './reading-routes.ts'

/** A whole request must arrive within this time (slow senders hold no socket for ever). */
const REQUEST_TIMEOUT_MS = 60_000
/** Clients whose rate is remembered; beyond it the longest idle is forgotten. */
const MAX_RATE_KEYS = 50_000

interface AppOptions {
  readonly store: Store
  readonly queue: ReportQueue
  readonly adminTokenDigest: string
  readonly limits: RateLimits
  readonly policy: PolicySource
  /** False: only requests that name loopback are answered. */
  readonly isRemoteAllowed: boolean
  readonly pageFolder: string
  readonly version: string
  readonly now: () => Date
  readonly log: Log
}

/** Builds the application; it listens only when told to. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { store, queue, limits, adminTokenDigest, now, log } = options
  const app = Fastify({
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
    // Reports are taken as they are or refused: nothing is coerced or filled in. Unknown fields of newer agents are dropped.
    ajv: { customOptions: { coerceTypes: false, useDefaults: false, removeAdditional: true, allErrors: false } },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply, log),
  })
  // Response schemas document; they do not reshape what is sent.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  installProblems(app, log)
  installBodyReader(app)
  await app.register(helmet, { hsts: false, contentSecurityPolicy: { useDefaults: false, directives: POLICY } })
  if (!options.isRemoteAllowed) installHostCheck(app)
  await app.register(rateLimit, { global: false, cache: MAX_RATE_KEYS })
  await app.register(swagger, { openapi: openApi(options.version) })
  const access = createAccess(app, { store, adminTokenDigest, limits })
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store')
    done()
  })
  // In a scope of their own, so that the document knows them: swagger only sees routes added after it has loaded.
  await app.register((scope, _options, done) => {
    addAgentRoutes(scope, { store, queue, access, now, log, policy: options.policy })
    addReadingRoutes(scope, store, access, now)
    addPageRoutes(scope, options.pageFolder)
    done()
  })
  return app
}

/** Nothing but our own files; the page needs no inline code and is in nobody's frame. */
const POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

function openApi(version: string) {
  return {
    openapi: '3.1.0',
    info: { title: 'Gnomon collector', version, description: 'Errors answer with {code, detail}; see docs/errors.md.' },
    components: {
      securitySchemes: {
        adminToken: { type: 'http' as const, scheme: 'bearer' },
        agentToken: { type: 'http' as const, scheme: 'bearer' },
      },
    },
  }
}
