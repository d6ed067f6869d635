// The error catalogue. Expected trouble is a value: Result<T> with a code from here, never a thrown exception.

export interface Catalogued {
  /** One sentence: what the code means. */
  readonly means: string
  /** One sentence: what an operator does about it. */
  readonly operator: string
}

/** Every code the product may print, store or send. `docs/errors.md` is generated from this table and a test holds both together. */
export const FAILURES = {
  GNO_USAGE: {
    means: 'The command line was not understood.',
    operator: 'Run the command with --help to see what it takes.',
  },
  GNO_SETTINGS_INVALID: {
    means: 'A setting has a value that cannot be used.',
    operator: 'Correct the named setting; docs/settings.md tells what each one takes.',
  },
  GNO_SETTINGS_UNREADABLE: {
    means: 'The settings file exists but cannot be read.',
    operator: 'Check that the named file exists, that it can be read, and that it is JSON.',
  },
  GNO_STATE_UNUSABLE: {
    means: 'The state folder cannot be created, opened or written.',
    operator: 'Check its owner, its permissions and the free space, or name another one with --state.',
  },
  GNO_STATE_FULL: {
    means: 'The disk that holds the state is full, so something could not be stored.',
    operator: 'Free space on the named disk; what was lost is counted in the next report.',
  },
  GNO_STATE_IN_USE: {
    means: 'Another daemon works on this state folder.',
    operator: 'Stop that one first, or name another folder with --state; gnomon status tells which it is.',
  },
  GNO_RUNTIME_UNSUPPORTED: {
    means: 'This Node.js cannot run the program.',
    operator: 'Run npm ci again on Node.js 20 or newer, so that the pinned runtime is installed.',
  },
  GNO_PACK_INVALID: {
    means: 'The rule pack is missing, damaged or made for another engine.',
    operator:
      'Name a pack that gnomon-rules pack made; for the shipped one reinstall, or run npm run build in a checkout.',
  },
  GNO_RULE_INVALID: {
    means: 'A rule entry breaks its schema, or its own examples contradict it.',
    operator: 'Correct the named entry and run gnomon-rules test.',
  },
  GNO_READ_TRUNCATED: {
    means: 'The file ends before what its header declares.',
    operator: 'Treat the file as damaged: an interrupted download or a crafted file.',
  },
  GNO_READ_LIMIT: {
    means: 'A declared size, count or depth is beyond the limit that is read.',
    operator: 'Treat the file as suspect; the detail names the field and the limit.',
  },
  GNO_READ_INVALID: {
    means: 'A field has a value that its format does not allow.',
    operator: 'Treat the file as damaged or crafted; the detail names the field.',
  },
  GNO_READ_OVERLAP: {
    means: 'Tensors overlap one another, or lie outside the file.',
    operator: 'Treat the file as crafted; do not load it.',
  },
  GNO_READ_CHANGED: {
    means: 'The file changed while it was being read.',
    operator: 'Nothing to do: it is read again at the next sweep.',
  },
  GNO_READ_VANISHED: { means: 'The file was gone before it could be read.', operator: 'Nothing to do.' },
  GNO_READ_DENIED: {
    means: 'The operating system refused to open or read the file.',
    operator: 'Give the agent the rights that docs/install.md lists, or accept the gap.',
  },
  GNO_READ_IO: {
    means: 'The operating system reported an error while reading.',
    operator: 'Check the disk or the network mount named in the detail.',
  },
  GNO_READ_BUDGET: {
    means: 'Reading the file stopped at its budget of bytes, steps or memory.',
    operator: 'What was understood is kept; a file that exhausts the budget deserves a look.',
  },
  GNO_READ_SKIPPED: {
    means: 'A rung of the fingerprint ladder was not computed, on purpose.',
    operator: 'Nothing to do; the detail says why, for example --deep was not given.',
  },
  GNO_READ_INTERRUPTED: {
    means: 'The process that reads files ended before it had told of this one.',
    operator: 'What is in it is unknown. If it happens again with the same file, treat that file as hostile.',
  },
  GNO_READ_LOCKED: {
    means: 'Content is encrypted, or packed in a way that is not unpacked here, so nobody looked at it.',
    operator: 'Treat the content as unknown, not as clean: unpack it by hand and inspect what comes out.',
  },
  GNO_READ_PART_MISSING: {
    means: 'A part that the model names is not there.',
    operator: 'The model is incomplete: an unfinished download, or a part stored elsewhere.',
  },
  GNO_SENSE_DENIED: {
    means: 'The operating system refused a look at a process or a folder.',
    operator: 'Give the agent the rights that docs/install.md lists, or accept the gap.',
  },
  GNO_SENSE_VANISHED: {
    means: 'A process or a file ended between two looks.',
    operator: 'Nothing to do: this is normal on a busy machine.',
  },
  GNO_SENSE_NOT_A_FILE: {
    means: 'A FIFO, socket, device or symbolic link stands where a file could be; it was not opened.',
    operator: 'Nothing to do.',
  },
  GNO_SENSE_OTHER_FILESYSTEM: {
    means: 'A folder lies on another file system and was not entered.',
    operator: 'Name the mount point as a path of its own to have it swept.',
  },
  GNO_SENSE_EXCLUDED: {
    means: 'A folder was left out because a setting excludes it.',
    operator: 'Change the excludes if the folder should be swept.',
  },
  GNO_SENSE_LIMIT: {
    means: 'A sensor stopped at its own limit of entries, depth or time.',
    operator: 'The rest of that place was not looked at; the detail names the limit.',
  },
  GNO_SENSE_FAILED: {
    means: 'A sensor could not do its work.',
    operator: 'Run gnomon doctor; the detail names the sensor and the error.',
  },
  GNO_SENSE_UNSUPPORTED: {
    means: 'This sensor does not exist on this operating system yet.',
    operator: 'See LIMITATIONS.md for what is covered on this system.',
  },
  GNO_SENSE_HIDDEN: {
    means: 'One list of processes has a process that an independent one lacks, twice in a row.',
    operator:
      'Something may hide processes on this machine: compare ps with /proc, then with a system started from elsewhere.',
  },
  GNO_SENSE_WATCH: {
    means: 'A folder cannot be watched, so changes there are seen at the next rescan or sweep only.',
    operator: 'Raise the watch limit of the system (fs.inotify.max_user_watches), or accept the delay.',
  },
  GNO_PROBE_FAILED: {
    means: 'A loopback listener gave no usable answer to a metadata request.',
    operator: 'Nothing to do; the runtime is judged by its other evidence.',
  },
  GNO_PROBE_SKIPPED: {
    means: 'A listener was not asked for its metadata: only loopback is asked, and it is bound to another address.',
    operator: 'Nothing to do; whether it wants a key is not known, so it is treated as if it wanted none.',
  },
  GNO_SPOOL_DAMAGED: {
    means: 'The spool of reports cannot be read and was set aside.',
    operator: 'Keep the file named in the detail for analysis; a new spool has been started.',
  },
  GNO_SPOOL_LOST: {
    means: 'Reports were lost before they could be delivered.',
    operator: 'Check the free space of the state folder; the next report says how many were lost.',
  },
  GNO_SPOOL_FLOOD: {
    means: 'So many findings of one policy wait that more of them are held back on the machine.',
    operator:
      'Look at the policy named as the place: one cause raises all of them. The rest is told as the spool empties.',
  },
  GNO_DELIVERY_DOWN: {
    means: 'The collector does not answer.',
    operator: 'Check that the collector runs and that its address is right; reports are kept and sent later.',
  },
  GNO_DELIVERY_REFUSED: {
    means: 'The collector refused a report.',
    operator: 'The detail gives its code; enrol again if the token was revoked.',
  },
  GNO_DELIVERY_GARBLED: {
    means: 'Something answered in place of the collector, or the collector gave an answer that makes no sense.',
    operator: 'Check the address and what lies between (proxy, portal); reports are kept and sent later.',
  },
  GNO_NOT_ENROLLED: {
    means: 'This machine is not enrolled at a collector.',
    operator: 'Run gnomon enroll --collector URL --token TOKEN.',
  },
  GNO_ENROLMENT_REFUSED: {
    means: 'The collector did not accept the enrolment token.',
    operator: 'Ask for a fresh token (gnomon-collector token); to enrol a host anew, one made with --replace HOST.',
  },
  GNO_LISTEN_FAILED: {
    means: 'The collector cannot listen on its address.',
    operator: 'Stop the program that uses the port, or choose another one with --listen.',
  },
  GNO_UNAUTHORISED: {
    means: 'The request carries no token, or one that is not accepted here.',
    operator: 'Send Authorization: Bearer TOKEN with the admin or agent token.',
  },
  GNO_REPORT_MALFORMED: {
    means: 'A report is not valid and nothing of it was stored.',
    operator: 'Update the agent; the detail names the field.',
  },
  GNO_REPORT_TOO_LARGE: {
    means: 'A request is larger than the collector accepts.',
    operator: 'The agent splits its reports; a client that sends more is faulty.',
  },
  GNO_REPORT_OUT_OF_ORDER: {
    means: 'A report skips a sequence number.',
    operator: 'Nothing to do: the agent sends again from the number in the answer.',
  },
  GNO_REPORT_CONFLICT: {
    means:
      'Another report has this sequence number: two machines use one identity, or the state of an agent was put back.',
    operator: 'Nothing is lost, the agent numbers its reports anew; the host page says whether two machines report.',
  },
  GNO_REQUEST_INVALID: {
    means: 'A request to the collector has an invalid parameter.',
    operator: 'Correct the parameter named in the detail; see the OpenAPI document.',
  },
  GNO_RATE_LIMITED: {
    means: 'Too many requests came from one client.',
    operator: 'Wait for the time given in Retry-After.',
  },
  GNO_HOST_REFUSED: {
    means: 'A request reached the collector under a host name that it does not answer to (DNS rebinding).',
    operator: 'Use the address that the collector printed, or start it with --allow-remote behind a TLS proxy.',
  },
  GNO_NOT_FOUND: { means: 'There is no such thing.', operator: 'Check the path or the identifier.' },
  GNO_FEED_DOWN: {
    means: 'The receiver of an alert feed does not accept the connection.',
    operator: 'Check the address of the feed; alerts are kept and sent later.',
  },
  GNO_EXPORT_FAILED: { means: 'An export could not be made.', operator: 'The detail names what is missing.' },
  GNO_SIMULATION_FAILED: {
    means: 'The fire drill did not see what it must see.',
    operator: 'Run gnomon doctor; the stage that failed is named in the output.',
  },
  GNO_REFERENCE_MISSING: {
    means: 'The reference inference runtime is not installed here.',
    operator: 'Nothing to do on an endpoint, which comes without it on purpose; in a checkout run npm ci.',
  },
  GNO_REFERENCE_FAILED: {
    means: 'The reference inference runtime did not load or run the model.',
    operator: 'The detail says how its process ended; a model that crashes it is damaged or crafted.',
  },
  GNO_AGENT_BENCHED: {
    means: 'A file was open when the agent was ended by a limit or crashed, so it is left alone for a day.',
    operator: 'Look at the file: it can stop the agent. gnomon inspect reads it by hand.',
  },
  GNO_AGENT_KILLED: {
    means: 'The working process of the agent was ended by a limit, by the system, or by somebody.',
    operator: 'The detail tells what was used and what the limit is, or the signal; ask who sent one.',
  },
  GNO_AGENT_CRASHED: {
    means: 'The working process of the agent crashed, and no file is to blame.',
    operator: 'It was started again by itself; please report this with the detail.',
  },
  GNO_AGENT_STOPPED: {
    means: 'The agent did not run for a while although the machine did, or it was ended with whoever watches it.',
    operator: 'Ask who stopped it; what happened meanwhile was seen by nobody.',
  },
  GNO_AGENT_CLOCK: {
    means: 'The clock of the machine was set by more than five minutes while it ran.',
    operator: 'Ask who set it; times told before and after do not fit together.',
  },
  GNO_AGENT_CHANGED: {
    means: 'Files of the agent itself are not those that were there when this version first ran.',
    operator: 'Treat the agent on this machine as untrusted: install it anew and ask who wrote there.',
  },
  GNO_AGENT_SETTINGS: {
    means: 'Settings of the agent were changed on this machine.',
    operator: 'Nothing to do where that was on purpose; the detail names the settings.',
  },
  GNO_AGENT_PRIVACY_KEY: {
    means: 'The privacy level is pseudonymous and its key cannot be used, so the agent tells numbers only.',
    operator: 'Put the key where pseudonymKeyFile says, readable by the agent alone; it is taken up within seconds.',
  },
  GNO_AGENT_READER_RIGHTS: {
    means: 'Weights are read by a process with more rights than this system can leave it.',
    operator: 'Let the user nobody read the folder of the program, and see that setpriv of util-linux is there.',
  },
  GNO_AGENT_DISK_LOW: {
    means: 'Little room is left on the disk of the state, so the agent takes no more of it than it must.',
    operator: 'Make room on that disk; until then sweeps are slower, and old inventory goes before it is delivered.',
  },
  GNO_AGENT_RULES_OLD: {
    means: 'The rules of the agent are older than allowed, so newer models, runtimes and attacks may have no name.',
    operator: 'Install a newer release or rule pack; the setting maxRulesAgeDays says what is allowed.',
  },
  GNO_AGENT_ROOT_LOST: {
    means: 'A folder that could be swept before cannot be read any more.',
    operator: 'Give the agent its rights back, or take the folder out of the roots; nobody looks into it now.',
  },
  GNO_PROGRAM_ENDED: {
    means: 'A program that the quickstart started ended by itself.',
    operator: 'Read its own last lines above the message and the log it names, then start again.',
  },
  GNO_INTERNAL: {
    means: 'The program broke one of its own promises.',
    operator: 'Please report this with the detail; nothing on the machine was changed.',
  },
} as const satisfies Record<string, Catalogued>

export type FailureCode = keyof typeof FAILURES

export interface Failure {
  readonly code: FailureCode
  /** Names the thing and the number: "declared 1099511627776 elements, limit 1000000, at byte 41". Never user content. */
  readonly detail: string
  readonly cause?: unknown
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure }

/** Wraps a value as a success. */
export function success<T>(value: T): Result<T> {
  return { ok: true, value }
}

/** Wraps trouble as a value. */
export function failed(
  code: FailureCode,
  detail: string,
  cause?: unknown,
): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: cause === undefined ? { code, detail } : { code, detail, cause } }
}

/** The one line an operator sees: code, detail, and what to do next. */
export function describeFailure(failure: Failure): string {
  return `${failure.code}: ${failure.detail} — ${FAILURES[failure.code].operator}`
}
