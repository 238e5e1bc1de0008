/**
 * One end of a punch, as a process of its own. The test that started it carries the signals over the process channel.
 *
 * Sent once: what was gathered. For each plan received: what came of the attempt. After a success both ends say hello
 * over the path, and tell what they heard.
 */
import { once } from 'node:events';
import { makeIdentity } from '../../src/client/direct/identity.js';
import type { AttemptPlan } from '../../src/client/direct/path.js';
import { TcpPunch } from '../../src/client/direct/tcp.js';
import { UdpPunch } from '../../src/client/direct/udp.js';

/** What a peer is told. Bytes travel as base64. */
export type ToPeer = Omit<AttemptPlan, 'identity' | 'peerPublicKey' | 'nonce'> & {
  readonly peerPublicKey: string;
  readonly nonce: string;
};

const [, , transport, rendezvous] = process.argv;
const identity = makeIdentity();
const open = { tcp: TcpPunch.gather, udp: UdpPunch.gather }[transport!]!;
const punch = await open(JSON.parse(rendezvous!));
const publicKey = identity.publicKey.toString('base64');
process.send!({ candidates: punch.candidates, publicKey, roundTripMs: await punch.measure() });

process.on('message', async (told: ToPeer) => {
  const nonce = Buffer.from(told.nonce, 'base64');
  const peerPublicKey = Buffer.from(told.peerPublicKey, 'base64');
  const { path, pairs, tookMs } = await punch.attempt({ ...told, identity, nonce, peerPublicKey });
  if (path === undefined) {
    process.send!({ pairs, tookMs, roundTripMs: await punch.measure() });
    return;
  }
  path.stream.write(`hello from ${told.controlling}`);
  const [heard] = await once(path.stream, 'data');
  process.send!({ pairs, tookMs, heard: String(heard), remote: path.remote, pathRoundTripMs: path.roundTripMs });
  punch.close();
});
