import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileDescriptors } from '../../gen/descriptors.js';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { Fault } from '../../src/core/model/fault.js';
import { toError } from '../../src/grpc/status.js';
import { JournalError, type StoredRecord } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, asAdmin, ask, type Method, type Running, refused, run } from './running.js';

const CONFIG = readFileSync(new URL('../../docs/service-config.json', import.meta.url), 'utf8');
/** Safe to repeat where they carry a request id, and so not by their nature. */
const WITH_REQUEST_ID = ['CreateStream', 'DirectConnection'];
/** What is not safe to repeat as it is, and why. */
const NOT_SAFE = {
  TerminateSession: 'the own session is not known any more, and another one may have its number',
  TerminateStream: 'STREAM_NOT_FOUND',
  StopStream: 'INVALID',
  Login: 'its proof is used',
  RotateKey: 'its proofs are used',
  BindKey: 'it takes a revocation back, or bars a key, that came meanwhile',
  Enroll: 'its proof is used',
  ForgetKey: 'IDENTITY_NOT_FOUND, or it forgets who has come meanwhile',
  PutPolicy: 'OUT_OF_ORDER with if_revision',
  IssueTicket: 'each is another ticket',
  CreateNetwork: 'the name is taken',
  DropNetwork: 'there is no such network any more',
};
/** Every method of the API. */
const METHODS = fileDescriptors
  .map((text) => fromBinary(FileDescriptorProtoSchema, Buffer.from(text, 'base64')))
  .filter((file) => file.package === 'switchyard.v1')
  .flatMap((file) => file.service)
  .flatMap((service) =>
    service.method.map(({ name, clientStreaming, serverStreaming, options }) => ({
      ...{ name, clientStreaming, serverStreaming, path: `switchyard.v1.${service.name}/${name}` },
      level: options?.idempotencyLevel ?? MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    })),
  );

/** A client whose retries are grpc's own, as docs/clients.md tells clients to configure them. */
function retryingClient(address: string, config = CONFIG): Client {
  return new Client(address, credentials.createInsecure(), { 'grpc.service_config': config });
}

describe('a client that retries by its service config', () => {
  /** A server that refuses the first so many calls, and counts all. */
  let server: Server;
  let client: Client;
  let calls = 0;
  /** When each came: on a crowded machine, the first takes long to come. */
  let atMs: number[] = [];
  let refusals: Fault[] = [];

  beforeEach(async () => {
    calls = 0;
    atMs = [];
    server = new Server();
    const { getNode } = Network;
    server.register(
      getNode.path,
      (_call: unknown, callback: sendUnaryData<unknown>) => {
        atMs.push(performance.now());
        const fault = refusals[calls++];
        if (fault === undefined) callback(null, { node: undefined, position: undefined });
        else callback(toError(fault));
      },
      getNode.responseSerialize as never,
      getNode.requestDeserialize as never,
      'unary',
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    client = retryingClient(`127.0.0.1:${port}`);
  });
  afterEach(() => {
    client.close();
    server.forceShutdown();
  });

  const getNode = () => ask({ client } as Running, Network.getNode, { cvid: 7 });

  it('tries again after what the refusal says, and no sooner', async () => {
    refusals = [new Fault('OVERLOADED', 'later', [], 700)];
    await getNode();
    expect(calls).toBe(2);
    // The policy alone would have waited for 200 ms at most.
    expect(atMs[1] - atMs[0]).toBeGreaterThanOrEqual(690);
  });

  it('does not try again what is refused for good, although its status code is one to retry', async () => {
    refusals = [new Fault('PATH_FAILED', 'no way', [])];
    expect(await refused(getNode())).toMatchObject({ reason: 'PATH_FAILED' });
    expect(calls).toBe(1);
  });

  it('gives up after as many attempts as its policy has', async () => {
    refusals = Array(9).fill(new Fault('OVERLOADED', 'later', [], 1));
    expect(await refused(getNode())).toMatchObject({ reason: 'OVERLOADED', retryMs: 1 });
    expect(calls).toBe(5);
  });
});

describe('the service config of docs/clients.md', () => {
  it('is the one that is tested', () => {
    const manual = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8');
    expect([...manual.matchAll(/```json\n(.*?)```/gs)].map(([, shown]) => shown)).toEqual([CONFIG]);
  });

  it('retries the calls that their protos call safe to repeat, and those that are with a request id, and says why no others', () => {
    // Watches go on from their position, which a retry does not know.
    const unary = METHODS.filter(({ clientStreaming, serverStreaming }) => !clientStreaming && !serverStreaming);
    const safe = unary.filter(({ level }) => level !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN);
    const { methodConfig } = JSON.parse(CONFIG);
    const named: string[] = methodConfig.flatMap(({ name }: { name: { service: string; method: string }[] }) =>
      name.map(({ service, method }) => `${service}/${method}`),
    );
    const withRequestId = unary.filter(({ name }) => WITH_REQUEST_ID.includes(name));
    expect(named.sort()).toEqual([...safe, ...withRequestId].map(({ path }) => path).sort());
    const others = unary.map(({ name }) => name).filter((name) => !named.some((path) => path.endsWith(`/${name}`)));
    expect(others.sort()).toEqual(Object.keys(NOT_SAFE).sort());
  });

  it('repeats what an administrator has done to an identity without another outcome', async () => {
    const at = await run();
    try {
      const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
      const identityUuid = agent(1).instanceUuid;
      const description = { kind: 2, roles: ['observer'], name: 'one', labels: {}, updateMask: ['*'] };
      const twice = async <Q, A>(method: Method<Q, A>, request: Q) => {
        const [first, again] = [await ask(at, method, request, asAdmin()), await ask(at, method, request, asAdmin())];
        expect({ ...again, position: undefined }).toEqual({ ...first, position: undefined });
      };
      await ask(at, Identities.bindKey, { identityUuid, publicKey }, asAdmin());
      await twice(Identities.updateIdentity, { identityUuid, ...description });
      await twice(Identities.revokeIdentity, { identityUuid });
    } finally {
      await at.stop();
    }
  });

  it('does not repeat BindKey, which would take back what another administrator has revoked meanwhile', async () => {
    const at = await run();
    try {
      const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
      const identityUuid = agent(1).instanceUuid;
      const isRevoked = async () =>
        (await ask(at, Identities.getIdentity, { identityUuid }, asAdmin())).identity?.revoked;
      await ask(at, Identities.bindKey, { identityUuid, publicKey }, asAdmin());
      await ask(at, Identities.revokeIdentity, { identityUuid }, asAdmin());
      expect(await isRevoked()).toBe(true);
      await ask(at, Identities.bindKey, { identityUuid, publicKey }, asAdmin());
      expect(await isRevoked()).toBe(false);
      expect(CONFIG).not.toContain('"BindKey"');
    } finally {
      await at.stop();
    }
  });

  it('brings a session through a disk that was full for a moment', async () => {
    const disk = new Disk();
    const at = await run({}, { journal: disk });
    const client = retryingClient(at.address);
    try {
      disk.isFull = true;
      const asked = ask({ ...at, client }, Sessions.session as Method<object, { instanceSid: number }>, agent(1));
      setTimeout(() => {
        disk.isFull = false;
      }, 300);
      expect((await asked).instanceSid).toBeGreaterThan(0);
    } finally {
      client.close();
      await at.stop();
    }
  });
});

/** A journal whose disk is full when the test says so. */
class Disk extends MemoryJournal {
  isFull = false;

  override async append(records: readonly StoredRecord[]): Promise<void> {
    if (this.isFull) throw new JournalError('full', 'no space left on the device');
    await super.append(records);
  }
}
