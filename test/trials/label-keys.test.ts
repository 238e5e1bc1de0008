import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, UpdateIdentityRequest } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionRequest, SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamParams } from '../../gen/switchyard/v1/stream.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, asAdmin, ask, asSession, open, type Running, run } from '../grpc/running.js';
import { agent as device, talk } from '../system/talking.js';
import { post, runWeb } from '../web/running.js';

// ts-proto #1267: a key `__proto__` of a map became the prototype of the map.

/** Names that an ordinary object gives a meaning to. */
const KEYS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

const labelsOf = (value: string) => Object.fromEntries(KEYS.map((key) => [key, value]));

/** As entries, because a comparison of objects passes over `__proto__`. */
const entriesOf = (labels: object | undefined) => Object.entries(labels ?? {}).sort(([x], [y]) => (x < y ? -1 : 1));

describe('Labels whose keys every object has', () => {
  let at: Running;
  let journal: MemoryJournal;
  beforeAll(async () => {
    journal = new MemoryJournal();
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' }, { journal });
  });
  afterAll(() => at.stop());

  it('are kept by a session, in the graph and over a restart', async () => {
    const request = { ...agent(1), labels: labelsOf('of a session') };
    const { instanceSid } = await ask(at, Sessions.session, request);
    const kept = async () => {
      const { session } = await ask(at, Sessions.getSession, { cvid: instanceSid });
      const { node } = await ask(at, Network.getNode, { cvid: instanceSid });
      return [entriesOf(session?.labels), entriesOf(node?.labels)];
    };
    const expected = entriesOf(labelsOf('of a session'));
    expect(await kept()).toEqual([expected, expected]);
    await at.stop();
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' }, { journal });
    expect(await kept()).toEqual([expected, expected]);
  });

  it('are told to a watch', async () => {
    const watch = open(at, Network.watchNetworkDelta, { after: undefined, coalesce: false, cvids: [] });
    const { instanceSid } = await ask(at, Sessions.session, { ...agent(2), labels: labelsOf('watched') });
    for (;;) {
      const { deltas } = await watch.next();
      const node = deltas.flatMap(({ nodeAdded }) => nodeAdded).find(({ cvid }) => cvid === instanceSid);
      if (node === undefined) continue;
      expect(entriesOf(node.labels)).toEqual(entriesOf(labelsOf('watched')));
      break;
    }
    watch.call.cancel();
  });

  it('are kept by a stream', async () => {
    const { sessionToken } = await ask(at, Sessions.session, agent(3));
    const params = { ...StreamParams.fromPartial({}), labels: labelsOf('of a stream') };
    const sink = await ask(at, Sessions.session, agent(4));
    const request = { params, sinkCvids: [sink.instanceSid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, asSession(sessionToken));
    expect(entriesOf(stream?.params?.labels)).toEqual(entriesOf(labelsOf('of a stream')));
  });

  it('are kept by an identity, and over a restart', async () => {
    const { instanceUuid: identityUuid } = agent(7);
    const { publicKey } = generateKeyPairSync('ed25519');
    const key = publicKey.export({ type: 'spki', format: 'der' });
    await ask(at, Identities.bindKey, { identityUuid, publicKey: key }, asAdmin());
    const about = { identityUuid, kind: 0, roles: ['agent'], name: '', labels: labelsOf('of an identity') };
    const request = UpdateIdentityRequest.fromPartial({ ...about, updateMask: ['roles', 'labels'] });
    await ask(at, Identities.updateIdentity, request, asAdmin());
    const kept = async () => {
      const { identity } = await ask(at, Identities.getIdentity, { identityUuid }, asAdmin());
      const { identities } = await ask(at, Identities.listIdentities, { pageSize: 0, pageToken: '' }, asAdmin());
      return [identity, identities.find((one) => one.identityUuid === identityUuid)].map((one) =>
        entriesOf(one?.labels),
      );
    };
    const expected = entriesOf(labelsOf('of an identity'));
    expect(await kept()).toEqual([expected, expected]);
    await at.stop();
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' }, { journal });
    expect(await kept()).toEqual([expected, expected]);
  });

  it('come through the door of system events', async () => {
    const one = await talk(`tcp://${at.server.addresses.tcp}`);
    const labels = KEYS.map((key) => ({ key, value: 'of a device' }));
    const { instanceSid } = await one.client.ask('Session', { ...device(5), labels });
    const { session } = await ask(at, Sessions.getSession, { cvid: instanceSid });
    expect(entriesOf(session?.labels)).toEqual(entriesOf(labelsOf('of a device')));
    one.client.close();
  });

  it('come through the door for JSON, both ways', async () => {
    const web = await runWeb();
    const service = '/switchyard.v1.SessionService';
    const { instanceUuid } = agent(6);
    // As text: an object would lose one of them on the way.
    const labels = `{${KEYS.map((key) => `"${key}":"of a page"`).join()}}`;
    const request = JSON.parse(`{"instanceUuid":"${instanceUuid}","instanceType":2,"name":"page","labels":${labels}}`);
    const opened = await post(web.web, `${service}/Session`, request);
    const { instanceSid } = JSON.parse(opened.text);
    const got = JSON.parse((await post(web.web, `${service}/GetSession`, { cvid: instanceSid })).text);
    await web.stop();
    expect(entriesOf(got.session.labels)).toEqual(entriesOf(labelsOf('of a page')));
  });

  it('are kept by the stubs in every form', () => {
    const labels = labelsOf('of a stub');
    const request = SessionRequest.fromPartial({ labels });
    const forms = [
      request,
      SessionRequest.decode(SessionRequest.encode(request).finish()),
      SessionRequest.fromJSON(SessionRequest.toJSON(request)),
      SessionRequest.fromJSON(JSON.parse(JSON.stringify(SessionRequest.toJSON(request)))),
    ];
    for (const form of forms) expect(entriesOf(form.labels)).toEqual(entriesOf(labels));
  });
});
