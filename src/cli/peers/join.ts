import type { Clock } from '../../base/clock.js';
import { asError } from '../../base/errors.js';
import {
  type Acceptance,
  type ConnectionOffer,
  type Instance,
  InstanceType,
  mayReachPort,
  type PathFacts,
  type PeerStream,
  Refusal,
  type Switchyard,
} from '../../client/index.js';
import { serverOf, withServer } from '../connection.js';
import { diagnoseShortly } from '../operate/diagnose.js';
import { type Surroundings, UsageError } from '../surroundings.js';
import { type EnrolFlags, enrolWith, placeOf, readTicketText } from '../trust/enrolment.js';
import { type Membership, membership, rememberMembership } from '../trust/known-servers.js';
import { isMemberAt, namedInstance, ownKey, passingInstance } from '../trust/own-key.js';
import { type Admitted, isAdmitted, readAdmitted } from './admission.js';
import { servePort } from './forwarding.js';
import { wayWords } from './way-words.js';

/** Options of `join`: who to be, and what peers may reach. */
export interface JoinFlags extends EnrolFlags {
  /** The port at which others can reach this machine. */
  readonly listen?: number;
  readonly mapPorts?: boolean;
  /** Ports of this machine that peers may reach. */
  readonly port?: readonly number[];
  /** Which peers may: see {@link readAdmitted}; empty: all of them. */
  readonly from?: readonly string[];
}

/** Stays on the network and lets peers reach some ports of this machine, until Ctrl-C. */
export async function joinNetwork(given: JoinFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  surroundings.outliveOutput?.();
  const admitted = (given.from ?? []).map(readAdmitted);
  const { flags, member, ports } = await enrolled(given, surroundings);
  const say = (line: string) => void terminal.err.write(line);
  await withServer(flags, surroundings, async (yard) => {
    const instance = yard.join({
      ...(await identityOf(yard, { flags, member }, surroundings)),
      type: InstanceType.AGENT,
      name: flags.name ?? member?.name ?? '',
      listenPort: flags.listen,
      mapPorts: flags.mapPorts,
      handlers: {
        accept: (offer) => admit(instance, offer, admitted, say),
        accepted: (stream, offer) => {
          const mayReach = (port: number) => ports.includes(port) && mayReachPort(offer, port);
          void serve(stream, mayReach, say, surroundings.clock);
        },
      },
    });
    instance.on('attached', ({ cvid }) => void terminal.out.write(`joined as ${cvid}\n`));
    const server = serverOf(flags, surroundings);
    instance.on('broken', (error) => void diagnoseShortly(error, server, surroundings.clock).then(say));
    const stop = () => void instance.leave();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const error = await instance.ended;
    if (error !== undefined) throw error;
  });
  throw signal.reason;
}

/** How to join. */
interface Joining {
  readonly flags: JoinFlags;
  /** As whom, where the flags do not say and this user is enrolled at the server. */
  readonly member: Membership | undefined;
}

/** Redeems the ticket if there is one. What the flags do not say is as it was when this user enrolled. */
async function enrolled(given: JoinFlags, surroundings: Surroundings): Promise<Joining & { ports: readonly number[] }> {
  const text = await readTicketText(given, surroundings);
  const redeemed = text === undefined ? undefined : (await enrolWith(text, given, surroundings)).member;
  const flags = redeemed === undefined ? given : { ...given, ...placeOf(redeemed) };
  const kept = membership(surroundings);
  const isHere = kept !== undefined && isMemberAt(kept, flags, surroundings);
  const isMember = isHere && isSameInstance(kept, flags);
  const ports = given.port ?? (isMember ? kept.ports : undefined);
  if (ports === undefined) throw new UsageError('--port: a port that peers may reach is needed');
  if (isMember && given.port !== undefined) rememberMembership({ ...kept, ports }, surroundings);
  return { flags, member: isMember ? kept : undefined, ports };
}

function isSameInstance({ name, uuid }: Membership, flags: JoinFlags): boolean {
  return (flags.name === undefined || flags.name === name) && (flags.uuid === undefined || flags.uuid === uuid);
}

/** The instance to join as, and its key: as this user is enrolled, or the one that was named, or a passing one. */
async function identityOf(yard: Switchyard, { flags, member }: Joining, surroundings: Surroundings) {
  if (member !== undefined) {
    const { key, bindProofs } = await ownKey(member.keyName, flags, surroundings);
    return { uuid: member.uuid, key, bindProofs };
  }
  if (flags.uuid === undefined && flags.name === undefined) return passingInstance(yard, 'join', flags, surroundings);
  return namedInstance(flags, surroundings);
}

async function admit(
  instance: Instance,
  offer: ConnectionOffer,
  admitted: readonly Admitted[],
  say: (line: string) => void,
): Promise<Acceptance> {
  const uuidOfNode = async () => (await instance.getNode(offer.cvid)).node.instanceUuid;
  const accepted = await isAdmitted(admitted, offer, uuidOfNode);
  if (accepted) return accepted;
  const isByKey = admitted.some(({ by }) => by === 'key');
  if (isByKey && offer.endorsementProblem) say(`${offer.cvid} is not let in by key: ${offer.endorsementProblem}`);
  throw new Refusal('PEER_REFUSED', 'this instance is not open to you');
}

async function serve(
  stream: PeerStream,
  mayReach: (port: number) => boolean,
  say: (line: string) => void,
  clock: Clock,
): Promise<void> {
  const { connectionId, peerCvid } = stream;
  say(`${connectionId}: ${peerCvid} is here, ${wayWords(stream)}`);
  stream.on('path', (facts: PathFacts) => say(`${connectionId}: ${wayWords(facts)} from now on`));
  try {
    await servePort(stream, mayReach, clock);
    say(`${connectionId}: closed`);
  } catch (error) {
    stream.destroy();
    say(`${connectionId}: ${asError(error).message}`);
  }
}
