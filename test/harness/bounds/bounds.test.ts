import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fileDescriptors } from '../../../gen/descriptors.js';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { BOUNDS, type Bound, boundsText } from '../../../harness/bounds/bounds.js';
import { agent, ask, asSession, type Method, type Running, refusalOf, run } from '../../grpc/running.js';
import { samplesOf } from './samples.js';

const PATH = fileURLToPath(new URL('../../../proto/bounds.json', import.meta.url));

/** Fields of the same messages that hold whatever their types can, or are messages with bounds of their own. */
const UNBOUNDED = [
  'SessionRequest.proof',
  // One of the networks that the server has.
  'SessionRequest.network',
  'CreateStreamRequest.params',
  'StreamParams.delivery_confirmation',
  'DirectConnectionRequest.relay_version',
  'DirectConnectionRequest.connection_id',
  'Candidate.priority',
  'ReportLinkRequest.connection_id',
  'ReportLinkRequest.failed',
];

const FILES = fileDescriptors
  .map((text) => fromBinary(FileDescriptorProtoSchema, Buffer.from(text, 'base64')))
  .filter(({ name }) => name.startsWith('switchyard/'));

/** Every field of the API, with its comment and the numbers of its enum. */
const FIELDS = FILES.flatMap((file) =>
  file.messageType.flatMap((message, at) =>
    message.field.map(({ name, type, typeName }, index) => {
      const path = [4, at, 2, index].join();
      const comment = file.sourceCodeInfo?.location.find((one) => one.path.join() === path)?.leadingComments ?? '';
      const named = FILES.flatMap(({ enumType }) => enumType).find((one) => `.switchyard.v1.${one.name}` === typeName);
      const numbers = named?.value.map(({ number }) => number);
      return { name: `${message.name}.${name}`, comment: comment.replace(/\s+/g, ' '), type, named: numbers };
    }),
  ),
);
const fieldOf = (name: string) => FIELDS.find((field) => field.name === name)!;

/** The numbers of a bound as a comment writes them. */
function numbersOf({
  min,
  max,
  minSeconds,
  maxSeconds,
  minBytes,
  maxBytes,
  minCount,
  maxCount,
  ...of
}: Bound): string[] {
  const numbers = [min, max, minBytes, maxBytes, minCount, maxCount].filter((one) => one !== undefined && one !== 0);
  const spans = [minSeconds && `${minSeconds} s`, maxSeconds && `${maxSeconds / 86_400} days`].filter(Boolean);
  const inner = [of.each, of.key, of.value].flatMap((bound) => (bound === undefined ? [] : numbersOf(bound)));
  return [...numbers.map((one) => one!.toLocaleString('en-US')), ...spans.map(String), ...inner];
}

describe('proto/bounds.json', () => {
  it('holds the bounds of harness/bounds (UPDATE_DOCUMENT=1 writes it)', () => {
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(PATH, boundsText());
    expect(readFileSync(PATH, 'utf8')).toBe(boundsText());
  });

  it('has a bound for each field of its messages that is bounded', () => {
    const messages = new Set(Object.keys(BOUNDS).map((name) => name.split('.')[0]));
    const names = FIELDS.map(({ name }) => name).filter((name) => messages.has(name.split('.')[0]));
    expect([...Object.keys(BOUNDS), ...UNBOUNDED].sort()).toEqual(names.sort());
  });

  it.each(Object.entries(BOUNDS))('says of %s what its comment says', (name, bound) => {
    const { comment } = fieldOf(name);
    // That a SID is positive is said once, where it is handed out; labels are described where they come first.
    const said = name.endsWith('.labels') && comment.includes('bounded as the labels') ? [] : numbersOf(bound);
    const missing = said.filter((number) => number !== '1' && !comment.replace('65535', '65,535').includes(number));
    expect({ comment, missing }).toEqual({ comment, missing: [] });
  });
});

