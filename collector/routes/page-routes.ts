// The page and what needs no token: the static files of the page, the health answer, the OpenAPI document.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { healthSchema, openApiSchema } from '../../contract/collector-api.ts'
import { openAnswers } from './answers.ts'

const SCRIPT = 'text/javascript; charset=utf-8'
const SCRIPTS = [
  'page.js',
  'agent-use.js',
  'api.js',
  'details.js',
  'finding.js',
  'findings.js',
  'fleet.js',
  'host.js',
  'installed.js',
  'ladder.js',
  'view.js',
  'withheld.js',
]
const FILES = [
  { url: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { url: '/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
  { url: '/favicon.svg', file: 'favicon.svg', type: 'image/svg+xml' },
  ...SCRIPTS.map((file) => ({
    url: `/${file}`,
    file,
    type: SCRIPT,
  })),
]

/** Registers the page; its files are read once, so nothing in a request ever becomes a path. */
export function addPageRoutes(app: FastifyInstance, folder: string): void {
  for (const { url, file, type } of FILES) {
    const content = readFileSync(join(folder, file))
    app.get(url, {
      schema: { hide: true },
      handler: (_request, reply) => reply.type(type).header('cache-control', 'no-cache').send(content),
    })
  }
  for (const url of ['/healthz', '/api/v1/healthz']) {
    app.get(url, {
      schema: { summary: 'Whether the collector answers', response: openAnswers(healthSchema) },
      handler: () => ({ status: 'ok' }),
    })
  }
  app.get('/api/v1/openapi.json', {
    schema: { summary: 'This document', response: openAnswers(openApiSchema) },
    handler: () => app.swagger(),
  })
}
