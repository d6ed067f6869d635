// An Installation: one product in one place (a person's home, or the system), with everything that shows it there. What is
// installed need not run; what runs need not be installed.
import { z } from 'zod'
import { because, confidenceSchema, nameText, pathText, sentence, severitySchema, text } from './wire.ts'

/** Databases and places that tell of installed things. */
export const INSTALLATION_SOURCES = [
  'pip',
  'npm',
  'apt',
  'snap',
  'brew',
  'cask',
  'winget',
  'cargo',
  'nuget',
  'application',
  'vscode-extension',
  'chrome-extension',
  'container',
  'container-image',
  'service',
  'install-path',
  'state-file',
  'config',
] as const
export const installationSourceSchema = z.enum(INSTALLATION_SOURCES)
export type InstallationSource = z.infer<typeof installationSourceSchema>

/** One thing that was seen. */
export const installedPartSchema = z
  .object({
    source: installationSourceSchema,
    /** Name in that database: of a package, an extension, an image, a unit, a label. */
    name: nameText,
    version: text(64).nullable(),
    place: pathText,
    /** True when nothing but the name of a file or folder says so. */
    isNameOnly: z.boolean(),
    /** Names of a container's labels that the entry asks for; never their values. */
    labels: z.array(text(128)).max(16).readonly().optional(),
  })
  .readonly()
export type InstalledPart = z.infer<typeof installedPartSchema>

/** A program or address that gives an agent tools. Never its arguments, its environment or its headers. */
export const mcpServerSchema = z
  .object({
    name: text(96),
    /** `program`: it is started here; `address`: it is asked over the network. */
    how: z.enum(['program', 'address']),
    /** `local`: started here, or at a loopback address. */
    reach: z.enum(['local', 'remote', 'unknown']),
    /** Base name of the program that is started; null for an address. */
    program: text(96).nullable(),
    place: pathText,
  })
  .readonly()
export type McpServer = z.infer<typeof mcpServerSchema>

/** A setting that takes an agent's guard away. */
export const guardSettingSchema = z
  .object({
    place: pathText,
    /** Keys from the outside in, with dots between them. */
    setting: text(500),
    value: text(512),
    turnsOff: z
      .array(z.enum(['approval', 'sandbox', 'some-approvals']))
      .max(3)
      .readonly(),
    says: sentence,
  })
  .readonly()
export type GuardSetting = z.infer<typeof guardSettingSchema>

export const installationSchema = z
  .object({
    /** `ENTRY@system`, or `ENTRY@` and a home: the same at every sweep. */
    installationKey: nameText,
    entryId: nameText,
    product: nameText,
    vendor: nameText,
    category: nameText,
    /** `system`, or the home of a person. */
    scope: pathText,
    confidence: confidenceSchema,
    /** Oldest of the versions that were seen: the one that a weakness is held against first. */
    version: text(64).nullable(),
    parts: z.array(installedPartSchema).max(64).readonly(),
    /** Published weaknesses of a version that is there. */
    vulnerabilities: z
      .array(
        z
          .object({
            id: text(64),
            severity: severitySchema,
            version: text(64),
            below: text(64),
            says: sentence,
            reference: text(500),
          })
          .readonly(),
      )
      .max(64)
      .readonly(),
    riskySettings: z.array(guardSettingSchema).max(32).readonly(),
    mcpServers: z.array(mcpServerSchema).max(256).readonly(),
    /** Null: none of its settings tells. */
    pointsAtLocalModel: z.boolean().nullable(),
    because,
  })
  .readonly()
export type Installation = z.infer<typeof installationSchema>

/** What the inventory saw of one thing, before any name means something; it never leaves the endpoint as such. */
export interface InstallationObservation extends Omit<InstalledPart, 'labels'> {
  /** `system`, or the home of a person. */
  readonly scope: string
  /** Names of a container's labels. */
  readonly labels?: readonly string[]
  /** Program that a service starts; never its arguments. */
  readonly program?: string
  /** Id of a container. */
  readonly containerId?: string
  /** Absolute paths of what belongs to it: a folder ends with a slash. */
  readonly owns?: readonly string[]
}
