// All rows of a list that a collector gives page by page.
import type { z } from 'zod'
import type { RunningCollector } from './programs.ts'

export async function readAll<Row>(
  collector: RunningCollector,
  path: string,
  page: z.ZodType<{ items: readonly Row[]; next: string | null }>,
): Promise<readonly Row[]> {
  const all: Row[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { items, next } = page.parse(await collector.ask(`${path}?limit=500${query}`))
    all.push(...items)
    cursor = next
  }
  return all
}
