// The collector's settings file (settings.json in its state folder). Command-line options win over it.
import { z } from 'zod'
import { nameText, text } from './wire.ts'

export const collectorSettingsSchema = z
  .strictObject({
    /** `HOST:PORT`. */
    listen: nameText.optional(),
    /** Name -> URL of an alert feed, e.g. `{"soc": "syslog://10.0.0.5:601"}`. */
    feeds: z.record(text(64), text(2_048)).optional(),
    /** Absolute path of a JSON object with settings for the agents (contract/agent-policy.ts). */
    agentPolicy: text(4_096).optional(),
    limits: z
      .strictObject({
        agentPerMinute: z.number().int().min(1).max(1e9).optional(),
        adminPerMinute: z.number().int().min(1).max(1e9).optional(),
        anonymousPerMinute: z.number().int().min(1).max(1e9).optional(),
      })
      .readonly()
      .optional(),
  })
  .readonly()
export type CollectorSettings = z.infer<typeof collectorSettingsSchema>
