// Observations: what a sensor saw, already redacted, before anything is concluded from it. They never leave the endpoint whole.
import type { Result } from './failure.ts'
import type { Gap } from './wire.ts'

export type Platform = 'linux' | 'darwin' | 'win32'

/** dev:inode plus what changes when content changes; the only identity of a file that is believed. Nanoseconds as decimal text. */
export interface FileIdentity {
  readonly dev: string
  readonly inode: string
  readonly sizeBytes: number
  readonly mtimeNs: string
  readonly ctimeNs: string
  /** Names that the file has on its file system, where there are several. */
  readonly linkCount?: number
}

/** A regular file that a sensor opened safely. Who receives it closes it. */
export interface OpenedFile {
  /** Printable path; bytes that are not UTF-8 appear as \xNN. For messages and keys only: never opened again by name. */
  readonly path: string
  /**
   * Reads bytes of the file on disk into the target, as many as come at once; 0 at its end. Throws what the system refuses, with its
   * code. The bytes may come from another process, which alone holds the file.
   */
  read(position: number, target: Uint8Array): number
  /** Told by who will read at many places, in that order: where another process holds the file they come in few turns. */
  prepare?(places: readonly (readonly [position: number, count: number])[]): void
  /** SHA-256 of the file, or of a part of it, by the process that holds it; absent where that is this one. */
  digest?(part: { readonly start: number; readonly sizeBytes: number } | null): Result<string>
  /** Where it is shown as a part of the file on disk, its size is that of the part. */
  readonly identity: FileIdentity
  /** Name that a store gives it, where that is not the last component of the path. */
  readonly name?: string
  /**
   * Set for a file that lies inside the one on disk: where it begins, in what, and the identity of the whole. Hidden: nothing of the
   * outer file says that it is there.
   */
  readonly inside?: {
    readonly start: number
    readonly container: string
    readonly identity: FileIdentity
    readonly isHidden?: boolean
  }
  /** Opens a sibling in the same folder through the folder's descriptor (config.json beside model.safetensors); null when absent. */
  openSibling(name: string): OpenedFile | null
  /** Names of the siblings, at most 4096. */
  listSiblings(): readonly string[]
  /** The same of a folder that lies beside the file, by its plain name; absent where a store shows no such folders. */
  openBelow?(folder: string, name: string): OpenedFile | null
  listBelow?(folder: string): readonly string[]
  /** Re-samples the identity, to see whether the file changed while it was read. */
  sampleIdentity(): FileIdentity
  close(): void
}

/** One entry of a folder that is walked by a store reader. */
export interface FolderEntry {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'link'
}

/**
 * A folder that a sensor holds. Every step is one plain component through its descriptor and follows no link; where a link points
 * is told as text and never followed. Who receives it closes it.
 */
export interface OpenedFolder {
  /** Printable path; for messages and keys only. */
  readonly path: string
  /** At most 4096 entries, sorted by name; names that are not UTF-8 are left out. */
  list(): readonly FolderEntry[]
  /** Null when it is absent, no folder, or may not be entered. */
  openFolder(name: string): OpenedFolder | null
  /** Null when it is absent, no regular file, or may not be read. */
  openFile(name: string): OpenedFile | null
  /** What a symbolic link says, at most 4096 bytes; null when it is none. */
  readLink(name: string): string | null
  close(): void
}

export interface MappedFile {
  /** Path as the kernel shows it, without the ` (deleted)` mark. */
  readonly path: string
  readonly dev: string
  readonly inode: string
  /** Bytes of address space that map it. */
  readonly mappedBytes: number
  readonly isDeleted: boolean
  readonly isExecutable: boolean
  /** First address range, `7f00-7f10`: the name under /proc/PID/map_files; empty where the system does not tell it. */
  readonly range: string
}

export interface OpenFileLink {
  readonly path: string
  readonly dev: string
  readonly inode: string
  readonly fdNumber: number
  readonly isDeleted: boolean
  readonly sizeBytes: number
}

/** Who shut a process into a container or sandbox, by the name of its control group (a name, so a hint and no proof). */
export interface ContainerMark {
  readonly engine:
    | 'docker'
    | 'podman'
    | 'containerd'
    | 'cri-o'
    | 'kubernetes'
    | 'lxc'
    | 'systemd-nspawn'
    | 'snap'
    | 'flatpak'
  /** Container id or machine name; of a snap `NAME.PROGRAM`, of a Flatpak the application id. */
  readonly id: string
  /** Kubernetes: the uid of the pod; null elsewhere. */
  readonly pod: string | null
}

export type NamespaceKind = 'mnt' | 'pid' | 'net' | 'user'

