import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionRole, PathKind } from '../../../gen/switchyard/v1/connection.js';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import { makeIdentity } from '../../../src/client/direct/identity.js';
import {
  type ConnectOptions,
  type Instance,
  InstanceType,
  LinkState,
  LinkType,
  type OrderHandlers,
  type PeerStream,
  Switchyard,
} from '../../../src/client/index.js';
import { agent, type Running, run } from '../../grpc/running.js';
import { keyOf } from '../../trust/proving.js';
import { BlindChannel } from '../worlds/blind-channel.js';

const { RELAY, PUNCH_CONTROLLING } = ConnectionRole;
const PINS = [keyOf(1).keyId.toString('hex')];
const REFUSAL = 'your key is another one than that with which the connection was made';

describe('a server that names another key of the peer than the one that a connection was made with', () => {
  let at: Running;
  let yard: Switchyard;
  let harbour: Instance;
  /** The other end of the connection. */
  let theirs: PeerStream;
  let taken: Promise<void>;
  let channel: BlindChannel;
  let deceived: Switchyard;
  let caller: Instance;

  beforeAll(async () => {
    at = await run();
  });
  beforeEach(() => {
    yard = new Switchyard({ server: at.address });
    const handlers: OrderHandlers = { accept: () => true };
    taken = new Promise((resolve) => {
      handlers.accepted = (stream) => {
        theirs = stream;
        resolve();
      };
    });
    harbour = yard.join({ uuid: agent(1).instanceUuid, type: InstanceType.AGENT, key: keyOf(1), handlers });
    channel = new BlindChannel(at.address);
    channel.isBlind = false;
    deceived = new Switchyard({ channel });
    caller = deceived.join({ uuid: agent(3).instanceUuid, type: InstanceType.CLIENT, key: keyOf(3) });
  });
  afterEach(async () => {
    await deceived.close();
    await yard.close();
  });
  afterAll(() => at.stop());

  async function connect(options: ConnectOptions): Promise<PeerStream> {
    const [{ cvid }] = await Promise.all([harbour.attached(), caller.attached()]);
    const stream = await caller.connect(cvid, options);
    await taken;
    return stream;
  }

  /** From here on the caller's orders of a role name the key of a stranger. */
  function lieAbout(role: ConnectionRole): void {
    const { publicKey } = makeIdentity();
    channel.change = (order: Order) => {
      const { kind } = order;
      if (kind?.$case !== 'connection' || kind.value.role !== role) return order;
      return { ...order, kind: { $case: 'connection', value: { ...kind.value, peerPublicKey: publicKey } } };
    };
  }

  /** Says a word each way. */
  async function talk(stream: PeerStream): Promise<void> {
    for (const [from, to] of [
      [stream, theirs],
      [theirs, stream],
    ] as const) {
      from.write('word');
      expect(String((await once(to, 'data'))[0])).toBe('word');
    }
  }

  it.each([
    ['with pins', { pins: PINS }],
    ['without pins', {}],
  ])('leads no direct connection back to the relay and to that key (%s)', async (_, options) => {
    const stream = await connect({ ...options, fallback: 'late' });
    await talk(stream);
    lieAbout(RELAY);
    // The peer stays where it is: the server is the only one that says that the path is lost.
    harbour.handlers.connection = async () => undefined;
    const { connectionId } = stream;
    const lost = { connectionId, path: PathKind.RELAYED, failed: true };
    await harbour.reportLink(caller.session!.cvid, LinkType.TRANSPORT_TCP, LinkState.LOST, lost);
    for (;;) {
      const { connection } = await harbour.getConnection(connectionId);
      if (connection.description === REFUSAL) break;
      expect(connection.description).toBe('');
    }
    await talk(stream);
    expect(stream).toMatchObject({ path: 'direct', destroyed: false });
  });

  it('moves no relayed connection to a direct path with that key, and tries none', async () => {
    lieAbout(PUNCH_CONTROLLING);
    const stream = await connect({ fallback: 'immediate' });
    await talk(stream);
    for (;;) {
      const { connection } = await caller.getConnection(stream.connectionId);
      const [attempt] = connection.attempts;
      if (attempt?.description === undefined || attempt.description === '') continue;
      expect(attempt.pairs.map(({ outcome }) => outcome).filter((one) => one.includes('another key'))).toEqual([]);
      break;
    }
    await talk(stream);
    expect(stream).toMatchObject({ path: 'relayed', destroyed: false });
  });
});
