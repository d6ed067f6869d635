// The shapes that the programs print and send, published as JSON Schema in docs/schemas/. `npm run golden` writes them.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { inspectionSchema } from '../../contract/artifact.ts'
import { findingSchema } from '../../contract/finding.ts'
import { jsonSchemaOf } from '../../contract/json-schema.ts'
import {
  acknowledgementSchema,
  enrolmentAnswerSchema,
  enrolmentRequestSchema,
  problemSchema,
  reportSchema,
  scanSchema,
} from '../../contract/report.ts'
import { runtimeSchema } from '../../contract/runtime.ts'
import { report, scan } from './examples.ts'

const folder = join(dirname(dirname(import.meta.dirname)), 'docs/schemas')
const PUBLISHED = {
  inspection: {
    schema: inspectionSchema,
    title: 'One object of `gnomon inspect --ndjson`',
    example: scan.artifacts[0],
  },
  scan: { schema: scanSchema, title: 'What `gnomon scan --json` prints', example: scan },
  runtime: { schema: runtimeSchema, title: 'One object of `gnomon ps --ndjson`', example: scan.runtimes[0] },
  finding: { schema: findingSchema, title: 'A finding', example: scan.findings[0] },
  report: { schema: reportSchema, title: 'What an agent sends to its collector', example: report },
  acknowledgement: {
    schema: acknowledgementSchema,
    title: 'What the collector answers to a report',
    example: { acknowledged: 7 },
  },
  'enrolment-request': {
    schema: enrolmentRequestSchema,
    title: 'What an agent sends to enrol',
    example: { token: 't', hostId: 'hst1:x', hostName: 'desk-7' },
  },
  'enrolment-answer': {
    schema: enrolmentAnswerSchema,
    title: 'What the collector answers to an enrolment',
    example: { agentId: 'a', agentToken: 'gno_agent_b', nextSequence: 1 },
  },
  problem: {
    schema: problemSchema,
    title: 'Every answer of the collector that is not 2xx',
    example: { code: 'GNO_NOT_FOUND', detail: 'x', expectedSequence: 2 },
  },
} as const
const names = Object.keys(PUBLISHED) as readonly (keyof typeof PUBLISHED)[]

function documentOf(name: keyof typeof PUBLISHED): Record<string, unknown> {
  const { schema, title } = PUBLISHED[name]
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...jsonSchemaOf(schema) }
}

function validatorOf(name: keyof typeof PUBLISHED): ValidateFunction {
  const ajv = new Ajv({ strict: false })
  addFormats.default(ajv)
  return ajv.compile(documentOf(name))
}

describe('the published JSON Schemas', () => {
  it.each(names)('%s is current', (name) => {
    const file = join(folder, `${name}.schema.json`)
    const text = `${JSON.stringify(documentOf(name), null, 2)}\n`
    if (process.env['GNOMON_WRITE_GOLDEN'] === '1') {
      mkdirSync(folder, { recursive: true })
      writeFileSync(file, text)
    }

    expect(existsSync(file) ? readFileSync(file, 'utf8') : `${file} is missing; run npm run golden`).toBe(text)
  })

  it.each(names)('%s accepts what our own schema accepts', (name) => {
    const validate = validatorOf(name)

    expect({ isValid: validate(structuredClone(PUBLISHED[name].example)), errors: validate.errors }).toEqual({
      isValid: true,
      errors: null,
    })
  })

  it.each(names)('%s refuses an object without its fields', (name) => {
    expect(validatorOf(name)({})).toBe(false)
  })

  it('are all there are: no file in the folder is left over', () => {
    // The settings of the agent are no wire type: test/agent/settings holds theirs.
    expect(readdirSync(folder).sort()).toEqual([...names, 'agent-settings'].map((name) => `${name}.schema.json`).sort())
  })
})
