import { afterEach, jest } from '@jest/globals';
import {
  type Instance,
  type InstanceOptions,
  InstanceType,
  LinkType,
  type Network,
  type Switchyard,
  type SwitchyardOptions,
} from '../../../src/client/index.js';
import { type Running, run } from '../../grpc/running.js';
import { makeYard } from './proving-yard.js';
import { Wire } from './wire.js';

// Processes that start on a busy machine, and the client's own waits.
jest.setTimeout(60_000);

/** What a test opens, closed after it in the opposite order. */
export const opened: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

export async function start(flags: Record<string, string> = {}): Promise<Running> {
  const running = await run(flags);
  opened.push(() => running.stop());
  return running;
}

export function connect(server: string, options: SwitchyardOptions = {}): Switchyard {
  const yard = makeYard(server, options);
  opened.push(() => yard.close());
  return yard;
}

export async function wireTo(target: string): Promise<Wire> {
  const wire = await new Wire(target).mend();
  opened.push(() => wire.cut());
  return wire;
}

export const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const joinAs = (yard: Switchyard, number: number, options: Partial<InstanceOptions> = {}): Instance =>
  yard.join({ uuid: uuid(number), type: InstanceType.AGENT, name: `agent-${number}`, ...options });

/** The arguments of the next event of that name. */
export function next(emitting: Pick<Instance, 'on'> | Pick<Network, 'on'>, name: string): Promise<unknown[]> {
  const { on } = emitting as { on(name: string, listener: (...args: unknown[]) => void): () => void };
  return new Promise((resolve) => {
    const off = on.call(emitting, name, (...args: unknown[]) => {
      off();
      resolve(args);
    });
  });
}

/** Everything that a replica tells of nodes, as words. */
export function tell(network: Network): string[] {
  const told: string[] = [];
  network.on('nodeAdded', ({ name }) => told.push(`+${name}`));
  network.on('nodeRemoved', ({ name }) => told.push(`-${name}`));
  network.on('synced', () => told.push('synced'));
  return told;
}

/** Links two instances over both of their words. */
export async function linkUp(one: Instance, other: Instance) {
  await one.linkEstablished(other.session!.cvid, LinkType.TRANSPORT_UDP);
  return other.linkEstablished(one.session!.cvid, LinkType.TRANSPORT_UDP);
}
