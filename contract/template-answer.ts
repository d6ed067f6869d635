// What the isolated parser of chat templates answers: between two processes of the agent, and believed no more than a file.
import { z } from 'zod'

/** As many as the walk tells, with room (CWE-770). */
const MAX_ACTIONS = 256

export const templateAnswerSchema = z
  .object({
    actions: z
      .array(
        z
          .object({
            name: z.string().max(256),
            shown: z.string().max(1_024).optional(),
            facts: z.record(z.string().max(64), z.union([z.string().max(512), z.number(), z.boolean()])).optional(),
            count: z.number().int().min(1),
            /** Character of the template (UTF-16) at which it is first found. */
            at: z.number().int().min(0).optional(),
          })
          .readonly(),
      )
      .max(MAX_ACTIONS)
      .readonly(),
    /** Why the actions may not be all. */
    trouble: z.string().max(1_024).optional(),
  })
  .readonly()
export type TemplateAnswer = z.infer<typeof templateAnswerSchema>

/** Says what a chat template would do, without rendering it. */
export type ScanTemplate = (template: string) => Promise<TemplateAnswer>
