import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, IssueTicketRequest } from '../../gen/switchyard/v1/identity.js';
import { TransportServiceService as Transports } from '../../gen/switchyard/v1/transport_service.js';
import { systemClock } from '../../src/client/system.js';
import { asAdmin, ask, type Running, run } from '../grpc/running.js';
import { makeMember } from './members.js';
import { keyOf } from './proving.js';

const [FORGOTTEN, OTHER] = [71, 72];
const NAME = 'one-that-is-forgotten';
const PAGE = { pageSize: 100, pageToken: '' };

describe('what is stored of an identity that is forgotten', () => {
  let data: string;
  let at: Running;
  // Stands still, so that no month ends during a test.
  const clock = { ...systemClock, wallMs: () => Date.UTC(2026, 5, 15) };
  const start = () => run({ auth: 'required', data }, { clock });
  const monthUse = () => readFileSync(join(data, 'month-use'), 'utf8');

  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), 'switchyard-forgotten-'));
    at = await start();
    const document = JSON.stringify({ auth: 'required', limits: { client: { calls_per_month: 100 } } });
    await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
  });
  afterEach(async () => {
    await at.stop();
    rmSync(data, { recursive: true });
  });

  /** Two that have called and issued tickets, after the server has stored that; answers with their UUIDs. */
  async function makeBoth(): Promise<[forgotten: string, other: string]> {
    const uuids: string[] = [];
    for (const number of [FORGOTTEN, OTHER]) {
      const name = number === FORGOTTEN ? NAME : '';
      const { uuid, as } = await makeMember(at, { number, roles: ['client', 'operator'], name });
      await ask(at, Transports.enumerateTransport, { codeName: 'tcp', encrypted: false }, as);
      await ask(at, Identities.issueTicket, IssueTicketRequest.fromPartial({ roles: ['client'] }), as);
      uuids.push(uuid);
    }
    await at.stop();
    expect(monthUse()).toContain(uuids[0]);
    at = await start();
    return [uuids[0], uuids[1]];
  }

  /** The files of the data folder in which any of this stands, as text or as bytes. */
  function filesWith(...sought: readonly (string | Buffer)[]): string[] {
    const paths = readdirSync(data, { recursive: true }).map((name) => join(data, String(name)));
    const holds = (path: string) => {
      const content = readFileSync(path);
      return sought.some((one) => content.includes(one));
    };
    return paths.filter((path) => statSync(path).isFile() && holds(path)).map((path) => relative(data, path));
  }

  it('is in the journal, which forgets it later, and in the audit log, and nowhere else', async () => {
    const [uuid, other] = await makeBoth();
    await ask(at, Identities.forgetKey, { identityUuid: uuid }, asAdmin());
    const { identities } = await ask(at, Identities.listIdentities, PAGE, asAdmin());
    expect(identities.map(({ identityUuid }) => identityUuid)).toEqual([other]);
    const { tickets } = await ask(at, Identities.listTickets, PAGE, asAdmin());
    expect(tickets.map(({ issuerUuid }) => issuerUuid)).toEqual([other]);
    await at.stop();
    const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
    const { publicKey, keyId } = keyOf(FORGOTTEN);
    const isElsewhere = (path: string) => !path.startsWith('audit/') && path !== 'data.mdb';
    expect(filesWith(uuid, bytes, NAME, Buffer.from(publicKey), Buffer.from(keyId)).filter(isElsewhere)).toEqual([]);
    expect(monthUse()).toMatch(new RegExp(`^switchyard month-use 1 2026-06\ncalls ${other} \\d+\n$`));
    at = await start();
  });

  it('goes from the use of the month with the next start where the server ended before it was written again', async () => {
    const [uuid, other] = await makeBoth();
    const before = monthUse();
    await ask(at, Identities.forgetKey, { identityUuid: uuid }, asAdmin());
    await at.stop();
    writeFileSync(join(data, 'month-use'), before);
    at = await start();
    await at.stop();
    expect([monthUse().includes(uuid), monthUse().includes(other)]).toEqual([false, true]);
    at = await start();
  });
});
