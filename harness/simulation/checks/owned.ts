import type { SessionRequest, SessionResponse } from '../../../gen/switchyard/v1/session_service.js';
import type { Check, Outcome } from '../check.js';
import { keyNamed } from '../clients/keys.js';
import type { Scene } from '../scene.js';
import type { Revision } from '../truth.js';

/**
 * **Owned**: no session of an instance is ever opened by somebody who lacks its key, once that is bound; and whoever opens one by
 * a proof is told so. Whether somebody was let in who only named the right key, thieves themselves can tell.
 */
export class Owned implements Check {
  private readonly bound = new Set<string>();

  constructor(private readonly scene: Pick<Scene, 'verdict'>) {}

  durable({ revision, changes }: Revision): void {
    for (const change of changes) {
      if (change.kind === 'IdentityPut') this.bound.add(change.identity.uuid);
      if (change.kind !== 'SessionOpened') continue;
      const { uuid, keyId, sid } = change.session;
      if (!this.bound.has(uuid) || keyId === keyNamed(uuid).keyId.toString('latin1')) continue;
      const by = keyId === undefined ? 'without a key' : 'by another key';
      this.scene.verdict.fail(
        'Owned',
        `revision ${revision}: session ${sid} of ${uuid}, which is bound, was opened ${by}`,
      );
    }
  }

  heard({ method, request, response }: Outcome): void {
    if (method !== 'Session' || response === undefined || request.proof === undefined) return;
    const { instanceUuid } = request as SessionRequest;
    const { identity, instanceSid } = response as SessionResponse;
    if (identity?.keyId === keyNamed(instanceUuid).keyId.toString('hex')) return;
    this.scene.verdict.fail(
      'Owned',
      `session ${instanceSid} of ${instanceUuid} was opened by a proof, and is nobody's`,
    );
  }
}
