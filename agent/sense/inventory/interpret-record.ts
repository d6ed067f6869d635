// From a record of the inventory to what is installed. Pure: runs on any system, from what was read here or from a capture.
import { readDockerContainer, readDockerImages, readPodmanContainers, readPodmanImages } from './container-text.ts'
import type { RecordForm } from './inventory-places.ts'
import type { InventoryRecord, IsWanted, RecordReading } from './inventory-record.ts'
import {
  readCargo,
  readChromeExtension,
  readDpkg,
  readExtension,
  readFolders,
  readNode,
  readPython,
  readSnap,
} from './package-text.ts'
import { readApplication, readLaunchd, readUnit } from './unit-files.ts'

const READERS: Readonly<Record<RecordForm, (record: InventoryRecord, isWanted: IsWanted) => RecordReading>> = {
  'python-metadata': readPython,
  'package-json': readNode,
  'dpkg-status': readDpkg,
  'snap-yaml': readSnap,
  'cargo-installs': readCargo,
  'folder-version': readFolders,
  'extension-folder': readExtension,
  'manifest-json': readChromeExtension,
  'docker-container': readDockerContainer,
  'docker-images': readDockerImages,
  'podman-containers': readPodmanContainers,
  'podman-images': readPodmanImages,
  'systemd-unit': readUnit,
  'launchd-plist': readLaunchd,
  'info-plist': readApplication,
}

/** Reads one record. */
export function interpretRecord(record: InventoryRecord, isWanted: IsWanted): RecordReading {
  return READERS[record.form](record, isWanted)
}
