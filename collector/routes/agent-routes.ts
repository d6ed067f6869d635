// What agents call: enrolment, reports, and a look at their own open findings.
import { randomBytes, randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { agentPolicySchema } from '../../contract/agent-policy.ts'
import { ownFindingsSchema } from '../../contract/collector-api.ts'
import { jsonSchemaOf } from '../../contract/json-schema.ts'
import {
  type EnrolmentAnswer,
  type EnrolmentRequest,
  type Problem,
  type Report,
  acknowledgementSchema,
  enrolmentAnswerSchema,
  enrolmentRequestSchema,
  reportSchema,
} from '../../contract/report.ts'
import type { ReportQueue } from '../report-queue.ts'
import type { PolicySource } from '../settings/agent-policy.ts'
import type { Store } from '../store/store.ts'
import { digestToken, makeToken } from '../tokens.ts'
import { type Access, bearerDigest } from './access.ts'
import { guardedAnswers, openAnswers } from './answers.ts'
import { TAKEN_ENCODINGS } from './body.ts'
import { type Log, sendProblem } from './problems.ts'

/** Largest report, inflated. 500 items of each list are 1-3 MB; eight leave room (CWE-770). */
const MAX_REPORT_BYTES = 8_388_608
/** Largest enrolment request. */
const MAX_ENROLMENT_BYTES = 16_384

interface AgentRouteOptions {
  readonly store: Pick<Store, 'enrol' | 'listOwnFindings'>
  readonly queue: ReportQueue
  readonly access: Access
  readonly now: () => Date
  readonly log: Log
  readonly policy: PolicySource
}

/** Registers the routes of agents. */
export function addAgentRoutes(app: FastifyInstance, options: AgentRouteOptions): void {
  addEnrolment(app, options)
  addReports(app, options)
  addPolicy(app, options)
  const { store, access } = options
  app.get('/api/v1/agent/findings', {
    onRequest: access.requireAgent,
    schema: {
      summary: "The open findings of the agent's own host",
      security: [{ agentToken: [] }],
      response: guardedAnswers(ownFindingsSchema),
    },
    handler: ({ agent }) => {
      if (agent === null) throw new Error('the access hook let a stranger through')
      return store.listOwnFindings(agent.hostId)
    },
  })
}

/** Without a body (RFC 9110 section 15.4.5). */
const UNCHANGED = { description: 'The policy is the one that If-None-Match names.', type: 'null' }

function addPolicy(app: FastifyInstance, { access, policy, log }: AgentRouteOptions): void {
  app.get('/api/v1/agent/policy', {
    onRequest: access.requireAgent,
    schema: {
      summary: 'Settings for agents, with an ETag; 304 when If-None-Match names it',
      security: [{ agentToken: [] }],
      response: { ...guardedAnswers(agentPolicySchema), 304: UNCHANGED },
    },
    handler: (request, reply) => {
      const served = policy()
      if (!served.ok) {
        // Agents keep what they have until the file is mended.
        log('agent policy cannot be used', { code: served.failure.code, detail: served.failure.detail })
        return sendProblem(reply, 503, served.failure.code, 'the policy file cannot be used')
      }
      const { etag, policy: document } = served.value
      void reply.header('etag', etag)
      return request.headers['if-none-match'] === etag ? reply.code(304).send() : reply.send(document)
    },
  })
}

function addEnrolment(app: FastifyInstance, { store, access, now }: AgentRouteOptions): void {
  app.post<{ Body: EnrolmentRequest }>('/api/v1/enrol', {
    bodyLimit: MAX_ENROLMENT_BYTES,
    onRequest: access.admitStranger,
    schema: {
      summary: 'Enrol a host with a token of `gnomon-collector token`',
      description:
        'A host that is enrolled already is enrolled again only with its agent token as bearer, or with a token of `gnomon-collector token --replace`.',
      body: jsonSchemaOf(enrolmentRequestSchema),
      response: openAnswers(enrolmentAnswerSchema, 400, 403, 413, 415, 429, 503),
    },
    handler: async (request, reply) => {
      const { body } = request
      if (body.hostId === '') return sendProblem(reply, 400, 'GNO_REQUEST_INVALID', 'hostId is empty')
      const agentToken = makeToken('agent', randomBytes)
      const enrolled = await store.enrol({
        tokenDigest: digestToken(body.token),
        hostId: body.hostId,
        hostName: body.hostName,
        agentId: `agt_${randomUUID()}`,
        agentTokenDigest: digestToken(agentToken),
        currentTokenDigest: bearerDigest(request),
        at: now().toISOString(),
      })
      if (!enrolled.ok) return sendProblem(reply, 403, enrolled.failure.code, enrolled.failure.detail)
      const answer: EnrolmentAnswer = { ...enrolled.value, agentToken }
      return answer
    },
  })
}

function addReports(app: FastifyInstance, { queue, access, now, log }: AgentRouteOptions): void {
  app.post<{ Body: Report }>('/api/v1/reports', {
    bodyLimit: MAX_REPORT_BYTES,
    onRequest: access.requireAgent,
    config: { hasContent: true },
    schema: {
      summary: 'Deliver one report; a repeated sequence is acknowledged and stores nothing',
      security: [{ agentToken: [] }],
      body: jsonSchemaOf(reportSchema),
      response: guardedAnswers(acknowledgementSchema, 400, 403, 409, 413, 415),
    },
    handler: async ({ agent, body, contentDigest }, reply) => {
      void reply.header('accept-encoding', TAKEN_ENCODINGS)
      if (agent === null) throw new Error('the access hook let a stranger through')
      if (body.host.hostId !== agent.hostId)
        return sendProblem(
          reply,
          403,
          'GNO_UNAUTHORISED',
          'the report speaks for a host that this agent is not enrolled for',
        )
      const receivedAt = now().toISOString()
      const ingested = await queue.submit({ agentId: agent.agentId, report: body, content: contentDigest, receivedAt })
      switch (ingested.kind) {
        case 'accepted':
          if (ingested.broken !== null)
            log('report chain broken', { hostId: agent.hostId, sequence: body.sequence, kind: ingested.broken })
          return { acknowledged: ingested.acknowledged }
        case 'duplicate':
          return { acknowledged: ingested.acknowledged }
        case 'unknown-agent':
          return sendProblem(reply, 401, 'GNO_UNAUTHORISED', 'the agent is no longer enrolled')
        case 'out-of-order': {
          const { expectedSequence } = ingested
          const detail = `sequence ${body.sequence} came before ${expectedSequence}`
          const answer: Problem = { code: 'GNO_REPORT_OUT_OF_ORDER', detail, expectedSequence }
          return reply.code(409).send(answer)
        }
        case 'conflict': {
          const { expectedSequence } = ingested
          const detail = `another report has sequence ${body.sequence}`
          const answer: Problem = { code: 'GNO_REPORT_CONFLICT', detail, expectedSequence }
          return reply.code(409).send(answer)
        }
      }
    },
  })
}
