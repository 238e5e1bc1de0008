import type { AuditAnchor } from '../../../src/core/model/trust/audit-anchor.js';
import type { Check } from '../check.js';
import type { AuditDisk } from '../machine/audit-disk.js';
import type { Scene } from '../scene.js';
import type { Revision } from '../truth.js';

/**
 * **Anchored**: a line of the audit log that the journal knows is on the disk before; and one that was taken away while the server was
 * down is missed by its next start, for good.
 */
export class Anchored implements Check {
  /** Lines that were anchored when the log was cut short. */
  private readonly taken: AuditAnchor[] = [];

  constructor(
    private readonly scene: Scene,
    private readonly disk: AuditDisk,
  ) {}

  durable({ command }: Revision): void {
    if (command.kind !== 'AnchorAudit' || command.isBroken || this.isThere(command)) return;
    this.scene.verdict.fail('Anchored', `line ${command.number} is anchored, and is not on the disk`);
  }

  /** Takes lines away. The server is down. */
  cut(): void {
    const anchors = this.newest();
    this.disk.cut();
    if (anchors !== undefined && !this.isThere(anchors.anchor)) this.taken.push(anchors.anchor);
  }

  /** To be called when everything has come to rest. Says how many lines were taken that were anchored. */
  missed(): number {
    const known = this.newest()?.missed ?? [];
    for (const anchor of this.taken) {
      if (known.some(({ number, hash }) => number === anchor.number && hash === anchor.hash)) continue;
      this.scene.verdict.fail('Anchored', `line ${anchor.number} was taken away, and no start has missed it`);
    }
    return this.taken.length;
  }

  private newest() {
    const { state } = this.scene.truth;
    return state.auditAnchors.of(state.serverUuid);
  }

  private isThere({ number, hash }: Pick<AuditAnchor, 'number' | 'hash'>): boolean {
    return this.disk.holds({ number, hash: Buffer.from(hash, 'latin1').toString('hex') });
  }
}
