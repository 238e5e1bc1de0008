import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { quietPort } from '../../harness/port.js';
import { systemClock } from '../../src/client/system.js';
import { UNHEARD_MS_MAX } from '../../src/replica/access/revocation-news.js';
import { asAdmin, ask, open, type Running, refused, run } from '../grpc/running.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';
import { type Member, makeMember } from '../trust/members.js';

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: a server that is cut off: ${lacks}\n`);

jest.setTimeout(90_000);

/** The timers that go off once revocations were not heard of for too long: the test says when. */
const due: (() => void)[] = [];
const clock = {
  ...systemClock,
  after(delayMs: number, call: () => void) {
    if (delayMs !== UNHEARD_MS_MAX) return systemClock.after(delayMs, call);
    due.push(call);
    return { cancel: () => void due.splice(due.indexOf(call), 1) };
  },
};

(lacks ? describe.skip : describe)('a server in required that is cut off from etcd', () => {
  let etcd: EtcdProcess;
  let leader: Running;
  let follower: Running;
  let member: Member;

  async function serve(name: string): Promise<Running> {
    const listen = `127.0.0.1:${await quietPort()}`;
    const flags = { journal: etcd.url, network: 'cut', name, listen, auth: 'required' };
    // The one that leads gives that up when it is cut off, and ends: that is not what is looked at here.
    return run(flags, { clock, fatal: () => {} });
  }

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
    leader = await serve('a');
    follower = await serve('b');
    await ask(follower, Identities.challenge, { network: '' } as never);
    member = await makeMember(follower, { number: 1, roles: ['client'], network: 'cut' });
  });
  afterAll(async () => {
    etcd.signal('SIGCONT');
    await follower?.stop();
    await leader?.stop();
    await etcd.remove();
  });

  it('ends what it serves once it has not heard of revocations for 30 s, and serves again when it hears of them', async () => {
    const after = { after: undefined, coalesce: false, cvids: [] };
    const watch = open(follower, Network.watchNetworkDelta, after, member.as);
    await watch.next();
    etcd.signal('SIGSTOP');
    while (due.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const ended = watch.ending();
    // It knows that it is cut off, and goes on with what it serves: that may be over soon.
    expect(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 300, 'stands'))])).toBe('stands');
    for (const call of due.splice(0)) call();
    expect(await ended).toMatchObject({ reason: 'SERVER_CUT_OFF' });
    const call = ask(follower, Network.getNode, { cvid: member.sid }, member.as);
    expect(await refused(call)).toMatchObject({ reason: 'SERVER_CUT_OFF' });
    // Whoever looks why it is cut off does so by the administrators' token.
    const { identities } = await ask(follower, Identities.listIdentities, { pageSize: 9, pageToken: '' }, asAdmin());
    expect(identities).toHaveLength(1);
    etcd.signal('SIGCONT');
    while ((await refused(ask(follower, Network.getNode, { cvid: 0 }, member.as))).reason === 'SERVER_CUT_OFF') {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
});
