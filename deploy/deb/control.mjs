/** Where Debian and Node name one processor each in their own way. */
export const ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' };

/**
 * What Node 24 and LMDB's modules are linked to; `systemd` has systemd-notify, which the unit waits for, and systemd-sysusers,
 * which makes the user.
 */
const DEPENDS = [
  'libc6 (>= 2.28)',
  'libgcc-s1',
  'libstdc++6 (>= 9)',
  'systemd (>= 249)',
  'init-system-helpers (>= 1.54)',
];

/** A version of npm as Debian orders it: 1.0.0-rc.1 is before 1.0.0, for which Debian writes 1.0.0~rc.1. */
export function debianVersion(version) {
  return version.replace('-', '~');
}

/** The control file of a package whose files take so many KiB. */
export function controlFile({ version, architecture, installedKiB, nodeVersion }) {
  return `Package: switchyard
Version: ${debianVersion(version)}
Architecture: ${architecture}
Maintainer: The Switchyard authors <switchyard@localhost>
Installed-Size: ${installedKiB}
Depends: ${DEPENDS.join(', ')}
Section: net
Priority: optional
Description: coordination service for fleets of connected instances
 Sessions, a live network graph, brokered connections and streams, over gRPC.
 .
 Brings Node ${nodeVersion} for itself alone, in /usr/lib/switchyard/runtime.
`;
}
