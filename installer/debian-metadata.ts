// The texts of a Debian package that are written rather than copied: control, copyright, changelog, md5sums.
import type { ProductionPackage } from './production-packages.ts'

export interface PackageFacts {
  readonly name: string
  readonly version: string
  /** Debian's word: `amd64`, `arm64`. */
  readonly architecture: string
  readonly runtimeVersion: string
  readonly installedBytes: number
  /** Seconds since 1970, of SOURCE_DATE_EPOCH. */
  readonly epoch: number
}

const MAINTAINER = 'Gnomon maintainers <maintainers@gnomon.example>'

/** glibc 2.34 and GLIBCXX 3.4.29 (GCC 11) are what the prebuilt addon of better-sqlite3 asks for. */
const DEPENDS = 'adduser, libc6 (>= 2.34), libgcc-s1, libstdc++6 (>= 11)'

export function renderControl(facts: PackageFacts): string {
  return `Package: ${facts.name}
Version: ${facts.version}
Architecture: ${facts.architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${Math.ceil(facts.installedBytes / 1024)}
Depends: ${DEPENDS}
Section: admin
Priority: optional
Description: endpoint agent that finds local AI models and runtimes by content
 Gnomon recognises model weights whatever they are called and wherever they lie,
 the programs that run them, and reports both to a collector with the evidence.
 It never runs what it inspects and collects no prompt and no file content.
 .
 This package carries its own Node.js ${facts.runtimeVersion} and needs nothing else.
`
}

export function renderCopyright(packages: readonly ProductionPackage[], runtimeVersion: string): string {
  const carried = packages.map(
    ({ name, version, license, place }) =>
      `Files: opt/gnomon/${place}/*\nCopyright: the authors of ${name} ${version}\nLicense: ${license.replaceAll(/[()]/g, '')}\n`,
  )
  const names = new Set(packages.map(({ license }) => license.replaceAll(/[()]/g, '')))
  const texts = [...names]
    .sort()
    .map((license) => `License: ${license}\n The text lies beside each package, below /opt/gnomon/node_modules.\n`)
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: gnomon

Files: *
Copyright: 2026 Gnomon maintainers
License: Apache-2.0-Gnomon

Files: opt/gnomon/runtime/*
Copyright: Node.js contributors, and others named in the licence
License: node-${runtimeVersion}

${carried.join('\n')}
License: Apache-2.0-Gnomon
 On Debian systems the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.

License: node-${runtimeVersion}
 The text, with those of everything inside it, is in
 /opt/gnomon/runtime/LICENSE.

${texts.join('\n')}`
}

export function renderChangelog(facts: PackageFacts): string {
  const at = new Date(facts.epoch * 1000).toUTCString().replace('GMT', '+0000')
  return `${facts.name} (${facts.version}) unstable; urgency=medium

  * Release ${facts.version}; what changed is in CHANGELOG.md beside this file.

 -- ${MAINTAINER}  ${at}
`
}
