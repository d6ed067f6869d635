// Do the first bytes of a member look like something that acts when it is loaded? Archives have thousands of members, and tensors lie
// in most of them: those are passed over.
import { packingOf } from '../unpack-head.ts'

/** What is looked at of each member, behind its header. */
export const FIRST_BYTES = 512

const TAR_MAGIC_AT = 257
/** Pickles, archives, arrays, HDF5, programs and scripts. */
const MARKED =
  /^(?:\x80[\x02-\x05][\x80-\x98()\]}cCGIJKLMNSTUVXBi.]|PK[\x03\x05][\x04\x06]|7z\xbc\xaf\x27\x1c|\x93NUMPY|\x89HDF|\x7fELF|MZ[\0-\xff]{2}|#!\/)/
/** Protocols 0 and 1: a name that is imported, a list or dictionary with its memo, an object that is made. */
const PLAIN_PICKLE =
  /^[(\]})]{0,4}(?:c[A-Za-z_][\w.]*\r?\n[A-Za-z_]|i[A-Za-z_][\w.]*\r?\n[A-Za-z_]|[lpdt]+p?\d*\n|q[\0-\xff])/
/** A pickle behind junk. */
const HIDDEN_PICKLE = /\x80[\x02-\x05][\x80-\x98()\]}cCIJKLMNSTUVXBGFi]|c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n/

/** True for what begins like something that acts. */
export function isStartling(head: Buffer): boolean {
  const text = head.toString('latin1')
  return (
    MARKED.test(text) ||
    PLAIN_PICKLE.test(text) ||
    text.slice(TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === 'ustar' ||
    (head.length >= 4 && packingOf(head) !== null)
  )
}

/** True for what may hold a pickle behind a few bytes of something else. */
export function mayHidePickle(head: Buffer): boolean {
  return HIDDEN_PICKLE.test(head.toString('latin1'))
}

/** Names of files that programs unpickle or open as models, whatever they begin with. */
export const LOADED_NAME =
  /\.(?:pkl|pickle|p|pck|pcl|dill|cpkl|joblib|debug_pkl|pt|pth|bin|ckpt|model|sav|npy|npz|zip|7z|tar|h5|hdf5|keras|onnx|gguf|llamafile|pb|nemo|skops)$/i

/** True for printable text, which no reader of numbers knows by its first bytes. Configurations are told by their names. */
export function isWords(head: Buffer): boolean {
  return head.every((byte) => (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x09 && byte <= 0x0d))
}
