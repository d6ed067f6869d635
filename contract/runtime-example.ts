// What an example of a runtime entry says of a process: the same facts that sensors gather, as far as an entry asks for them.
import { z } from 'zod'
import { nameText, text } from './wire.ts'

/** Facts of an example process; what is left out was not seen. */
export const runtimeExampleFactsSchema = z
  .strictObject({
    name: text(4096),
    executablePath: text(4096).optional(),
    commandLine: z.array(text(4096)).max(256).readonly().optional(),
    libraries: z.array(text(512)).max(256).readonly().optional(),
    weights: z
      .array(z.strictObject({ how: z.enum(['mapped', 'open']), format: nameText.nullable() }).readonly())
      .max(64)
      .readonly()
      .optional(),
    listeners: z
      .array(z.strictObject({ port: z.number().int(), scope: z.enum(['loopback', 'any', 'specific']) }).readonly())
      .max(64)
      .readonly()
      .optional(),
    parent: z
      .strictObject({ name: text(512), executablePath: text(4096).nullable(), entryId: nameText.nullable() })
      .readonly()
      .optional(),
    anonymousBytes: z.number().int().min(0).optional(),
    /** Memory on graphics cards and accelerators, how busy they are, and whether the weights fit in it. */
    graphicsBytes: z.number().int().min(0).optional(),
    graphicsBusy: z.number().min(0).max(100).optional(),
    graphicsFit: z.boolean().optional(),
    /** Whether it holds as much memory as the weights that it maps need, and what memory without a file looks a copy of. */
    memoryFits: z.boolean().optional(),
    memoryCopy: z
      .array(z.enum(['opened-before', 'known-size']))
      .max(2)
      .readonly()
      .optional(),
    containerLabels: z
      .array(z.strictObject({ name: text(512), value: text(4096) }).readonly())
      .max(64)
      .readonly()
      .optional(),
    containerImage: text(512).optional(),
    /** Engines and entries whose strings were found in the executable or a mapped object. */
    binaryEngines: z.array(nameText).max(64).readonly().optional(),
    /** Probes that answered as expected. */
    httpAnswers: z.array(nameText).max(64).readonly().optional(),
    /** Entries of which a state file leads to this process. */
    stateFiles: z.array(nameText).max(64).readonly().optional(),
    /** Packages that the executable or script belongs to: `npm:@openai/codex`. */
    packages: z.array(nameText).max(64).readonly().optional(),
  })
  .readonly()
