import type { Connection } from '../../../gen/switchyard/v1/connection.js';
import type { Clock } from '../../base/clock.js';
import { checkEndorsement } from '../../trust/endorsement.js';
import type { ConnectionOffer } from '../instance/orders.js';

/** The peer's key is not endorsed by a key that was asked for, so that it may be somebody else's: nothing was sent to it. */
export class UnendorsedPeerError extends Error {
  constructor(peerCvid: number, problem: string) {
    super(`${peerCvid} is not known to be the peer that was asked for: ${problem}`);
    this.name = 'UnendorsedPeerError';
  }
}

/** Where and when endorsements are looked at. */
export interface EndorsementPlace {
  readonly network: string;
  readonly clock: Clock;
}

/** A connection that a peer asks for, as a program is told that decides whether to take it. */
export function offerOf(order: Connection, { network, clock }: EndorsementPlace): ConnectionOffer {
  const { peerCvid, type, peer, peerPublicKey, peerEndorsement } = order;
  const when = { network, connectionKey: peerPublicKey, nowMs: clock.wallMs() };
  const checked = checkEndorsement(peerEndorsement, when);
  const endorsed = 'problem' in checked ? { endorsementProblem: checked.problem } : { endorsement: checked };
  return { cvid: peerCvid, type, peer, ...endorsed };
}

/** Checks that the keys that a server says are the peer's are endorsed by one of the identity keys that were asked for. */
export class PeerKeyCheck {
  readonly #pins: readonly string[];
  readonly #place: EndorsementPlace;
  /** A key that was endorsed stays so for the connection, also when its endorsement ends meanwhile. */
  #endorsed: Buffer | undefined;

  /** `pins`: ids of identity keys, 64 hexadecimal digits. */
  constructor(pins: readonly string[], place: EndorsementPlace) {
    this.#pins = pins.map((pin) => pin.toLowerCase());
    this.#place = place;
  }

  /** Why the peer's key of an order is not taken, for people; undefined for one that is. */
  problemOf({ peerPublicKey, peerEndorsement }: Pick<Connection, 'peerPublicKey' | 'peerEndorsement'>) {
    if (this.#endorsed?.equals(peerPublicKey)) return undefined;
    const { network, clock } = this.#place;
    const when = { network, connectionKey: peerPublicKey, nowMs: clock.wallMs() };
    const checked = checkEndorsement(peerEndorsement, when);
    if ('problem' in checked) return checked.problem;
    if (!this.#pins.includes(checked.keyId)) return `its key is endorsed by ${checked.keyId}, which is not pinned`;
    this.#endorsed = Buffer.from(peerPublicKey);
    return undefined;
  }
}
