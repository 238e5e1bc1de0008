import { expect } from '@jest/globals';
import { constantRandom, ManualClock } from '../../../harness/manual-clock.js';
import { type Instance, type InstanceOptions, InstanceType, Switchyard } from '../../../src/client/index.js';
import { FakeChannel } from './fake-channel.js';

export const UUID = '6f1f3f0e-3f67-4b5e-9a53-0a4b7b8f3c11';
export const HEARTBEAT = { order: { orderId: '', kind: { $case: 'heartbeat', value: { position: undefined } } } };
export const HOUR_MS = 3_600_000;

/** A joined instance, a server that grants sessions, and everything that the instance told. */
export function world(options: Partial<InstanceOptions> = {}, fraction = 1) {
  const clock = new ManualClock();
  const channel = new FakeChannel();
  let granted = 0;
  channel.answers.Session = () => {
    granted += 1;
    return {
      instanceSid: 1000 + granted,
      serverSid: 9,
      serverUuid: 'server',
      sessionToken: `token-${granted}`,
      ttl: { seconds: 60n, nanos: 0 },
      streamId: granted,
      position: { epoch: 'e', revision: BigInt(granted) },
    };
  };
  channel.answers.KeepAlive = () => ({ ttl: { seconds: 60n, nanos: 0 }, position: { epoch: 'e', revision: 1n } });
  channel.answers.TerminateSession = () => ({ position: { epoch: 'e', revision: 9n } });
  const yard = new Switchyard({ channel, clock, random: constantRandom(fraction) });
  const me = yard.join({ uuid: UUID, type: InstanceType.AGENT, ...options });
  const told: string[] = [];
  me.on('opened', (session) => told.push(`opened ${session.cvid}`));
  me.on('attached', (session) => told.push(`attached ${session.cvid}`));
  me.on('lost', (error) => told.push(`lost ${error.reason}`));
  me.on('broken', (_error, delayMs) => told.push(`broken ${delayMs}`));
  me.on('problem', (error) => told.push(`problem ${error.message}`));
  me.on('ended', (error) => told.push(`ended ${error?.reason}`));
  return { clock, channel, yard, me, told };
}

export async function attached(options: Partial<InstanceOptions> = {}, fraction = 1) {
  const all = world(options, fraction);
  await all.clock.pass(0);
  all.channel.stream('Attach').send(HEARTBEAT);
  await all.clock.pass(0);
  return all;
}

export function expectNothingLeft({ clock, channel }: { clock: ManualClock; channel: FakeChannel }): void {
  expect(clock.pending).toBe(0);
  expect(channel.held).toBe(0);
  expect(channel.streams.filter((stream) => stream.open)).toEqual([]);
}

export const tokenOf = (me: Instance) => me.session?.token;
