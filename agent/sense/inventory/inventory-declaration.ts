// What the inventory says of itself: ASSURANCE.md and the notice to staff are made from it.
import { POWERSHELL } from '../win32/powershell.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'

/** What the inventory touches and keeps. */
export const inventoryDeclaration: TouchDeclaration = {
  id: 'inventory',
  platform: 'any',
  touches: [
    'whole sweeps only; files are read, and on Linux and macOS no program is started: names of folders of packages, and the manifest of a package that the rule pack names (METADATA with RECORD, package.json, snap.yaml, .crates2.json, INSTALL_RECEIPT.json)',
    'Python environments in /usr, /usr/local, /opt and homes (venv, pipx, uv, pyenv, conda, virtualenvwrapper); global folders of Node.js; Homebrew; NuGet and cargo in homes; /var/lib/dpkg/status; /snap',
    'extensions of VS Code and its relatives (~/.*/extensions), of Chromium browsers (~/.config/*/*/Extensions, ~/.config/BraveSoftware/*/*/Extensions; on macOS the same below ~/Library/Application Support), those that the rule pack names',
    'Docker (/var/lib/docker, ~/.local/share/docker: config.v2.json, repositories.json) and containers/storage (/var/lib/containers, ~/.local/share/containers: containers.json, images.json)',
    'systemd units in /etc, /run, /usr and homes; on macOS /Applications and ~/Applications (Info.plist), launchd jobs in /Library and ~/Library',
    `on Windows the same of a home (~/AppData, ~/.*/extensions), and one program: ${POWERSHELL} with one fixed script: the names DisplayName, DisplayVersion and WinGetPackageIdentifier below the Uninstall keys of HKEY_LOCAL_MACHINE and of everybody logged on (HKEY_USERS), DistributionName below Lxss, Win32_UserProfile, Win32_Service, Get-ScheduledTask`,
    'between two whole sweeps: state files that the rule pack names for their port, pid or program (~/.lmstudio/.internal/http-server.json), and the record of a container that a candidate runs in and that came later',
    '/proc/self/mountinfo: network file systems below a home or the system are not gone into',
    'paths that the rule pack names as installed files, state files and configurations (whether they exist), and the text of configurations of coding agents',
    '/etc/passwd and the names in /home, for the homes of people; what is excluded by a setting is left out',
  ],
  collects: [
    'names and versions of AI products that are installed, where, and in whose home; nothing of other software',
    'of containers: name of the image and names of labels that the rule pack asks for; never environment, command or values of labels',
    'of state files: the port, pid or path of a program that they name, as far as it leads to a process that runs',
    'of services and scheduled tasks: the program that is started; never its arguments',
    'of configurations of agents: which settings that the rule pack names switch a guard off, names of MCP servers, the base name of the program or whether the address is of this machine, whether a local model is used; never keys, environment, headers, arguments, prompts or history',
  ],
}
