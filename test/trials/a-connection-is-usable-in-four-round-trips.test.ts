import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionRole } from '../../gen/switchyard/v1/connection.js';
import type { Order } from '../../gen/switchyard/v1/session.js';
import { type ConnectOptions, InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { BlindChannel } from '../client/worlds/blind-channel.js';
import { type Running, run } from '../grpc/running.js';
import { StepNetwork } from './step-network.js';

// iroh #1097, headscale #1469: the relay was there, and connections waited for the search for a direct path all the same.

/*
 * docs/direct-connections.md draws these round trips, and gives each its reason. Both ends are a round trip away from the server,
 * and from its rendezvous.
 */

/** Where the network leads to the server. */
const AWAY = '127.0.0.2';

let at: Running;
let network: StepNetwork;
let yards: Switchyard[];
/** What each end was ordered, and in how many round trips after the first call. */
let orders: [who: string, role: string, roundTrips: number][];
let beganAt: number;

const roundTrips = () => (network.step - beganAt) / 2;

beforeEach(async () => {
  at = await run();
  network = new StepNetwork();
  await network.place(AWAY, Number(at.address.split(':').at(-1)));
  yards = [];
  orders = [];
});
afterEach(async () => {
  await network.close();
  await Promise.all(yards.map((yard) => yard.close()));
  await at.stop();
});

function away(who: string): Switchyard {
  const channel = new BlindChannel(at.address.replace(/^.*:/, `${AWAY}:`));
  channel.isBlind = false;
  channel.change = (order: Order) => {
    if (order.kind?.$case === 'connection') orders.push([who, ConnectionRole[order.kind.value.role]!, roundTrips()]);
    return order;
  };
  const yard = new Switchyard({ channel });
  yards.push(yard);
  return yard;
}

/** Connects, says something, and hears it again; how many round trips each took. */
async function connected(options: ConnectOptions) {
  const accepted = (stream: PeerStream) => void stream.pipe(stream);
  const join = (who: string) => {
    const handlers = { accept: () => true, accepted };
    return away(who).join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
  };
  const [caller, peer] = [join('caller'), join('peer')];
  network.run();
  const { rendezvous } = await caller.attached();
  const { cvid } = await peer.attached();
  await network.place(AWAY, rendezvous[0]!.port);
  const from = network.step;
  while (network.step === from) await new Promise((resolve) => setTimeout(resolve, 1));
  beganAt = network.step;
  const stream = await caller.connect(cvid, options);
  const usable = roundTrips();
  stream.write('there and back');
  await once(stream, 'data');
  const answered = roundTrips();
  stream.destroy();
  return { usable, answered };
}

describe('a connection through a server that is one round trip away', () => {
  it('can be written to after four round trips, and is answered after six', async () => {
    const { usable, answered } = await connected({ upgradeAfterMs: Number.POSITIVE_INFINITY });
    expect({ usable, answered }).toEqual({ usable: 4, answered: 6 });
    expect(orders).toEqual([
      ['peer', 'GATHER', 1],
      ['caller', 'RELAY', 2],
      ['peer', 'RELAY', 2],
    ]);
  });

  it('is tried for a direct path after four round trips, beside the opening of its relay', async () => {
    await connected({});
    const tries = orders.filter(([, role]) => role.startsWith('PUNCH'));
    expect(tries.slice(0, 2).sort()).toEqual([
      ['caller', 'PUNCH_CONTROLLING', 4],
      ['peer', 'PUNCH_CONTROLLED', 4],
    ]);
  });

  it('begins its first attempt after six round trips where the relay comes late', async () => {
    await connected({ fallback: 'late' });
    const tries = orders.filter(([, role]) => role.startsWith('PUNCH'));
    expect(tries.slice(0, 2).sort()).toEqual([
      ['caller', 'PUNCH_CONTROLLING', 6],
      ['peer', 'PUNCH_CONTROLLED', 6],
    ]);
  });
});
