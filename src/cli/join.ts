import {
  type ConnectionOffer,
  type Instance,
  InstanceType,
  type PeerStream,
  Refusal,
  type Switchyard,
} from '../client/index.js';
import { serverOf, withServer } from './connection.js';
import { diagnoseShortly } from './diagnose.js';
import { servePort } from './forwarding.js';
import { type KeyFlags, namedInstance, passingInstance } from './own-key.js';
import type { Surroundings } from './surroundings.js';

/** Options of `join`: who to be, and what peers may reach. */
export interface JoinFlags extends KeyFlags {
  readonly name?: string;
  readonly uuid?: string;
  /** The port at which others can reach this machine. */
  readonly listen?: number;
  /** Ports of this machine that peers may reach. */
  readonly port: readonly number[];
  /** Which peers may, as SIDs and UUIDs; empty: all of them. */
  readonly from?: readonly string[];
}

/** Stays on the network and lets peers reach some ports of this machine, until Ctrl-C. */
export async function joinNetwork(flags: JoinFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const say = (line: string) => void terminal.err.write(line);
  await withServer(flags, surroundings, async (yard) => {
    const instance = yard.join({
      ...(await identityOf(yard, flags, surroundings)),
      type: InstanceType.AGENT,
      name: flags.name ?? '',
      listenPort: flags.listen,
      handlers: {
        accept: (offer) => admit(instance, offer, flags.from ?? []),
        accepted: (stream) => void serve(stream, flags.port, say),
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

/** The instance to join as, and its key: the one that was named, or a passing one. */
function identityOf(yard: Switchyard, flags: JoinFlags, surroundings: Surroundings) {
  if (flags.uuid === undefined && flags.name === undefined) return passingInstance(yard, 'join', flags, surroundings);
  return namedInstance(flags, surroundings);
}

/** Whether a peer may connect. A UUID is only as trustworthy as the server's check of who opens sessions. */
async function admit(instance: Instance, { cvid }: ConnectionOffer, from: readonly string[]): Promise<boolean> {
  if (from.length === 0 || from.includes(String(cvid))) return true;
  const { node } = await instance.getNode(cvid);
  if (from.some((one) => one.toLowerCase() === node.instanceUuid)) return true;
  throw new Refusal('PEER_REFUSED', 'this instance is not open to you');
}

async function serve(stream: PeerStream, ports: readonly number[], say: (line: string) => void): Promise<void> {
  const { connectionId, peerCvid, path } = stream;
  say(`${connectionId}: ${peerCvid} is here, ${path === 'direct' ? 'directly' : 'through the server'}`);
  stream.on('path', () => say(`${connectionId}: directly from now on`));
  try {
    await servePort(stream, (port) => ports.includes(port));
    say(`${connectionId}: closed`);
  } catch (error) {
    stream.destroy();
    say(`${connectionId}: ${(error as Error).message}`);
  }
}