/** Namespaces of a process, by inode number; null where the look was refused. */
export type Namespaces = Readonly<Record<NamespaceKind, string | null>> & {
  /** Those that differ from the agent's own: the process lives in a container or sandbox. */
  readonly different: readonly NamespaceKind[]
}

/** Mappings of one kind, each at least 64 MiB: how many, and bytes of address space (an upper bound of what is resident). */
export interface LargeRegions {
  readonly count: number
  readonly bytes: number
}

/** Memory as large as weights that is no file on a disk: what a runtime without mmap leaves. */
export interface LargeMemory {
  /** Private and anonymous, readable; regions that touch each other count as one. */
  readonly anonymous: LargeRegions
  /** hugetlb pages (mmap with MAP_HUGETLB, or a file of hugetlbfs under its usual mount). */
  readonly hugePages: LargeRegions
  /** memfd_create(2). */
  readonly memfd: LargeRegions
  /** Shared memory: /dev/shm, System V, shared anonymous. */
  readonly shared: LargeRegions
}

/** A device of a graphics card or accelerator that a process holds open. */
export interface HeldAccelerator {
  /** As the process names it: `/dev/dri/renderD128`, `/dev/kfd`, `/dev/nvidia0`, `/dev/accel/accel0`. */
  readonly node: string
  readonly kind: 'drm' | 'amd-compute' | 'nvidia' | 'neural'
  readonly fdNumbers: readonly number[]
}

/**
 * One argument after redaction: an allow-listed switch or program word stays, everything else becomes its length. Of the fields
 * with a question mark: absent where this system's sensor does not look, null where the look was refused.
 */
export interface ProcessObservation {
  readonly kind: 'process'
  readonly pid: number
  /** Start as the system counts it: clock ticks after boot on Linux, seconds since 1970 on macOS, milliseconds since 1970 on Windows. With the pid, the key of the process. */
  readonly startTicks: string
  readonly startedAt: string
  readonly parentPid: number
  readonly name: string
  readonly executable: {
    readonly path: string
    readonly isDeleted: boolean
    /** Device and inode; both empty where the system tells the path alone. */
    readonly dev: string
    readonly inode: string
    /** Started from memory (memfd_create and fexecve): there never was a file. */
    readonly isInMemory?: boolean
  } | null
  readonly user: { readonly uid: number; readonly name: string | null }
  /** Redacted; see agent/sense/redact.ts. */
  readonly commandLine: readonly string[]
  readonly cgroup: string | null
  /** Null: in no container that the control group names. */
  readonly container?: ContainerMark | null
  readonly namespaces?: Namespaces
  /** Leader of its session (setsid(2)); 0 when it has none. */
  readonly sessionPid?: number
  /** True when it was started on a terminal. */
  readonly hasTerminal?: boolean
  readonly memory: {
    readonly residentBytes: number
    readonly anonymousBytes: number
    readonly fileBytes: number
    readonly swapBytes: number
  } | null
  /** Resident memory, where the system's process list tells no kinds of it: `memory` is null there. */
  readonly residentBytes?: number | null
  /** Committed memory that no other process shares (private bytes of Windows). */
  readonly privateBytes?: number | null
  /** Null when the look was denied: not the same as empty. */
  readonly mapped: readonly MappedFile[] | null
  readonly open: readonly OpenFileLink[] | null
  readonly largeMemory?: LargeMemory | null
  readonly accelerators?: readonly HeldAccelerator[] | null
}

export interface ListenerObservation {
  readonly kind: 'listener'
  readonly protocol: 'tcp' | 'tcp6' | 'unix'
  readonly address: string
  readonly port: number
  readonly scope: 'loopback' | 'any' | 'specific'
  readonly inode: string
  /** Owners found by socket inode; empty when it could not be resolved. */
  readonly pids: readonly number[]
  /** Connections that it has now; null or absent where they are not counted. */
  readonly clients?: number | null
}

export interface HostObservation {
  readonly kind: 'host'
  readonly hostName: string
  readonly operatingSystem: {
    readonly platform: Platform
    readonly name: string
    readonly version: string
    readonly kernel: string
    readonly architecture: string
  }
  readonly processor: { readonly model: string; readonly cores: number }
  readonly memory: { readonly totalBytes: number; readonly swapBytes: number }
  readonly graphics: readonly { readonly vendor: string; readonly model: string; readonly memoryBytes: number | null }[]
}

/** Memory of a graphics card: null is "not told", never zero. */
export interface GraphicsMemory {
  readonly totalBytes: number | null
  readonly usedBytes: number | null
}

