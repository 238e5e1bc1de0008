import { randomUUID } from 'node:crypto';
import type { DescMethodServerStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Methods } from '../../src/web/methods.js';
import { type RunningWeb, runWeb } from './running.js';

let at: RunningWeb;
beforeAll(async () => {
  at = await runWeb();
});
afterAll(() => at.stop());

const methods = new Methods();
const unary = (path: string) => methods.find(`/switchyard.v1.${path}`) as DescMethodUnary;
const streaming = (path: string) => methods.find(`/switchyard.v1.${path}`) as DescMethodServerStreaming;

/** Messages of a method that is only known at run time. */
type Fields = Record<string, unknown>;

async function call(
  transport: Transport,
  path: string,
  request: Fields,
  headers: Record<string, string> = {},
): Promise<Fields> {
  const answer = await transport.unary(unary(path), undefined, undefined, headers, request as never);
  return answer.message as unknown as Fields;
}

/** What a watch tells, until enough was heard. */
async function watch(transport: Transport, path: string, isEnough: (message: Fields) => boolean): Promise<Fields[]> {
  const ended = new AbortController();
  const empty = (async function* () {
    yield {} as never;
  })();
  const answer = await transport.stream(streaming(path), ended.signal, undefined, {}, empty);
  const heard: Fields[] = [];
  for await (const message of answer.message) {
    heard.push(message as unknown as Fields);
    if (isEnough(heard.at(-1)!)) break;
  }
  ended.abort();
  return heard;
}

const agent = () => ({ instanceUuid: randomUUID(), instanceType: 2, name: `boat-${randomUUID().slice(0, 8)}` });

/** Every way in which the clients of connectrpc.com speak. */
const WAYS: readonly (readonly [string, (baseUrl: string) => Transport])[] = [
  ['Connect with JSON', (baseUrl) => createConnectTransport({ baseUrl })],
  ['Connect with Protobuf', (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true })],
  ['Connect with GET where nothing changes', (baseUrl) => createConnectTransport({ baseUrl, useHttpGet: true })],
  ['gRPC-Web', (baseUrl) => createGrpcWebTransport({ baseUrl })],
  ['gRPC-Web with JSON', (baseUrl) => createGrpcWebTransport({ baseUrl, useBinaryFormat: false })],
];

describe.each(WAYS)('a client that speaks %s', (_, transportTo) => {
  let transport: Transport;
  beforeAll(() => {
    transport = transportTo(`http://${at.web}`);
  });

  it('opens a session, finds it in the list, and ends it with its token', async () => {
    const { instanceUuid, ...about } = agent();
    const { sessionToken } = await call(transport, 'SessionService/Session', { instanceUuid, ...about });
    const listed = await call(transport, 'SessionService/ListSessions', { instanceUuid });
    expect(listed.sessions).toMatchObject([{ instanceUuid, name: about.name }]);
    await call(transport, 'SessionService/TerminateSession', {}, { 'switchyard-session': sessionToken as string });
    expect((await call(transport, 'SessionService/ListSessions', { instanceUuid })).sessions).toEqual([]);
  });

  it('watches the graph, and sees a session come', async () => {
    const { instanceUuid, ...about } = agent();
    const added = (message: Fields) => JSON.stringify(message.deltas ?? [], plain).includes(instanceUuid);
    const isSynced = (message: Fields) => message.kind === 2;
    let opened: Promise<unknown> | undefined;
    const heard = await watch(transport, 'NetworkService/WatchNetworkDelta', (message) => {
      if (isSynced(message)) opened = call(transport, 'SessionService/Session', { instanceUuid, ...about });
      return added(message);
    });
    await opened;
    expect(heard.some(isSynced)).toBe(true);
    expect(added(heard.at(-1)!)).toBe(true);
  });

  it('reads a refusal: its code, its reason, and the field that was wrong', async () => {
    const refusal = call(transport, 'SessionService/Session', { instanceUuid: 'no-uuid', instanceType: 2 });
    const error = ConnectError.from(await refusal.catch((thrown) => thrown));
    expect(error.code).toBe(Code.InvalidArgument);
    const details = error.details.map((detail) => ('type' in detail ? detail.type : ''));
    expect(details).toEqual(expect.arrayContaining(['google.rpc.ErrorInfo', 'google.rpc.BadRequest']));
    expect(error.message).toContain('instance_uuid');
  });

  it('reads the refusal of a watch, too', async () => {
    const request = (async function* () {
      yield { after: { epoch: 'another', revision: 1_000_000n }, cvids: [1] } as never;
    })();
    const method = streaming('StreamService/WatchStreams');
    const answer = transport.stream(method, undefined, undefined, {}, request).then(async ({ message }) => {
      for await (const _message of message) break;
    });
    const error = ConnectError.from(await answer.catch((thrown) => thrown));
    expect(error.code).toBe(Code.Unauthenticated);
  });
});

/** Writes numbers of 64 bits, which JSON.stringify cannot. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
