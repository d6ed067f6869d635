// What bytes begin as, by the first words of well-known kinds of files. Says what they look like and judges nothing.

const MAGICS: readonly (readonly [kind: string, magic: RegExp])[] = [
  ['elf', /^\x7fELF/],
  ['windows-program', /^MZ[\s\S]{58}/],
  ['mac-program', /^(?:\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe)/],
  ['zip', /^PK(?:\x03\x04|\x05\x06)/],
  ['pickle', /^\x80[\x02-\x05][\x80-\x98()\]}cCIJKLMNSTUVXBGFi]|^\(?c[A-Za-z_][\w.]{0,80}\n[A-Za-z_][\w.]{0,80}\n/],
  ['pdf', /^%PDF-/],
  ['script', /^#![ \t]*\//],
  ['batch-script', /^@echo off\b/i],
  ['php', /^<\?php\b/i],
  ['html', /^\s{0,64}<(?:!doctype\s+html|html|script|svg|iframe|body)[\s>]/i],
  ['7z', /^7z\xbc\xaf\x27\x1c/],
  ['rar', /^Rar!\x1a\x07/],
  ['gzip', /^\x1f\x8b\x08/],
  ['xz', /^\xfd7zXZ\0/],
  ['hdf5', /^\x89HDF\r\n\x1a\n/],
  ['gguf', /^GGUF[\x01-\x03]\0\0\0/],
  ['python-bytecode', /^[\s\S]{2}\r\n[\0-\x03]\0\0\0[\s\S]{8}\xe3/],
  ['wasm', /^\0asm/],
  ['java-class', /^\xca\xfe\xba\xbe\0\0/],
  ['shortcut', /^L\0\0\0\x01\x14\x02\0/],
  ['image', /^(?:\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF[\s\S]{4}WEBP|BM[\s\S]{4}\0{4})/],
]

/** What these bytes look like; null where no word says so. */
export function looksLike(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 256)).toString('latin1')
  return MAGICS.find(([, magic]) => magic.test(head))?.[0] ?? null
}