/** A graphics card or accelerator, as its driver tells of it. */
export interface GraphicsObservation {
  readonly kind: 'gpu'
  /** PCI address in lower case (`0000:03:00.0`), or the driver's own name where it has none: the key of a device. */
  readonly device: string
  /** Kernel driver: `amdgpu`, `i915`, `xe`, `nouveau`, `nvidia`. */
  readonly driver: string
  readonly model: string | null
  /** True when it has no memory of its own and uses the system's (Jetson, GB10, integrated graphics); null when unknown. */
  readonly isUnified: boolean | null
  readonly dedicated: GraphicsMemory
  /** System memory that the device may use (GTT of amdgpu). */
  readonly shared: GraphicsMemory
  /** Share of time in which it worked, 0 to 100, as the driver samples it. */
  readonly busyPercent: number | null
}

/** What one process uses of one device. Null is "not told", never zero. */
export interface GraphicsUseObservation {
  readonly kind: 'gpu-use'
  readonly pid: number
  readonly startTicks: string
  /** The `device` of a GraphicsObservation; null when only the held descriptor is known. */
  readonly device: string | null
  readonly driver: string
  readonly source: 'drm-fdinfo' | 'amdkfd' | 'nvmap' | 'nvidia-smi' | 'io-registry' | 'gpu-counters' | 'descriptor'
  /** Memory of the card. */
  readonly dedicatedBytes: number | null
  /** Memory of the system that the card uses beside its own. */
  readonly sharedBytes: number | null
  /** Memory of the system, on a device without memory of its own. */
  readonly unifiedBytes: number | null
  /** Time of all engines since the process opened the device: two looks tell activity. */
  readonly busyNs: number | null
  readonly busyPercent: number | null
}

/** A process that one view of the machine has and an independent one lacks, twice in a row: somebody hides it. */
export interface ViewDifferenceObservation {
  readonly kind: 'view-difference'
  readonly pid: number
  /** Null when /proc does not show the process at all. */
  readonly startTicks: string | null
  readonly name: string | null
  readonly seenBy: 'proc' | 'ps-list'
  readonly missingIn: 'proc' | 'ps-list'
  /** When the first of the two comparisons showed it. */
  readonly since: string
}

export type Observation =
  | ProcessObservation
  | ListenerObservation
  | HostObservation
  | GraphicsObservation
  | GraphicsUseObservation
  | ViewDifferenceObservation

export interface Interpretation {
  readonly observations: readonly Observation[]
  readonly gaps: readonly Gap[]
}

export interface SenseContext {
  readonly signal: AbortSignal
  readonly now: () => Date
}

/** A declaration and two functions (STYLE.md section 4). */
export interface Sensor<Capture> {
  readonly id: string
  readonly platform: Platform | 'any'
  /** Every place it touches: feeds ASSURANCE.md, so it must be complete. */
  readonly touches: readonly string[]
  /** What is collected, in words for staff and works councils. */
  readonly collects: readonly string[]
  readonly collect: (context: SenseContext) => Promise<Capture>
  /** Pure: runs on any system from a recorded capture. */
  readonly interpret: (capture: Capture) => Interpretation
}

/** A regular file that a walk thinks worth judging by its first bytes. Valid only while the walk stands in its folder. */
export interface CandidateFile {
  readonly name: string
  readonly path: string
  readonly identity: FileIdentity
  /** Opens with O_NOFOLLOW and O_NONBLOCK relative to the folder's descriptor and checks that it is still the same regular file. */
  open(): Result<OpenedFile>
}

/** What a folder and all its regular files are at one moment: a change of any of them gives another digest. */
export interface FolderStamp {
  readonly digest: string
  /** The latest change among them, in milliseconds since 1970. */
  readonly newestMs: number
}

/** One folder of a walk. The candidates may be opened until the next folder is asked for. */
export interface WalkedFolder {
  readonly path: string
  /** A large folder is looked at in pieces, so that other work has its turn: this one is empty, and the folder follows. */
  readonly isPiece?: boolean
  readonly candidates: readonly CandidateFile[]
  /** Names of its regular files and of its folders as the walk listed them, in the walk's own byte form: for comparing with ASCII words. */
  readonly fileNames: readonly string[]
  readonly folderNames: readonly string[]
  /** Holds this folder for reading a store in it; null when it is gone meanwhile. */
  hold(): OpenedFolder | null
  /** Looks at every regular file of the folder; null where that is too much, or one of them is gone. */
  stamp(): FolderStamp | null
  /** Running totals of the walk, for progress. */
  readonly filesSeen: number
  readonly foldersSeen: number
}

/** What a walk returns when it ends. */
export interface WalkSummary {
  readonly filesSeen: number
  readonly foldersSeen: number
  /** Candidates met again under another name (hard link, bind mount) and yielded once only. */
  readonly alreadySeen?: number
  readonly isComplete: boolean
  readonly gaps: readonly Gap[]
}
