// The last part of a path of any system. On POSIX a backslash is part of a name (and `\\xff` stands for a byte that is no text), on Windows it
// parts them: which one it is, the beginning of the path says.

/** `/x`, and keys of places that are no paths of a disk: `container:/NAME/x`, `unlinked:/x`. Drives have one letter. */
const POSIX_PATH = /^(?:[a-z]{2,32}:)?\//

export function fileNameOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return path.slice((POSIX_PATH.test(path) ? slash : Math.max(slash, path.lastIndexOf('\\'))) + 1)
}
