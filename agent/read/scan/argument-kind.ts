// What a short text given to a function looks like: Python to be run, a command line, or just a text. It judges nothing.
import { shapesOf } from './text-shapes.ts'

/** `a()` is the shortest program; names, paths and keys have neither brackets nor blanks. */
const MAY_BE_PROGRAM = /[(\s|]/
const PYTHON =
  /\b__import__\s*\(|\b(?:exec|eval|compile)\s*\(|(?:^|[\n;:])\s*(?:import|from)\s+(?:os|sys|subprocess|socket|pty|shutil|ctypes|urllib|requests|base64|importlib|builtins|pickle|marshal|runpy)\b|\b(?:os|posix|nt)\.(?:system|popen|exec[lv]p?e?|spawn\w{1,5}|remove|unlink)\s*\(|\bsubprocess\.\w{1,16}\s*\(|__(?:builtins|globals|subclasses)__/

/** The kind of a text argument. */
export function textKind(text: string): 'python-text' | 'shell-text' | 'text' {
  if (!MAY_BE_PROGRAM.test(text)) return 'text'
  if (PYTHON.test(text)) return 'python-text'
  return shapesOf(text).some(({ name }) => name.startsWith('shell.')) ? 'shell-text' : 'text'
}
