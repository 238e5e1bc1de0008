import type { Acceptance, ConnectionOffer } from '../../client/index.js';
import { UsageError } from '../surroundings.js';
import { readKeyId } from './peer-pins.js';

/** Which peers may connect: one that any of them names may. */
export type Admitted =
  /** By its SID, or by the UUID of its node, which is as trustworthy as the server's check of who opens sessions. */
  | { readonly by: 'node'; readonly value: string }
  /** By what it has proved to be. */
  | { readonly by: 'uuid'; readonly value: string }
  /** By a key that stands behind the peer's, as the peer itself has signed. */
  | { readonly by: 'key'; readonly value: string }
  | { readonly by: 'role'; readonly value: string }
  | { readonly by: 'label'; readonly key: string; readonly value: string | undefined };

/** Reads `--from`: a SID or UUID, `key:KEY`, `uuid:UUID`, `role:ROLE`, `label:KEY` or `label:KEY=VALUE`. */
export function readAdmitted(text: string): Admitted {
  const [, by = '', rest = ''] = /^(key|uuid|role|label):(.*)$/s.exec(text) ?? [];
  if (by === '') {
    if (/^\d+$/.test(text) || UUID.test(text)) return { by: 'node', value: text.toLowerCase() };
    throw new UsageError(
      `--from: ${text} is no SID or UUID, nor key:KEY, uuid:UUID, role:ROLE, label:KEY or label:KEY=VALUE`,
    );
  }
  if (by === 'uuid') {
    if (!UUID.test(rest)) throw new UsageError(`--from: uuid:${rest} has no UUID`);
    return { by, value: rest.toLowerCase() };
  }
  if (by === 'key') {
    const value = readKeyId(rest);
    if (value === undefined) throw new UsageError(`--from: key:${rest} has not the 64 digits that \`key show\` prints`);
    return { by, value };
  }
  if (rest === '' || rest.startsWith('=')) throw new UsageError(`--from: ${text} names no ${by}`);
  if (by === 'role') return { by, value: rest };
  const equals = rest.indexOf('=');
  const key = equals < 0 ? rest : rest.slice(0, equals);
  return { by: 'label', key, value: equals < 0 ? undefined : rest.slice(equals + 1) };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a peer may connect: by a key alone, only as its holder. The node is only asked for where it decides. */
export async function isAdmitted(
  admitted: readonly Admitted[],
  { cvid, peer, endorsement }: Pick<ConnectionOffer, 'cvid' | 'peer' | 'endorsement'>,
  uuidOfNode: () => Promise<string>,
): Promise<Acceptance> {
  if (admitted.length === 0) return true;
  const isVerified = admitted.some((one) => {
    if (one.by === 'node') return one.value === String(cvid);
    if (one.by === 'key' || peer === undefined) return false;
    if (one.by === 'uuid') return peer.identityUuid === one.value;
    if (one.by === 'role') return peer.roles.includes(one.value);
    const value = Object.hasOwn(peer.labels, one.key) ? peer.labels[one.key] : undefined;
    return value !== undefined && (one.value === undefined || one.value === value);
  });
  if (isVerified) return true;
  if (admitted.some(({ by, value }) => by === 'key' && value === endorsement?.keyId)) return 'endorsed';
  if (!admitted.some(({ by }) => by === 'node')) return false;
  const uuid = await uuidOfNode();
  return admitted.some((one) => one.by === 'node' && one.value === uuid);
}
