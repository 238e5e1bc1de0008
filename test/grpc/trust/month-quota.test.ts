import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import {
  RelayRequest,
  type RelayResponse,
  StreamServiceService as Streams,
} from '../../../gen/switchyard/v1/stream_service.js';
import { TransportServiceService as Transports } from '../../../gen/switchyard/v1/transport_service.js';
import { systemClock } from '../../../src/client/system.js';
import { REASONS } from '../../../src/core/model/fault.js';
import { decodeBody } from '../../../src/system/codec/body.js';
import { EVENTS } from '../../../src/system/codec/event.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { RawTalk, agent as systemAgent } from '../../system/talking.js';
import { makeMember } from '../../trust/members.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { ADMIN_TOKEN, asAdmin, asHeaders, ask, type Running, refusalOf, refused, run } from '../running.js';

const CALLS = 3;
const BLOCK = Buffer.alloc(8_192);
/** Two blocks and a part of a third, which is the last that is taken. */
const BYTES = 20_000;

describe('quotas of a month in the policy', () => {
  let data: string;
  let at: Running;
  // Stands still, so that no month ends during a test.
  const clock = { ...systemClock, wallMs: () => Date.UTC(2026, 5, 15) };

  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), 'switchyard-month-'));
    at = await run(flags(), { clock });
    const document = JSON.stringify({
      auth: 'required',
      grants: [{ from: ['*'], to: ['role:agent'] }],
      limits: { client: { calls_per_month: CALLS }, operator: { relayed_bytes_per_month: BYTES } },
    });
    await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
  });
  afterEach(async () => {
    await at.stop();
    rmSync(data, { recursive: true });
  });

  const flags = () => ({ auth: 'required', data, 'system-tcp-listen': '127.0.0.1:0' });
  const login = async (number: number, uuid: string) => {
    const challenge = await ask(at, Identities.challenge, { network: 'default' });
    const proof = proofOf(keyOf(number), uuid, challenge, { purpose: ProofPurpose.LOGIN });
    const { accessToken } = await ask(at, Identities.login, { proof });
    return asHeaders({ 'switchyard-access': accessToken });
  };
  const transports = (as: Metadata) =>
    ask(at, Transports.enumerateTransport, { codeName: 'tcp', encrypted: false }, as);

  it('refuse calls beyond them with the end of the month, also after a restart, and keep their count in a private file', async () => {
    const { uuid, as } = await makeMember(at, { number: 1, roles: ['client'] });
    for (let n = 0; n < CALLS; n++) await transports(as);
    const { reason, metadata, retryMs } = await refused(transports(as));
    expect([reason, retryMs]).toEqual(['NETWORK_LIMIT', undefined]);
    expect(metadata.month_ends).toBe('2026-07-01T00:00:00Z');
    await at.stop();
    expect(statSync(join(data, 'month-use')).mode & 0o777).toBe(0o600);
    at = await run(flags(), { clock });
    expect((await refused(transports(await login(1, uuid)))).reason).toBe('NETWORK_LIMIT');
    await at.stop();
    writeFileSync(join(data, 'month-use'), 'torn');
    at = await run(flags(), { clock });
    const again = await login(1, uuid);
    for (let n = 0; n < CALLS; n++) await transports(again);
    expect((await refused(transports(again))).reason).toBe('NETWORK_LIMIT');
  });

  it('end a source that has sent its bytes, deliver what it had sent, and let it finish on another call that takes no block', async () => {
    const [source, sink] = [
      await makeMember(at, { number: 2, roles: ['operator'] }),
      await makeMember(at, { number: 3, roles: ['agent'] }),
    ];
    const request = { params: undefined, sinkCvids: [sink.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, source.as);
    const relay = (as: Metadata, id: number, blocks: readonly Buffer[] = []) => {
      const { path, requestSerialize, responseDeserialize } = Streams.relay;
      const call = at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, as);
      call.write(RelayRequest.fromPartial({ open: { id } }));
      for (const block of blocks) call.write(RelayRequest.fromPartial({ block }));
      const ended = new Promise<string | undefined>((resolve) => {
        call.on('error', (one) => resolve(refusalOf(one).reason));
        call.on('end', () => resolve('finished'));
      });
      return { call, ended };
    };
    let bytes = 0;
    const reading = relay(sink.as, stream!.sinks[0].id);
    reading.call.on('data', ({ block }: RelayResponse) => {
      bytes += block?.length ?? 0;
    });
    const sending = relay(source.as, stream!.id, Array(4).fill(BLOCK));
    sending.call.on('data', () => {});
    expect(await sending.ended).toBe('NETWORK_LIMIT');
    const again = relay(source.as, stream!.id, [BLOCK]);
    again.call.on('data', () => {});
    expect(await again.ended).toBe('NETWORK_LIMIT');
    const finishing = relay(source.as, stream!.id);
    finishing.call.on('data', () => {});
    finishing.call.end();
    expect(await Promise.all([finishing.ended, reading.ended])).toEqual(['finished', 'finished']);
    expect(bytes).toBe(3 * BLOCK.length);
  });

  it('refuse data over system events in the same way, each block with an answer', async () => {
    const operator = await makeMember(at, { number: 4, roles: ['operator'] });
    const sink = await makeMember(at, { number: 5, roles: ['agent'] });
    const raw = await RawTalk.connect(at.server.addresses.tcp!);
    raw.sendEvent({ type: 'Challenge', body: {} }, 1);
    const challenge = decodeBody(EVENTS.Challenge.answerTable, (await raw.answer()).data!);
    if ('reason' in challenge) throw new Error(challenge.description);
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(4), operator.uuid, challenge, {});
    raw.sendEvent({ type: 'Session', body: { ...systemAgent(4), proof } }, 2);
    await raw.answer();
    const id = await raw.streamOf(3, { sinkCvids: [sink.sid] });
    for (let n = 0; n < 5; n++) raw.sendBlock(id, BLOCK, { packetId: 10 + n });
    const codes: number[] = [];
    for (let n = 0; n < 5; n++) codes.push((await raw.answer()).code);
    expect(codes).toEqual([0, 0, 0, REASONS.NETWORK_LIMIT, REASONS.NETWORK_LIMIT]);
    raw.socket.destroy();
  });

  it('are counted for each network, and what was used goes with its network', async () => {
    const inNorth = asHeaders({ 'switchyard-network': 'north', 'switchyard-admin': ADMIN_TOKEN });
    await ask(at, Identities.createNetwork, { name: 'north', sessionsMax: 0 }, asAdmin());
    const document = JSON.stringify({ auth: 'required', limits: { client: { calls_per_month: 1 } } });
    await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, inNorth);
    const one = await makeMember(at, { number: 6, roles: ['client'] });
    const other = await makeMember(at, { number: 6, roles: ['client'], network: 'north' });
    await transports(other.as);
    expect((await refused(transports(other.as))).reason).toBe('NETWORK_LIMIT');
    for (let n = 0; n < CALLS; n++) await transports(one.as);
    expect((await refused(transports(one.as))).reason).toBe('NETWORK_LIMIT');
    await at.stop();
    const files = () => readdirSync(data).filter((name) => name.startsWith('month-use'));
    expect(files()).toEqual(['month-use', 'month-use.1']);
    at = await run(flags(), { clock });
    await ask(at, Identities.dropNetwork, { name: 'north' }, asAdmin());
    expect(files()).toEqual(['month-use']);
  });
});
