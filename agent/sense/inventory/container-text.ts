// What container stores say of containers and images: Docker's config.v2.json and repositories.json (moby/moby: container/container.go,
// image reference store), containers/storage's containers.json and images.json. Kept are names of images and of labels; environment,
// command, mounts and values of labels are not looked at.
import type { InstallationObservation } from '../../../contract/installation.ts'
import {
  type InventoryRecord,
  type IsWanted,
  isObject,
  jsonIn,
  memberOf,
  misread,
  objectIn,
  observationOf,
  type RecordReading,
  textOf,
} from './inventory-record.ts'

/** Containers or images of one store; a build server keeps some thousands. */
const MAX_THINGS = 20_000
/** Asked labels of one container, tags of one image. */
const MAX_NAMES = 256
const nothing: RecordReading = { seen: [], gaps: [] }

/** One container of Docker, in the folder of its id. Labels that nobody asks for must not crowd out one that somebody does. */
export function readDockerContainer(record: InventoryRecord, isWanted: IsWanted): RecordReading {
  if (record.text === null) return nothing
  const config = memberOf(objectIn(record.text), 'Config')
  if (!isObject(config)) return misread(record, 'no description of a container of Docker')
  const labels = memberOf(config, 'Labels')
  const [image, version] = splitImage(textOf(config, 'Image'))
  const names = isObject(labels) ? Object.keys(labels).filter((label) => isWanted('label', label)) : []
  const containerId = record.path.split('/').at(-2) ?? ''
  return { seen: [observationOf(record, image, version, { labels: names.slice(0, MAX_NAMES), containerId })], gaps: [] }
}

/** All images of Docker, by repository and tag. */
export function readDockerImages(record: InventoryRecord, isWanted: IsWanted): RecordReading {
  if (record.text === null) return nothing
  const repositories = memberOf(objectIn(record.text), 'Repositories')
  if (!isObject(repositories)) return misread(record, 'no list of images of Docker')
  const seen = Object.entries(repositories)
    .slice(0, MAX_THINGS)
    .flatMap(([repository, tags]) =>
      isWanted('container-image', repository) && isObject(tags) ? taggedImages(record, Object.keys(tags)) : [],
    )
  return { seen, gaps: [] }
}

/** All containers of containers/storage (Podman, CRI-O): the image's name stands in a JSON text inside the JSON. */
export function readPodmanContainers(record: InventoryRecord): RecordReading {
  const list = record.text === null ? [] : jsonIn(record.text)
  if (!Array.isArray(list)) return misread(record, 'no list of containers of containers/storage')
  const seen = list.slice(0, MAX_THINGS).flatMap((container: unknown) => {
    const [image, version] = splitImage(textOf(objectIn(textOf(container, 'metadata')), 'image-name'))
    return image === '' ? [] : [observationOf(record, image, version, { containerId: textOf(container, 'id') })]
  })
  return { seen, gaps: [] }
}

/** All images of containers/storage. */
export function readPodmanImages(record: InventoryRecord): RecordReading {
  const list = record.text === null ? [] : jsonIn(record.text)
  if (!Array.isArray(list)) return misread(record, 'no list of images of containers/storage')
  const seen = list.slice(0, MAX_THINGS).flatMap((image: unknown) => {
    const names = memberOf(image, 'names')
    return Array.isArray(names) ? taggedImages(record, names.filter(isText)) : []
  })
  return { seen, gaps: [] }
}

function taggedImages(record: InventoryRecord, names: readonly string[]): readonly InstallationObservation[] {
  const tagged = names.slice(0, MAX_NAMES).filter((name) => !name.includes('@'))
  return tagged.map((name) => {
    const [image, version] = splitImage(name)
    return observationOf(record, image, version)
  })
}

/** `ghcr.io/ggml-org/llama.cpp:server-b8146@sha256:…`: name and tag. A port of the registry is no tag. */
export function splitImage(name: string): readonly [string, string | null] {
  if (name.startsWith('sha256:')) return ['image without a name', null]
  const [plain = ''] = name.split('@', 1)
  const colon = plain.indexOf(':', plain.lastIndexOf('/') + 1)
  if (colon < 0) return [plain, null]
  const tag = plain.slice(colon + 1)
  return [plain.slice(0, colon), versionIn(tag)]
}

/** `0.17.0-rocm` and `server-b8146` tell a version; `latest` and `main` tell none. */
function versionIn(tag: string): string | null {
  const build = /(?:^|-)(b[0-9]{2,6})$/.exec(tag)
  if (build !== null) return build[1] ?? null
  const dotted = /^v?[0-9]+(?:\.[0-9]+){1,3}(?:-?rc[0-9]+)?/.exec(tag)
  return dotted === null ? null : dotted[0]
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
