import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fileDescriptors } from '../../../gen/descriptors.js';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { BOUNDS, type Bound, boundsText } from '../../../harness/bounds/bounds.js';
import { agent, asAdmin, ask, asSession, type Running, refusalOf, run } from '../../grpc/running.js';
import { samplesOf } from './samples.js';
import { ELEMENTS, send, WAYS, type Way } from './ways.js';

const PATH = fileURLToPath(new URL('../../../proto/bounds.json', import.meta.url));

/** Fields whose every value is read, or whose bound is not one of the field alone, and why. */
const UNBOUNDED: Readonly<Record<string, string>> = {
  'SessionRequest.network': 'one of the networks that the server has',
  'DirectConnectionRequest.relay_version': 'any',
  'DirectConnectionRequest.connection_id': 'one of the connections of the caller',
  'ReportLinkRequest.connection_id': 'one of the connections of the caller',
  'GetConnectionRequest.connection_id': 'one of the connections of the caller',
  'Candidate.priority': 'any',
  'Position.revision': 'any: one of the future begins anew',
  'StopStreamRequest.id': 'any: one that cannot be is answered as one that is not there',
  'RelayOpen.id': 'any: one that cannot be is answered as one that is not there',
  'RelayRequest.block': 'the max_block_bytes of its stream, and TOO_LARGE beyond',
  'RelayRequest.confirmed_blocks': 'what the sink was given',
  'ExchangeRequest.packet': 'the max_block_bytes of the adapter, and TOO_LARGE beyond',
  'ListSessionsRequest.page_token': 'what the server has given',
  'ListConnectionsRequest.page_token': 'what the server has given',
  'ListStreamsRequest.page_token': 'what the server has given',
  'ListIdentitiesRequest.page_token': 'what the server has given',
  'ListTicketsRequest.page_token': 'what the server has given',
  'PutPolicyRequest.if_revision': 'any: another than the present one is OUT_OF_ORDER',
  'ExplainRequest.to': 'any: one that is not there is IDENTITY_NOT_FOUND',
  'WatchAuditRequest.after': 'the lines that there are',
};

const FILES = fileDescriptors
  .map((text) => fromBinary(FileDescriptorProtoSchema, Buffer.from(text, 'base64')))
  .filter(({ name }) => name.startsWith('switchyard/'));

/** Every field of the API, with its comment and the numbers of its enum. */
const FIELDS = FILES.flatMap((file) =>
  file.messageType.flatMap((message, at) =>
    message.field.map(({ name, type, typeName, label, proto3Optional }, index) => {
      const path = [4, at, 2, index].join();
      const comment = file.sourceCodeInfo?.location.find((one) => one.path.join() === path)?.leadingComments ?? '';
      const named = FILES.flatMap(({ enumType }) => enumType).find((one) => `.switchyard.v1.${one.name}` === typeName);
      const numbers = named?.value.map(({ number }) => number);
      const isRepeated = label === Label.REPEATED;
      return {
        ...{ message: message.name, name: `${message.name}.${name}`, comment: comment.replace(/\s+/g, ' ') },
        ...{ type, typeName, isRepeated, named: numbers },
        hasPresence: proto3Optional || (type === Type.MESSAGE && !isRepeated),
      };
    }),
  ),
);
const fieldOf = (name: string) => FIELDS.find((field) => field.name === name)!;
const PACKAGE = '.switchyard.v1.';
const isOwnMessage = ({ type, typeName }: (typeof FIELDS)[number]) =>
  type === Type.MESSAGE && typeName.startsWith(PACKAGE);

