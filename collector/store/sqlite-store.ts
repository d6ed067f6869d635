// The store on SQLite: WAL, synchronous=FULL, so that what is acknowledged is on the disk.
import Database from 'better-sqlite3'
import { type Result, failed, success } from '../../contract/failure.ts'
import { createEnrolments } from './enrolments.ts'
import { createEventLog, createFindingReader } from './finding-reader.ts'
import { createFleetReader } from './fleet-reader.ts'
import { createIngest } from './ingest-report.ts'
import { createInventoryReader } from './inventory-reader.ts'
import { migrate } from './migrations.ts'
import type { Delivery, Ingested, Store } from './store.ts'

/** How long a writer waits for another process (`gnomon-collector token` beside a running server). */
const BUSY_TIMEOUT_MS = 5_000
/** Page cache: the hot ends of the indexes of a large fleet. */
const CACHE_KIB = 32_768
/** 32 MiB of log between checkpoints: the default of 4 MiB checkpoints several times a second under load. */
const CHECKPOINT_PAGES = 8_192

/** Opens or creates the store in a file. */
export function openSqliteStore(file: string): Result<Store> {
  try {
    const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    db.pragma(`cache_size = -${CACHE_KIB}`)
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    // Not trusted to be only ours: no functions or virtual tables with effects from a schema somebody edited.
    db.pragma('trusted_schema = OFF')
    migrate(db)
    return success(storeOn(db, file))
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return failed('GNO_STATE_UNUSABLE', `${file}: ${said}`, error)
  }
}

/** A promise of synchronous work; what it throws rejects. */
function done<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work())
  })
}

function storeOn(db: Database.Database, file: string): Store {
  const enrolments = createEnrolments(db)
  const fleet = createFleetReader(db)
  const inventory = createInventoryReader(db)
  const findings = createFindingReader(db, inventory)
  const events = createEventLog(db)
  const ingestOne = createIngest(db)
  const ingestAll = db.transaction((deliveries: readonly Delivery[]): Ingested[] => deliveries.map(ingestOne))
  const snapshot = db.transaction((hostId: string, asOf: string) => inventory.snapshotHost(hostId, asOf))
  return {
    addEnrolmentToken: (token) => done(() => enrolments.addToken(token)),
    enrol: (enrolment) => done(() => enrolments.enrol(enrolment)),
    findAgent: (tokenDigest) => done(() => enrolments.findAgent(tokenDigest)),
    findHostIds: (idOrName) => done(() => enrolments.findHostIds(idOrName)),
    ingest: (deliveries) => done(() => ingestAll.immediate(deliveries)),
    summarise: (at) => done(() => fleet.summarise(at)),
    listHosts: (query) => done(() => fleet.listHosts(query)),
    describeHost: (hostId) => done(() => fleet.describeHost(hostId)),
    listArtifacts: (query) => done(() => inventory.listArtifacts(query)),
    listRuntimes: (query) => done(() => inventory.listRuntimes(query)),
    listInstallations: (query) => done(() => inventory.listInstallations(query)),
    listFindings: (query) => done(() => findings.listFindings(query)),
    findFinding: (findingId, hostId) => done(() => findings.findFinding(findingId, hostId)),
    listOwnFindings: (hostId) => done(() => findings.listOwnFindings(hostId)),
    snapshotHost: (hostId, asOf) => done(() => snapshot(hostId, asOf)),
    pendingEvents: (feedId, limit) => done(() => events.pending(feedId, limit)),
    confirmEvents: (feedId, upTo, at) => done(() => events.confirm(feedId, upTo, at)),
    check: () => done(() => checkIntegrity(db, file)),
    close: () => done(() => void db.close()),
  }
}

function checkIntegrity(db: Database.Database, file: string): Result<{ readonly place: string }> {
  const answer = String(db.pragma('quick_check(1)', { simple: true }))
  return answer === 'ok' ? success({ place: file }) : failed('GNO_STATE_UNUSABLE', `${file}: ${answer}`)
}
