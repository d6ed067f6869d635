// The way back to the bytes: of a running process its program, the ranges that map weights, the strings of its engine and the answers
// of its listener; of weights their first bytes as they were at the scan. Each with a command by which a person checks it alone.
// Nothing is opened for this: all of it stands in the agent's own record, and every path in a command is quoted.
import type { Artifact, FilePart } from '../../contract/artifact.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { headerFacts, hexLines } from './first-bytes.ts'
import { shellPath, shellWord } from './shell-words.ts'

/** Of a split model the first files tell the story; --json has all of them. */
const MAX_TOLD_PARTS = 4
/** Keys of files that only a process leads to (agent/weights-in-use.ts). */
const PROCESS_ONLY = /^(?:unlinked|elsewhere):/
const FIRST_BYTES = 32

/** What was seen, and how to see it again. */
export interface TrailStep {
  readonly says: string
  /** Lines beneath it: bytes, and what they mean. */
  readonly lines: readonly string[]
  /** ASCII, ready for bash; null where no command leads there. */
  readonly check: string | null
}

/** From a process to its program, weights, engine strings and answers. */
export function runtimeTrail(runtime: Runtime): readonly TrailStep[] {
  return [
    processStep(runtime),
    ...programSteps(runtime),
    ...runtime.weights.flatMap((held) => weightsSteps(runtime.pid, held)),
    ...(runtime.engines ?? []).flatMap(engineSteps),
    ...listenerSteps(runtime),
    ...(runtime.api?.asked ?? []).map(answerStep),
  ]
}

function processStep({ pid, startedAt }: Runtime): TrailStep {
  const says = `process ${pid}, started ${startedAt}; a later process of this number has another start`
  return { says, lines: [], check: `LC_ALL=C TZ=UTC0 ps -o pid=,lstart=,comm= -p ${pid}` }
}

function programSteps({ pid, executable }: Runtime): readonly TrailStep[] {
  if (executable === null) return []
  const { path, isDeleted, dev, inode } = executable
  const file = dev === undefined || inode === undefined ? '' : `, ${numbersOf(dev, inode)}`
  const says = `runs ${path}${isDeleted ? ' (its name is gone)' : ''}${file}`
  return [{ says, lines: [], check: `readlink /proc/${pid}/exe; ${statOf(`/proc/${pid}/exe`)}` }]
}

function weightsSteps(pid: number, held: Runtime['weights'][number]): readonly TrailStep[] {
  const { path, how, isDeleted, sizeBytes, dev, inode, procLink } = held
  const range = procLink?.startsWith('map_files/') === true ? procLink.slice('map_files/'.length) : undefined
  const where = range === undefined ? (procLink === undefined ? '' : ` as ${procLink}`) : ` at ${range}`
  const file = dev === undefined || inode === undefined ? '' : `, ${numbersOf(dev, inode)}`
  const verb = how === 'mapped' ? 'maps' : 'holds open'
  const says = `${verb} ${path}${where}${file}, ${sizeBytes} bytes, ${isDeleted ? 'its name is gone' : 'not deleted'}`
  const link = procLink === undefined ? null : `/proc/${pid}/${procLink}`
  if (link === null) return [{ says, lines: [], check: null }]
  const listed = range === undefined ? `readlink ${link}` : `grep -F ${range} /proc/${pid}/maps`
  return [{ says, lines: [], check: `${listed}; ${statOf(link)}; xxd -l ${FIRST_BYTES} ${link}` }]
}

function engineSteps({ id, path, text, offset }: NonNullable<Runtime['engines']>[number]): readonly TrailStep[] {
  if (text === undefined || offset === undefined) return [{ says: `engine ${id} in ${path}`, lines: [], check: null }]
  const word = shellPath(path)
  const length = Buffer.byteLength(text)
  const says = `engine ${id}: "${text}" at byte ${offset} of ${path}`
  return [{ says, lines: [], check: word === null ? null : `xxd -s ${offset} -l ${length} -- ${word}` }]
}

function listenerSteps({ pid, listeners }: Runtime): readonly TrailStep[] {
  return listeners.map(({ protocol, address, port }) => {
    if (protocol === 'unix')
      return { says: `listens on the socket ${address}`, lines: [], check: `ss -xlp | grep -F pid=${pid},` }
    return { says: `listens on ${address}:${port}`, lines: [], check: `ss -tlnp 'sport = :${port}'` }
  })
}

type Asked = NonNullable<NonNullable<Runtime['api']>['asked']>[number]

function answerStep({ port, path, status }: Asked): TrailStep {
  const url = shellWord(`http://127.0.0.1:${port}${path}`)
  const says = `the metadata request GET ${path} at port ${port} was answered with status ${status}`
  return { says, lines: [], check: `curl --noproxy '*' -s -o /dev/null -w '%{http_code}\\n' -- ${url}` }
}

/** Of one model: the first bytes of its weights, and what stands at which byte. */
export function artifactTrail({ parts, format }: Artifact): readonly TrailStep[] {
  const weights = parts.filter(({ firstBytes }) => firstBytes !== undefined)
  return weights.slice(0, MAX_TOLD_PARTS).map((part) => ({
    says: `the first bytes of ${part.path}${insideOf(part)}, as they were at the scan`,
    lines: [...hexLines(part.firstBytes ?? ''), ...headerFacts(part, format)],
    check: checkOf(part),
  }))
}

/** Of a model behind something else all bytes are counted from where it begins. */
function insideOf({ offsetBytes = 0 }: FilePart): string {
  return offsetBytes === 0 ? '' : ` from its byte ${offsetBytes} on`
}

function checkOf({ path, offsetBytes = 0 }: FilePart): string | null {
  const word = PROCESS_ONLY.test(path) ? null : shellPath(path)
  const from = offsetBytes === 0 ? '' : `-s ${offsetBytes} `
  return word === null ? null : `ls -li -- ${word}; xxd ${from}-l ${FIRST_BYTES} -- ${word}`
}

function numbersOf(dev: string, inode: string): string {
  return `device ${dev}, inode ${inode}`
}

function statOf(link: string): string {
  return `stat -L -c 'device %d, inode %i, %s bytes' ${link}`
}
