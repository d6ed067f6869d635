// What a runtime entry knows of its product beside evidence: where it lies, how it answers, how it is configured, what is
// wrong with old versions. Sensors, probes and the inventory read these lists, so nothing of a product is written in code.
// Paths: `~` is a user's home, `%VAR%` a Windows variable; a path that begins with neither and with no slash lies in a
// project's folder. Program names carry no `.exe`.
import { z } from 'zod'
import { literalOperators, oneOrMore, word } from './literal-operators.ts'
import { nameText, severitySchema, text } from './wire.ts'

const id = z
  .string()
  .max(96)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
const names = z.array(nameText).min(1).max(64).readonly()
const says = text(300)

/** Paths by system. */
export const platformPaths = z
  .strictObject({
    linux: z.array(text(300)).max(32).readonly().optional(),
    darwin: z.array(text(300)).max(32).readonly().optional(),
    win32: z.array(text(300)).max(32).readonly().optional(),
  })
  .readonly()

/** Keys from the outside in; `*` is every member of a list. Text, so that no key can be an operator. */
const jsonPlace = z.array(text(96)).min(1).max(8).readonly()

/** A metadata request to a candidate's own loopback listener (DESIGN.md section 6): GET only, no body, no redirect. */
export const probeSchema = z
  .strictObject({
    /** Unique in the pack; the value of the field `httpAnswer` when the answer was as expected. */
    id,
    method: z.literal('GET'),
    /** Path and query. */
    path: z
      .string()
      .max(200)
      .regex(/^\/[\x21-\x7e]*$/),
    /** All of it must hold. */
    answer: z
      .strictObject({
        status: z.number().int().min(100).max(599),
        /** Header names in lower case; with no operator the header must be there. */
        headers: z
          .array(z.strictObject({ name: text(64), ...literalOperators }).readonly())
          .min(1)
          .max(4)
          .readonly()
          .optional(),
        /** Values of a JSON body: some value at the place fulfils the operators; with no operator the place must exist. */
        json: z
          .array(z.strictObject({ at: jsonPlace, ...literalOperators }).readonly())
          .min(1)
          .max(16)
          .readonly()
          .optional(),
        /** The body as text, as far as it was read (64 KiB): every one of these strings is in it. */
        bodyContains: z.array(text(200)).min(1).max(4).readonly().optional(),
        /** The whole body, without white space around it. */
        bodyEquals: text(200).optional(),
      })
      .readonly(),
    /** strong: nobody else answers so. medium: some others might. weak: many do; it tells figures and never names a product. */
    strength: z.enum(['strong', 'medium', 'weak']),
    /**
     * Servers that can be given a key refuse this request without it: 401 or 403 tells that one is asked for, the answer as
     * expected that none is. Left out where the request stays open beside a key, as `/health` does.
     */
    keyed: z.boolean().optional(),
    /** Probes of imitators, asked first: when one of them answers as expected, this probe counts for nothing. */
    unless: z.array(id).min(1).max(8).readonly().optional(),
    /** Where the answer holds more. A place that is missing tells nothing. */
    tells: z
      .strictObject({
        /** Version of the product. */
        version: jsonPlace.optional(),
        /** Name or path of the loaded (or offered, see `says`) model. */
        model: jsonPlace.optional(),
        /** Context size in tokens. */
        contextTokens: jsonPlace.optional(),
        /** Bytes of the loaded model, in memory of any kind. */
        loadedBytes: jsonPlace.optional(),
        /** Of them, bytes in GPU memory. */
        gpuBytes: jsonPlace.optional(),
        says: says.optional(),
      })
      .readonly()
      .optional(),
  })
  .readonly()
export type Probe = z.infer<typeof probeSchema>

/**
 * Literal ASCII strings of an executable or a mapped object, which survive a new name. A signature without `measured` is
 * knowledge that nobody checked against other binaries: scanners leave it out (rules/binary-signatures.ts).
 */
export const binaryStringsSchema = z
  .strictObject({
    /** Every one of them is in the same file. */
    all: z.array(text(120)).min(1).max(8).readonly().optional(),
    /** At least one of them is in the same file. */
    any: z.array(text(120)).min(1).max(16).readonly().optional(),
    /** Seen there too, too common to count. */
    support: z.array(text(120)).min(1).max(16).readonly().optional(),
    /** On which binaries it was found, and among how many others it was not. */
    measured: text(500).optional(),
  })
  .readonly()
export type BinaryStrings = z.infer<typeof binaryStringsSchema>

/** Names in package managers; `clients` are libraries that only talk to it, as `pip:ollama`. */
const packagesSchema = z
  .strictObject({
    pip: names.optional(),
    npm: names.optional(),
    brew: names.optional(),
    cask: names.optional(),
    apt: names.optional(),
    snap: names.optional(),
    winget: names.optional(),
    nuget: names.optional(),
    cargo: names.optional(),
    go: names.optional(),
    clients: names.optional(),
  })
  .readonly()

const applicationsSchema = z
  .strictObject({
    /** CFBundleIdentifier on macOS. */
    bundleIds: names.optional(),
    /** Keys below Uninstall of the Windows registry. */
    windowsIds: names.optional(),
  })
  .readonly()

const extensionsSchema = z
  .strictObject({
    /** `publisher.name` of VS Code and its relatives. */
    vscode: names.optional(),
    /** 32-letter ids of Chromium extensions. */
    chrome: names.optional(),
  })
  .readonly()

const serviceSchema = z
  .strictObject({
    manager: z.enum(['systemd', 'systemd-user', 'launchd', 'windows-service', 'scheduled-task']),
    name: nameText,
  })
  .readonly()

