import type { ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import {
  RelayRequest,
  type RelayResponse,
  StreamServiceService as Streams,
} from '../../../gen/switchyard/v1/stream_service.js';
import { type Member, makeMember } from '../../trust/members.js';
import { asAdmin, ask, Reading, type Running, run } from '../running.js';

/** Bytes a second that a client may send to relays; an operator may send as many as it can. */
const RATE = 65_536;
const BLOCK = Buffer.alloc(8_192);
const BLOCKS = 24;

describe('relayed bytes a second in the policy', () => {
  let at: Running;
  let device: Member;

  beforeAll(async () => {
    at = await run({ auth: 'required' });
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

  /** How long it takes to bring all blocks from a member to the device, in ms. */
  async function send(from: Member): Promise<number> {
    const request = { params: undefined, sinkCvids: [device.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, from.as);
    const [source, sink] = [relay(from.as, stream!.id), new Reading(relay(device.as, stream!.sinks[0].id))];
    await sink.next();
    const startedMs = performance.now();
    for (let n = 0; n < BLOCKS; n++) source.write(RelayRequest.fromPartial({ block: BLOCK }));
    for (let bytes = 0; bytes < BLOCKS * BLOCK.length; ) bytes += (await sink.next()).block?.length ?? 0;
    source.on('error', () => {}).cancel();
    return performance.now() - startedMs;
  }

  it('are kept: who has sent those of one second is read no faster than that, and nothing is lost', async () => {
    const client = await makeMember(at, { number: 2, roles: ['client'] });
    // 192 KiB, of which 64 KiB are free at the start.
    expect(await send(client)).toBeGreaterThan(1_500);
  });

  it('do not hold up a role of which the policy says nothing', async () => {
    const operator = await makeMember(at, { number: 3, roles: ['operator'] });
    expect(await send(operator)).toBeLessThan(1_500);
  });
});
