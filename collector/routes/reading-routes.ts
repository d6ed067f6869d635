// What people and their tools read: fleet, hosts, inventory, findings. All of it needs the admin token.
import type { FastifyInstance } from 'fastify'
import {
  artifactRecordSchema,
  type FindingStatus,
  findingDetailSchema,
  findingRowSchema,
  findingStatusSchema,
  hostDetailSchema,
  hostRowSchema,
  installationRecordSchema,
  pageSchema,
  runtimeRecordSchema,
  summarySchema,
} from '../../contract/collector-api.ts'
import { SEVERITIES, type Severity } from '../../contract/wire.ts'
import type { Store } from '../store/store.ts'
import type { Access } from './access.ts'
import { guardedAnswers } from './answers.ts'
import { sendProblem } from './problems.ts'

const DEFAULT_LIMIT = 100

interface ListQuery {
  readonly limit?: string
  readonly cursor?: string
}
interface InventoryListQuery extends ListQuery {
  readonly host?: string
  readonly q?: string
}
interface FindingListQuery extends InventoryListQuery {
  readonly severity?: Severity
  readonly status?: FindingStatus
  readonly simulated?: 'true' | 'false'
}

// Query values are texts; they are checked as texts, because coercing types would coerce those of reports as well.
const listQuery = {
  limit: { type: 'string', pattern: '^([1-9][0-9]?|[1-4][0-9][0-9]|500)$', description: '1 to 500' },
  cursor: { type: 'string', pattern: '^[0-9]{1,15}([.][0-9]{1,15})?$', description: '`next` of the page before' },
}
const inventoryQuery = {
  ...listQuery,
  host: { type: 'string', maxLength: 512 },
  q: { type: 'string', maxLength: 512, description: 'contained in a name or path' },
}
const findingQuery = {
  ...inventoryQuery,
  severity: { type: 'string', enum: SEVERITIES },
  status: { type: 'string', enum: findingStatusSchema.options },
  simulated: { type: 'string', enum: ['true', 'false'] },
}
const id = { type: 'object', properties: { id: { type: 'string', maxLength: 512 } }, required: ['id'] }

function document(summary: string, response: ReturnType<typeof guardedAnswers>) {
  return { summary, security: [{ adminToken: [] }], response }
}

/** Registers the reading routes. */
export function addReadingRoutes(app: FastifyInstance, store: Store, access: Access, now: () => Date): void {
  const onRequest = access.requireAdmin
  app.get('/api/v1/summary', {
    onRequest,
    schema: document('Fleet numbers', guardedAnswers(summarySchema)),
    handler: () => store.summarise(now().toISOString()),
  })
  addHostRoutes(app, store, access)
  app.get<{ Querystring: InventoryListQuery }>('/api/v1/artifacts', {
    onRequest,
    schema: {
      ...document('Weights on hosts, newest first', guardedAnswers(pageSchema(artifactRecordSchema), 400)),
      querystring: { type: 'object', properties: inventoryQuery },
    },
    handler: ({ query }) => store.listArtifacts(inventoryRequest(query)),
  })
  app.get<{ Querystring: InventoryListQuery }>('/api/v1/runtimes', {
    onRequest,
    schema: {
      ...document('Runtimes on hosts, newest first', guardedAnswers(pageSchema(runtimeRecordSchema), 400)),
      querystring: { type: 'object', properties: inventoryQuery },
    },
    handler: ({ query }) => store.listRuntimes(inventoryRequest(query)),
  })
  app.get<{ Querystring: InventoryListQuery }>('/api/v1/installations', {
    onRequest,
    schema: {
      ...document(
        'Installed AI products on hosts, newest first',
        guardedAnswers(pageSchema(installationRecordSchema), 400),
      ),
      querystring: { type: 'object', properties: inventoryQuery },
    },
    handler: ({ query }) => store.listInstallations(inventoryRequest(query)),
  })
  addFindingRoutes(app, store, access)
}

function addHostRoutes(app: FastifyInstance, store: Store, access: Access): void {
  const onRequest = access.requireAdmin
  app.get<{ Querystring: ListQuery }>('/api/v1/hosts', {
    onRequest,
    schema: {
      ...document('Enrolled hosts', guardedAnswers(pageSchema(hostRowSchema), 400)),
      querystring: { type: 'object', properties: listQuery },
    },
    handler: ({ query }) => store.listHosts(pageRequest(query)),
  })
  app.get<{ Params: { id: string } }>('/api/v1/hosts/:id', {
    onRequest,
    schema: {
      ...document('One host: facts, coverage and gaps', guardedAnswers(hostDetailSchema, 400, 404, 414)),
      params: id,
    },
    handler: async ({ params }, reply) =>
      (await store.describeHost(params.id)) ?? sendProblem(reply, 404, 'GNO_NOT_FOUND', 'no host has this id'),
  })
}

function addFindingRoutes(app: FastifyInstance, store: Store, access: Access): void {
  const onRequest = access.requireAdmin
  app.get<{ Querystring: FindingListQuery }>('/api/v1/findings', {
    onRequest,
    schema: {
      ...document('Findings, most severe first', guardedAnswers(pageSchema(findingRowSchema), 400)),
      querystring: { type: 'object', properties: findingQuery },
    },
    handler: ({ query }) =>
      store.listFindings({
        ...inventoryRequest(query),
        severity: query.severity,
        status: query.status,
        simulated: query.simulated === undefined ? undefined : query.simulated === 'true',
      }),
  })
  app.get<{ Params: { id: string }; Querystring: { host?: string } }>('/api/v1/findings/:id', {
    onRequest,
    schema: {
      ...document(
        'One finding: evidence, history and what it speaks of',
        guardedAnswers(findingDetailSchema, 400, 404, 409, 414),
      ),
      params: id,
      querystring: { type: 'object', properties: { host: inventoryQuery.host } },
    },
    handler: async ({ params, query }, reply) => {
      const [found, ...others] = await store.findFinding(params.id, query.host)
      if (found === undefined) return sendProblem(reply, 404, 'GNO_NOT_FOUND', 'no finding has this id')
      // Only a lying or cloned agent repeats the id of another host; the reader must choose, not the row order.
      if (others.length > 0)
        return sendProblem(
          reply,
          409,
          'GNO_REQUEST_INVALID',
          `${others.length + 1} hosts report this id; add ?host=HOST`,
        )
      return found
    },
  })
}

function pageRequest({ limit, cursor }: ListQuery) {
  return { limit: limit === undefined ? DEFAULT_LIMIT : Number(limit), cursor }
}

function inventoryRequest(query: InventoryListQuery) {
  return { ...pageRequest(query), hostId: query.host, text: query.q === '' ? undefined : query.q }
}