const childSchema = z.strictObject({ name: nameText, says: says.optional() }).readonly()

const riskySwitchSchema = z
  .strictObject({
    switch: nameText,
    /** Only with this value, as the next argument or after `=`. */
    value: nameText.optional(),
    /** approval: it acts without asking. sandbox: nothing confines what it starts. some-approvals: it asks less often. */
    turnsOff: z
      .array(z.enum(['approval', 'sandbox', 'some-approvals']))
      .min(1)
      .max(3)
      .readonly(),
    says: says.optional(),
  })
  .readonly()
export type RiskySwitch = z.infer<typeof riskySwitchSchema>

const configSchema = z
  .strictObject({
    path: text(300),
    /** mcp-servers: it lists the programs and addresses that give the agent tools. */
    holds: z
      .array(z.enum(['settings', 'mcp-servers', 'skills', 'plugins', 'instructions', 'history']))
      .min(1)
      .max(4)
      .readonly(),
    /** Where the MCP servers stand in it, where that is not one of the usual places (rules/agent-config.ts). */
    servers: z.array(jsonPlace).min(1).max(4).readonly().optional(),
  })
  .readonly()

/** A setting in a file; of its value only whether it equals one of these words is looked at. Numbers and true compare as text. */
const riskySettingSchema = z
  .strictObject({
    path: text(300),
    at: jsonPlace,
    equals: oneOrMore(word),
    turnsOff: z
      .array(z.enum(['approval', 'sandbox', 'some-approvals']))
      .min(1)
      .max(3)
      .readonly(),
    says: says.optional(),
  })
  .readonly()
export type RiskySetting = z.infer<typeof riskySettingSchema>

/** A setting that leads to a model of this machine: by one of these words, or, without any, by an address that is loopback. */
const localSettingSchema = z
  .strictObject({ path: text(300), at: jsonPlace, equals: oneOrMore(word).optional(), says })
  .readonly()
export type LocalSetting = z.infer<typeof localSettingSchema>

/**
 * One way in which an agent is pointed at a model of this machine. Of a variable only is kept whether it begins with one of the
 * words of `value`, or, without any, whether it is an address of this machine.
 */
const localEndpointSchema = z
  .strictObject({
    environment: nameText.optional(),
    switch: nameText.optional(),
    /** Needed beginning of the value of the switch or the variable. */
    value: oneOrMore(word).optional(),
    /** Path of a config of this entry and the key in it. */
    setting: nameText.optional(),
    says,
  })
  .readonly()

/** A published weakness. Versions compare as rules/compare-versions.ts says; an unknown version is never vulnerable. */
const vulnerableSchema = z
  .strictObject({
    /** CVE or advisory id. */
    id: text(64),
    aliases: z.array(text(64)).min(1).max(8).readonly().optional(),
    /** First version that has it; left out: all before `below`. */
    from: text(64).optional(),
    /** First version that no longer has it: `0.17.1`, or `b8146` where builds are counted. */
    below: text(64),
    severity: severitySchema,
    says: text(500),
    reference: text(500),
  })
  .readonly()
export type Vulnerable = z.infer<typeof vulnerableSchema>

/** What a state file says of its process: the port where it listens, its pid, or the path of its program. */
const stateLinkSchema = z
  .strictObject({
    /** One of the entry's state files. */
    path: text(300),
    names: z.enum(['port', 'pid', 'program']),
    /** Place in a JSON text; left out: the text is the value. */
    at: jsonPlace.optional(),
  })
  .readonly()
export type StateLink = z.infer<typeof stateLinkSchema>

/** Members of a runtime entry, in the order of the files. */
export const productFacts = {
  probes: z.array(probeSchema).min(1).max(16).readonly().optional(),
  strings: binaryStringsSchema.optional(),
  packages: packagesSchema.optional(),
  applications: applicationsSchema.optional(),
  extensions: extensionsSchema.optional(),
  /** Names of labels; `ai.ramalama` also means `ai.ramalama.model`. */
  containerLabels: names.optional(),
  /** Names without host and tag, held against the end of an image's name at a slash. */
  containerImages: names.optional(),
  /** Where it is installed: files and folders. */
  installPaths: platformPaths.optional(),
  /** Files that it writes: logs, sockets, lists of models, its current address. */
  stateFiles: platformPaths.optional(),
  /** State files whose content leads to the process; others only do while a process writes to them or listens there. */
  stateLinks: z.array(stateLinkSchema).min(1).max(8).readonly().optional(),
  services: z.array(serviceSchema).min(1).max(8).readonly().optional(),
  /** Names of environment variables; values are never read, but for `localEndpoint`. */
  environment: names.optional(),
  /** Programs that it starts: theirs is its work. */
  children: z.array(childSchema).min(1).max(16).readonly().optional(),
  riskySwitches: z.array(riskySwitchSchema).min(1).max(16).readonly().optional(),
  configs: z.array(configSchema).min(1).max(16).readonly().optional(),
  localEndpoint: z.array(localEndpointSchema).min(1).max(8).readonly().optional(),
  riskySettings: z.array(riskySettingSchema).min(1).max(16).readonly().optional(),
  localSettings: z.array(localSettingSchema).min(1).max(8).readonly().optional(),
  vulnerable: z.array(vulnerableSchema).min(1).max(64).readonly().optional(),
  /** Members of this entry, or parts of them, that are general knowledge and were read in no source. */
  unverifiedFields: z.array(text(120)).min(1).max(32).readonly().optional(),
}
