import type { ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import {
  RelayRequest,
  type RelayResponse,
  StreamServiceService as Streams,
} from '../../../gen/switchyard/v1/stream_service.js';
import { systemClock } from '../../../src/client/system.js';
import { type Member, makeMember } from '../../trust/members.js';
import { asAdmin, ask, Reading, type Running, run } from '../running.js';

/** Bytes a second that a client may send to relays; an operator may send as many as it can. */
const RATE = 65_536;
const BLOCK = Buffer.alloc(8_192);
const BLOCKS = 24;

/** Blocks that may come at once: those of one second. */
const BURST = RATE / BLOCK.length;

describe('relayed bytes a second in the policy', () => {
  let at: Running;
  let device: Member;
  /** The time of the server, which stands while the test does not move it: no quota grows. */
  let nowMs = 1_000;

  beforeAll(async () => {
    at = await run({ auth: 'required' }, { clock: { ...systemClock, nowMs: () => nowMs } });
    const grants = [{ from: ['*'], to: ['role:agent'] }];
    const limits = { client: { relayed_bytes_per_second: RATE } };
    const document = JSON.stringify({ auth: 'required', grants, limits });
    await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
    device = await makeMember(at, { number: 1, roles: ['agent'] });
  });
  afterAll(() => at.stop());

  function relay(as: Metadata, id: number): ClientDuplexStream<RelayRequest, RelayResponse> {
    const { path, requestSerialize, responseDeserialize } = Streams.relay;
    const call = at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, as);
    call.write(RelayRequest.fromPartial({ open: { id } }));
    return call;
  }

  /** Has a member send all blocks to the device; answers with how to wait for so many of them, and with how many have come by now. */
  async function send(from: Member) {
    const request = { params: undefined, sinkCvids: [device.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, from.as);
    const source = relay(from.as, stream!.id).on('error', () => {});
    const call = relay(device.as, stream!.sinks[0].id);
    let count = 0;
    call.on('data', ({ block }: RelayResponse) => {
      if (block !== undefined && block.length > 0) count++;
    });
    const sink = new Reading(call);
    await sink.next();
    for (let n = 0; n < BLOCKS; n++) source.write(RelayRequest.fromPartial({ block: BLOCK }));
    const read = async (blocks: number) => {
      for (let n = 0; n < blocks; n++) await sink.next();
    };
    return { read, count: () => count, cancel: () => source.cancel() };
  }

  it('are kept: who has sent those of one second is read no faster than that, and nothing is lost', async () => {
    const [client, operator] = [
      await makeMember(at, { number: 2, roles: ['client'] }),
      await makeMember(at, { number: 3, roles: ['operator'] }),
    ];
    const bounded = await send(client);
    for (let burst = 1; burst <= BLOCKS / BURST; burst++) {
      await bounded.read(BURST);
      // What the policy says nothing of goes on meanwhile, all of it at once; and what is bounded would come as fast.
      const free = await send(operator);
      await free.read(BLOCKS);
      free.cancel();
      expect(bounded.count()).toBe(burst * BURST);
      nowMs += 1_000;
    }
    bounded.cancel();
  });
});
