// Who asks: the administrator, an enrolled agent, or a stranger; and how often each may.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RateLimits } from '../settings/settings.ts'
import type { Agent, Store } from '../store/store.ts'
import { digestToken, sameDigest } from '../tokens.ts'
import { sendProblem } from './problems.ts'

/** Tokens are 53 characters; what is longer is not hashed at all. */
const MAX_TOKEN_CHARS = 256

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on agent routes once the token is known. */
    agent: Agent | null
  }
}

type AccessHook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

export interface Access {
  readonly requireAdmin: AccessHook
  readonly requireAgent: AccessHook
  /** For routes that strangers may call: enrolment. */
  readonly admitStranger: AccessHook
}

interface AccessOptions {
  readonly store: Pick<Store, 'findAgent'>
  readonly adminTokenDigest: string
  readonly limits: RateLimits
}

/** Makes the hooks; the rate-limit plugin must be registered before. */
export function createAccess(app: FastifyInstance, { store, adminTokenDigest, limits }: AccessOptions): Access {
  app.decorateRequest('agent', null)
  /** Counts one request; true when it was one too many and has been answered. */
  const limit = (max: number, keyGenerator: (request: FastifyRequest) => string): Limiter => {
    const count = app.createRateLimit({ max, timeWindow: 60_000, keyGenerator })
    return async (request, reply) => {
      const state = await count(request)
      if (state.isAllowed || !state.isExceeded) return false
      void reply.header('retry-after', String(state.ttlInSeconds))
      sendProblem(reply, 429, 'GNO_RATE_LIMITED', `more than ${state.max} requests a minute`)
      return true
    }
  }
  const limitStranger = limit(limits.anonymousPerMinute, (request) => request.ip)
  const limitAdmin = limit(limits.adminPerMinute, () => 'admin')
  const limitAgent = limit(limits.agentPerMinute, (request) => request.agent?.agentId ?? request.ip)
  const refuse: AccessHook = async (request, reply) => {
    // Wrong tokens are counted by address, so that guessing is slow and made-up tokens buy no fresh allowance.
    if (await limitStranger(request, reply)) return
    void reply.header('www-authenticate', 'Bearer realm="gnomon"')
    sendProblem(reply, 401, 'GNO_UNAUTHORISED', 'the token is missing or not accepted here')
  }
  return {
    requireAdmin: async (request, reply) => {
      const digest = bearerDigest(request)
      const isAdmin = digest !== null && sameDigest(digest, adminTokenDigest)
      await (isAdmin ? limitAdmin(request, reply) : refuse(request, reply))
    },
    requireAgent: async (request, reply) => {
      const digest = bearerDigest(request)
      request.agent = digest === null ? null : await store.findAgent(digest)
      await (request.agent === null ? refuse(request, reply) : limitAgent(request, reply))
    },
    admitStranger: async (request, reply) => {
      await limitStranger(request, reply)
    },
  }
}

type Limiter = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>

/** The digest of the token that a request carries; null when it carries none that could be one. */
export function bearerDigest(request: FastifyRequest): string | null {
  const header = request.headers.authorization
  if (header === undefined || header.length > MAX_TOKEN_CHARS) return null
  const match = /^Bearer ([\w-]+)$/i.exec(header)
  return match?.[1] === undefined ? null : digestToken(match[1])
}
