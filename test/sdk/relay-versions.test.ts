import { randomBytes, randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TesteeProcess } from '../../conformance/runner/testee.js';
import { GO, PYTHON } from '../../conformance/testees/plans.js';
import { ConnectionRole, GatherAnswer } from '../../gen/switchyard/v1/connection.js';
import type { DirectConnectionRequest } from '../../gen/switchyard/v1/network_service.js';
import { NetworkServiceService } from '../../gen/switchyard/v1/network_service.js';
import type { AnswerRequest } from '../../gen/switchyard/v1/session_service.js';
import { SessionServiceService } from '../../gen/switchyard/v1/session_service.js';
import type { Call, Method } from '../../src/client/channel/channel.js';
import { type Instance, InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { BlindChannel } from '../client/worlds/blind-channel.js';
import { type Running, run } from '../grpc/running.js';
import { IS_LONG } from '../long.js';

/** The first build of Go on a machine compiles gRPC, too. */
const BUILD_MS = 120_000;
/** More than the 4 MiB that an older reader takes, and than this one's window of 8 MiB: it arrives only when each lets the other go on. */
const MUCH = randomBytes(5 << 20).toString('hex');

/** Whether the server cannot read what passes, by the newest `relay_version` that the other end knows. */
const VERSIONS: readonly (readonly [version: number, endToEnd: boolean])[] = [
  [0, false],
  [1, false],
  [2, true],
  [3, true],
  [4, true],
];

/** The way of a client to the server that knows no newer form of relayed bytes, and no addresses, so that all is relayed. */
class OlderChannel extends BlindChannel {
  /** Orders to gather, whose answers say the version. */
  readonly #gathers = new Set<string>();

  constructor(
    server: string,
    private readonly newest: number,
  ) {
    super(server);
    this.change = (order) => {
      if (order.kind?.$case === 'connection' && order.kind.value.role === ConnectionRole.GATHER)
        this.#gathers.add(order.orderId);
      return order;
    };
  }

  override unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call) {
    return super.unary(method, this.#older(method.path, request) as Request, call);
  }

  #older(path: string, request: unknown): unknown {
    const relayVersion = this.newest;
    if (path === NetworkServiceService.directConnection.path) {
      return { ...(request as DirectConnectionRequest), relayVersion };
    }
    if (path !== SessionServiceService.answer.path) return request;
    const answer = request as AnswerRequest;
    if (!this.#gathers.has(answer.orderId)) return request;
    const gathered = { ...GatherAnswer.decode(answer.data), candidates: [], relayVersion };
    return { ...answer, data: Buffer.from(GatherAnswer.encode(gathered).finish()) };
  }
}

// Go is built for it: `npm run test:all` has it.
for (const plan of IS_LONG ? [PYTHON, GO] : [PYTHON]) {
  const missing = await plan.missing();
  if (missing !== undefined) process.stderr.write(`not checked: ${plan.name} with other relay versions: ${missing}\n`);

  (missing === undefined ? describe : describe.skip)(`a relayed connection of the ${plan.name} client`, () => {
    let server: Running;
    let testee: TesteeProcess;
    let cvid: number;
    const yards: Switchyard[] = [];

    beforeAll(async () => {
      server = await run({ 'attempts-per-connection-max': '1' });
      testee = new TesteeProcess(plan, server.address);
      await testee.can;
      await testee.command({ do: 'join', as: 'it', uuid: randomUUID(), type: 2, name: plan.name });
      cvid = Number((await testee.event('attached', 'it', BUILD_MS))!.cvid);
      await testee.command({ do: 'acceptPeers', as: 'it' });
    }, BUILD_MS);
    afterAll(async () => {
      await Promise.all(yards.map((yard) => yard.close()));
      expect(await testee.close()).toBeUndefined();
      await server.stop();
    });

    async function joinOlder(version: number): Promise<Instance> {
      const yard = new Switchyard({ channel: new OlderChannel(server.address, version) });
      yards.push(yard);
      const handlers = { accept: () => true, accepted: (stream: PeerStream) => void stream.pipe(stream) };
      const instance = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
      await instance.attached();
      return instance;
    }

    it.each(VERSIONS)('is asked for by a peer that knows version %d, end to end: %s', async (version, endToEnd) => {
      const older = await joinOlder(version);
      const stream = await older.connect(cvid, { relayOnly: true });
      expect([stream.path, stream.endToEnd]).toEqual(['relayed', endToEnd]);
      stream.end(MUCH);
      expect((await text(stream)) === MUCH).toBe(true);
    });

    it.each(VERSIONS)('is asked for at a peer that knows version %d, end to end: %s', async (version, endToEnd) => {
      const older = await joinOlder(version);
      const stream = `at ${version}`;
      const to = older.session!.cvid;
      expect(await testee.command({ do: 'connect', as: 'it', cvid: to, stream })).toEqual({
        path: 'relayed',
        endToEnd,
      });
      await testee.command({ do: 'send', stream, text: 'to the older' });
      await testee.command({ do: 'endWriting', stream });
      expect(await testee.command({ do: 'receiveEnd', stream })).toEqual({ rest: 'to the older' });
    });
  });
}