/** The requests of all methods, and the messages that stand in them. */
const MESSAGES = new Set(
  FILES.flatMap(({ service }) => service)
    .flatMap(({ method }) => method)
    .map(({ inputType }) => inputType.slice(PACKAGE.length)),
);
for (const message of MESSAGES) {
  for (const field of FIELDS) {
    if (field.message === message && isOwnMessage(field)) MESSAGES.add(field.typeName.slice(PACKAGE.length));
  }
}

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

  it('has a bound for each field of every request, but for those that have none of their own', () => {
    // A message in a request has bounds in its own fields, and of a bool there is nothing to say.
    const isPlain = (field: (typeof FIELDS)[number]) =>
      field.type !== Type.BOOL && !(isOwnMessage(field) && !field.isRepeated);
    const names = FIELDS.filter((field) => MESSAGES.has(field.message) && isPlain(field)).map(({ name }) => name);
    expect([...Object.keys(BOUNDS), ...Object.keys(UNBOUNDED)].sort()).toEqual(names.sort());
  });

  it.each(Object.entries(BOUNDS))('says of %s what its comment says', (name, bound) => {
    const { comment } = fieldOf(name);
    // That a SID is positive is said once, where it is handed out; labels are described where they come first.
    const said = name.endsWith('.labels') && comment.includes('bounded as the labels') ? [] : numbersOf(bound);
    const missing = said.filter(
      (number) =>
        number !== '1' &&
        !comment.replace('65535', '65,535').replace('2^53 - 1', '9,007,199,254,740,991').includes(number),
    );
    expect({ comment, missing }).toEqual({ comment, missing: [] });
  });
});

describe('a running server and the bounds of proto/bounds.json', () => {
  let at: Running;
  let sinks: readonly number[];
  let last = 0;
  let folder: string;
  const newcomer = () => ask(at, Sessions.session, { ...agent(++last), proof: undefined });
  const credentialOf = async ({ as = 'session' }: Way) => {
    if (as === 'nobody') return undefined;
    return as === 'admin' ? asAdmin() : asSession((await newcomer()).sessionToken);
  };

  beforeAll(async () => {
    // The audit log needs a folder.
    folder = await mkdtemp(join(tmpdir(), 'switchyard-bounds-'));
    at = await run({ data: folder });
    // Without one, the first ticket would close the network to callers that prove nothing.
    const policy = { document: '{"auth":"open"}', validateOnly: false, ifRevision: undefined };
    await ask(at, Identities.putPolicy, policy, asAdmin());
    const opened = await Promise.all(Array.from({ length: 65 }, newcomer));
    sinks = opened.map(({ instanceSid }) => instanceSid);
  });
  afterAll(async () => {
    await at.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(Object.keys(BOUNDS))('agree about %s just inside and just outside', async (name) => {
    const [message, field] = name.split('.');
    const way = WAYS[message];
    const path = `${way.prefix ?? ''}${field}`;
    const elements = ELEMENTS[name] && ((count: number) => ELEMENTS[name](sinks, count));
    const { type, named, hasPresence } = fieldOf(name);
    const { inside, outside } = samplesOf(BOUNDS[name], {
      ...{ isBytes: type === Type.BYTES, hasPresence, named, elements },
    });
    const key = field.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase());
    const outcome = async (value: unknown) => {
      const fields = { [key]: value };
      try {
        await send(at, way, way.request(fields, { sinks, number: ++last }), await credentialOf(way));
        return 'OK';
      } catch (error) {
        const { reason, fields } = refusalOf(error);
        // A mistake in a policy is named by its place in the document.
        if (reason === 'POLICY_INVALID') return [path];
        // An element's mistake is named with its index or key.
        const named = fields.map((one) =>
          one.startsWith(`${path}[`) || one.startsWith(`${path}.paths[`) ? path : one,
        );
        return reason === 'FIELD_INVALID' ? [...new Set(named)] : reason;
      }
    };
    for (const value of inside) {
      const came = await outcome(value);
      expect({ value, came, passes: way.passes.includes(String(came)) }).toEqual({ value, came, passes: true });
    }
    expect(outside.length).toBeGreaterThan(0);
    for (const value of outside) expect({ value, outcome: await outcome(value) }).toEqual({ value, outcome: [path] });
  });
});