describe('a running server and the bounds of proto/bounds.json', () => {
  let at: Running;
  let sinks: readonly number[];
  let last = 0;
  const newcomer = () => ask(at, Sessions.session, { ...agent(++last), proof: undefined });

  beforeAll(async () => {
    at = await run();
    const opened = await Promise.all(Array.from({ length: 65 }, newcomer));
    sinks = opened.map(({ instanceSid }) => instanceSid);
  });
  afterAll(() => at.stop());

  const stream = { params: undefined, sinkCvids: [] as readonly number[], requestId: '' };
  const params = {
    name: '',
    timeout: undefined,
    maxBlockBytes: 0,
    compression: 0,
    deliveryConfirmation: false,
    labels: {},
  };
  const connection = () => ({
    ...{ cvid: sinks[0], type: 1, port: 0, candidates: [], publicKey: Buffer.alloc(0), roundTrip: undefined },
    ...{ relayVersion: 0, connectionId: '', requestId: '', fallback: 0 },
  });
  // An address that the server observes, so that it may be of either type.
  const candidate = { host: '127.0.0.1', port: 1, type: 1, priority: 0 };

  const told = { link: 1, state: 1, connectionId: '', path: 0, roundTrip: undefined, failed: false };

  /**
   * How each message is sent: its method, the request around some fields of it, where the violations of those are, and what a
   * request with nothing wrong in it comes to here.
   */
  const WAYS: Record<
    string,
    {
      // biome-ignore lint/suspicious/noExplicitAny: a table of methods
      method: Method<any, unknown>;
      request: (fields: object) => object;
      prefix?: string;
      passes: string;
    }
  > = {
    SessionRequest: {
      method: Sessions.session,
      request: (fields) => ({ ...agent(++last), ...fields }),
      passes: 'OK',
    },
    AnswerRequest: {
      method: Sessions.answer,
      request: (fields) => ({ orderId: 'o1', code: 0, description: '', data: Buffer.alloc(0), ...fields }),
      passes: 'ORDER_NOT_FOUND',
    },
    TerminateSessionRequest: {
      method: Sessions.terminateSession,
      request: (fields) => ({ cvid: 0, reason: '', ...fields }),
      passes: 'OK',
    },
    CreateStreamRequest: {
      method: Streams.createStream,
      request: (fields) => ({ ...stream, sinkCvids: sinks.slice(0, 1), ...fields }),
      passes: 'OK',
    },
    StreamParams: {
      method: Streams.createStream,
      request: (fields) => ({ ...stream, sinkCvids: sinks.slice(0, 1), params: { ...params, ...fields } }),
      prefix: 'params.',
      passes: 'OK',
    },
    DirectConnectionRequest: {
      method: Network.directConnection,
      request: (fields) => ({ ...connection(), ...fields }),
      passes: 'NOT_ATTACHED',
    },
    Candidate: {
      method: Network.directConnection,
      request: (fields) => ({ ...connection(), candidates: [{ ...candidate, ...fields }] }),
      prefix: 'candidates[0].',
      passes: 'NOT_ATTACHED',
    },
    ReportLinkRequest: {
      method: Network.reportLink,
      request: (fields) => ({ peerCvid: sinks[0], ...told, ...fields }),
      passes: 'OK',
    },
    GetSessionRequest: { method: Sessions.getSession, request: (fields) => fields, passes: 'OK' },
    GetNodeRequest: { method: Network.getNode, request: (fields) => fields, passes: 'NODE_NOT_FOUND' },
    GetStreamRequest: { method: Streams.getStream, request: (fields) => fields, passes: 'STREAM_NOT_FOUND' },
    TerminateStreamRequest: {
      method: Streams.terminateStream,
      request: (fields) => fields,
      passes: 'STREAM_NOT_FOUND',
    },
  };

  it.each(Object.keys(BOUNDS))('agree about %s just inside and just outside', async (name) => {
    const [message, field] = name.split('.');
    const { method, request, prefix = '', passes } = WAYS[message];
    const elements = (count: number) => (field === 'sink_cvids' ? sinks.slice(0, count) : Array(count).fill(candidate));
    const { type, named } = fieldOf(name);
    const { inside, outside } = samplesOf(BOUNDS[name], { isBytes: type === Type.BYTES, named, elements });
    const key = field.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase());
    const path = `${prefix}${field}`;
    const outcome = async (value: unknown) => {
      const as = message === 'SessionRequest' ? undefined : asSession((await newcomer()).sessionToken);
      try {
        await ask(at, method, request({ [key]: value }), as);
        return 'OK';
      } catch (error) {
        const { reason, fields } = refusalOf(error);
        // An element's mistake is named with its index or key.
        const named = fields.map((one) => (one.startsWith(`${path}[`) ? path : one));
        return reason === 'FIELD_INVALID' ? [...new Set(named)] : reason;
      }
    };
    // No node has the number 1; as a number it is right.
    const passed = name === 'ReportLinkRequest.peer_cvid' ? 'NODE_NOT_FOUND' : passes;
    for (const value of inside) expect({ value, outcome: await outcome(value) }).toEqual({ value, outcome: passed });
    expect(outside.length).toBeGreaterThan(0);
    for (const value of outside) expect({ value, outcome: await outcome(value) }).toEqual({ value, outcome: [path] });
  });
});
