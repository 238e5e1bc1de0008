import { Duplex } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { RelayRequest, type RelayResponse } from '../../../gen/switchyard/v1/stream_service.js';
import type { Backing } from '../../../src/grpc/backing.js';
import type { Caller } from '../../../src/grpc/caller.js';
import { type RelayCall, relay } from '../../../src/grpc/services/relay.js';
import type { ChannelPlaces } from '../../../src/relay/relay.js';
import { block, World } from '../../relay/world.js';

/** A Relay call at a server that is behind until `catchUp` is called, with what it is answered. */
function callAt(world: World, sid: number, ...requests: Partial<RelayRequest>[]) {
  let catchUp = () => {};
  const caughtUp = new Promise<undefined>((resolve) => {
    catchUp = () => resolve(undefined);
  });
  const places: ChannelPlaces = {
    isElsewhere: () => false,
    isAt: () => true,
    current: () => caughtUp,
    dial: () => undefined,
    reached: () => undefined,
  };
  world.relay.places = places;
  const answers: RelayResponse[] = [];
  const errors: { readonly details?: string }[] = [];
  const stream = new Duplex({
    objectMode: true,
    autoDestroy: false,
    read: () => {},
    write: (message: RelayResponse, _encoding, done) => {
      answers.push(message);
      done();
    },
  });
  const call = Object.assign(stream, { cancelled: false, getPath: () => 'relay', getPeer: () => '192.0.2.1:7' });
  call.on('error', (error) => errors.push(error as { details?: string }));
  const backing = {
    relay: world.relay,
    replica: { state: world.state },
    gatekeeper: { hold: () => () => {} },
    clock: world.clock,
  } as unknown as Backing;
  const confirming: RelayCall[] = [];
  const confirmsOnly = () => void confirming.push(call as unknown as RelayCall);
  relay(backing, call as unknown as RelayCall, sid, {} as Caller, confirmsOnly);
  for (const request of requests) call.push(RelayRequest.fromPartial(request));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { call, confirming, answers, errors, settle, catchUp: () => catchUp() };
}

describe('Relay at a server that is behind', () => {
  it('answers only once the server is current, and takes the blocks that came meanwhile in order', async () => {
    const [scout, world] = [new World(), new World()];
    const { id } = scout.bare(1);
    const [source, sinkSid] = world.sids as [number, number];
    const blocks = [1, 2, 3].map((n) => ({ block: Buffer.from(block(n)) }));
    const { answers, errors, settle, catchUp } = callAt(world, source, { open: { id, blocks: undefined } }, ...blocks);
    await settle();
    expect([answers, errors]).toEqual([[], []]);
    const { branches } = world.bare(1);
    catchUp();
    await settle();
    expect(answers[0]?.opened?.stream?.id).toBe(id);
    const sink = world.open(sinkSid, branches[0]) as { next(): unknown };
    expect([sink.next(), sink.next(), sink.next()]).toEqual(blocks.map((one) => one.block));
  });

  it.each([
    ['says of a sink', 1, 1],
    ['does not say of a source', 0, 0],
  ])('%s that its request brings no data', async (_, end, times) => {
    const [scout, world] = [new World(), new World()];
    const { id, branches } = scout.bare(1);
    const open = { id: end === 0 ? id : branches[0], blocks: undefined };
    const { answers, confirming, settle, catchUp } = callAt(world, world.sids[end]!, { open });
    world.bare(1);
    catchUp();
    await settle();
    expect(answers[0]?.opened?.stream?.id).toBe(id);
    expect(confirming).toHaveLength(times);
  });

  it('refuses once the server is current what is not there then', async () => {
    const world = new World();
    const { errors, settle, catchUp } = callAt(world, world.sids[0]!, { open: { id: 1_000_000, blocks: undefined } });
    await settle();
    expect(errors).toEqual([]);
    catchUp();
    await settle();
    expect(errors).toMatchObject([{ details: 'no stream 1000000' }]);
  });

  it('gives an end back that was opened for a call that is over', async () => {
    const [scout, world] = [new World(), new World()];
    const { id } = scout.bare(1);
    const { call, settle, catchUp, answers } = callAt(world, world.sids[0]!, { open: { id, blocks: undefined } });
    await settle();
    call.cancelled = true;
    call.emit('cancelled');
    world.bare(1);
    catchUp();
    await settle();
    expect(answers).toEqual([]);
  });
});
