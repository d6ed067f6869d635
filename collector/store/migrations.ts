// The tables, one step a version. Steps are only ever added: a store of any age is brought forward when it is opened.
import type { Database } from 'better-sqlite3'

/**
 * Artifacts, runtimes and host states are versions with a span of validity, so that an export as of an instant can be made again.
 * `finding_events.body` is null as long as the finding itself still has that body; it is filled in when the finding moves on.
 * `finding_events` is both the history that a person reads and the outbox of the feeds: one row, one truth.
 */
const STEPS: readonly string[] = [
  `
  CREATE TABLE enrolment_tokens (
    digest TEXT PRIMARY KEY, uses_left INTEGER NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE hosts (
    number INTEGER PRIMARY KEY, host_id TEXT NOT NULL UNIQUE, host_name TEXT NOT NULL,
    agent_id TEXT NOT NULL UNIQUE, agent_token_digest TEXT NOT NULL UNIQUE, enrolled_at TEXT NOT NULL,
    last_sequence INTEGER NOT NULL DEFAULT 0, last_report_at TEXT, sweep_started_at TEXT, lost_reports INTEGER NOT NULL DEFAULT 0,
    looked TEXT NOT NULL DEFAULT 'never', gap_count INTEGER NOT NULL DEFAULT 0,
    host TEXT, coverage TEXT NOT NULL DEFAULT '[]', gaps TEXT NOT NULL DEFAULT '[]', state_key TEXT NOT NULL DEFAULT ''
  );
  CREATE TABLE host_states (
    host_id TEXT NOT NULL, sequence INTEGER NOT NULL, valid_from TEXT NOT NULL,
    looked TEXT NOT NULL, host TEXT NOT NULL, coverage TEXT NOT NULL, gaps TEXT NOT NULL,
    PRIMARY KEY (host_id, sequence)
  ) WITHOUT ROWID;
  CREATE TABLE reports (
    host_id TEXT NOT NULL, sequence INTEGER NOT NULL, report_id TEXT NOT NULL, agent_id TEXT NOT NULL,
    started_at TEXT NOT NULL, finished_at TEXT NOT NULL, received_at TEXT NOT NULL, lost_reports INTEGER NOT NULL,
    PRIMARY KEY (host_id, sequence)
  ) WITHOUT ROWID;
  CREATE TABLE artifacts (
    number INTEGER PRIMARY KEY, host_id TEXT NOT NULL, path TEXT NOT NULL, artifact_id TEXT NOT NULL, label TEXT NOT NULL,
    body TEXT NOT NULL, first_seen_at TEXT NOT NULL, valid_from TEXT NOT NULL, valid_until TEXT
  );
  CREATE UNIQUE INDEX artifacts_now ON artifacts (host_id, path) WHERE valid_until IS NULL;
  CREATE INDEX artifacts_by_id ON artifacts (artifact_id) WHERE valid_until IS NULL;
  CREATE INDEX artifacts_by_host ON artifacts (host_id);
  CREATE TABLE runtimes (
    number INTEGER PRIMARY KEY, host_id TEXT NOT NULL, runtime_key TEXT NOT NULL, activity TEXT NOT NULL, label TEXT NOT NULL,
    body TEXT NOT NULL, first_seen_at TEXT NOT NULL, valid_from TEXT NOT NULL, valid_until TEXT
  );
  CREATE UNIQUE INDEX runtimes_now ON runtimes (host_id, runtime_key) WHERE valid_until IS NULL;
  CREATE INDEX runtimes_by_host ON runtimes (host_id);
  CREATE TABLE findings (
    number INTEGER PRIMARY KEY, host_id TEXT NOT NULL, finding_id TEXT NOT NULL, status TEXT NOT NULL, rank INTEGER NOT NULL,
    simulated INTEGER NOT NULL, label TEXT NOT NULL, body TEXT NOT NULL, revision INTEGER NOT NULL,
    first_seen_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, resolved_at TEXT,
    UNIQUE (finding_id, host_id)
  );
  CREATE INDEX findings_open ON findings (host_id) WHERE status = 'open';
  CREATE INDEX findings_by_rank ON findings (rank DESC, number DESC);
  CREATE TABLE finding_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, finding INTEGER NOT NULL REFERENCES findings, revision INTEGER NOT NULL,
    change TEXT NOT NULL, severity TEXT NOT NULL, previous_severity TEXT, sequence INTEGER NOT NULL, at TEXT NOT NULL,
    body TEXT, UNIQUE (finding, revision)
  );
  CREATE TABLE feeds (feed_id TEXT PRIMARY KEY, position INTEGER NOT NULL, confirmed_at TEXT NOT NULL) WITHOUT ROWID;
  `,
  // Which host a token may replace, and when and by what an enrolled host was replaced.
  `
  ALTER TABLE enrolment_tokens ADD COLUMN replaces TEXT;
  ALTER TABLE hosts ADD COLUMN replaced_at TEXT;
  ALTER TABLE hosts ADD COLUMN replaced_by TEXT;
  `,
  // What is installed, kept as runtimes are.
  `
  CREATE TABLE installations (
    number INTEGER PRIMARY KEY, host_id TEXT NOT NULL, installation_key TEXT NOT NULL, label TEXT NOT NULL,
    body TEXT NOT NULL, first_seen_at TEXT NOT NULL, valid_from TEXT NOT NULL, valid_until TEXT
  );
  CREATE UNIQUE INDEX installations_now ON installations (host_id, installation_key) WHERE valid_until IS NULL;
  CREATE INDEX installations_by_host ON installations (host_id);
  `,
  // The chain of reports: where each host's stands, and how it last broke.
  `
  ALTER TABLE hosts ADD COLUMN chain_head TEXT;
  ALTER TABLE hosts ADD COLUMN chain_tips TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE hosts ADD COLUMN chain_breaks INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE hosts ADD COLUMN chain_break TEXT;
  ALTER TABLE hosts ADD COLUMN chain_break_at TEXT;
  ALTER TABLE hosts ADD COLUMN chain_break_sequence INTEGER;
  ALTER TABLE reports ADD COLUMN chain_digest TEXT;
  `,
]

/** Brings the tables to the newest version; refuses a store written by a newer program. */
export function migrate(db: Database): { readonly from: number; readonly to: number } {
  const from = Number(db.pragma('user_version', { simple: true }))
  if (from > STEPS.length)
    throw new Error(`the store has version ${from}, this program knows ${STEPS.length}; install the newer program`)
  for (const [index, step] of STEPS.entries()) {
    if (index < from) continue
    db.transaction(() => {
      db.exec(step)
      db.pragma(`user_version = ${index + 1}`)
    }).immediate()
  }
  return { from, to: STEPS.length }
}
