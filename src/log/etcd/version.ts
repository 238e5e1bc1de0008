import { JournalError } from '../../journal/journal.js';

/**
 * Refuses versions of etcd that lose or differ in what they acknowledged (etcd's issues 13766 and 14025: 3.5.0 to 3.5.5, and 3.4
 * before 3.4.22). Throws a JournalError, `version`.
 */
export function checkVersion(version: string): void {
  const [major, minor, patch] = (/^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  if (major > 3 || (major === 3 && (minor > 5 || (minor === 5 && patch >= 6) || (minor === 4 && patch >= 22)))) return;
  throw new JournalError('version', `etcd ${version} may lose what it has acknowledged: use 3.4.22, 3.5.6 or later`);
}
