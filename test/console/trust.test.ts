import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import decodeQr from 'qr/decode.js';
import { qrOf } from '../../console/src/draw/qr.js';
import {
  changesMode,
  identityState,
  LOW_ROLES,
  type Permission as PagePermission,
  readWish,
  ticketState,
} from '../../console/src/model/trust.js';
import type { Identity, Ticket } from '../../console/src/wire/trust-messages.js';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import * as identity from '../../gen/switchyard/v1/identity.js';
import { type Permission, ROLE_PERMISSIONS } from '../../src/core/model/trust/permission.js';
import { LOW_ROLES as SERVERS_LOW_ROLES } from '../../src/core/model/trust/ticket.js';
import { decodeTicket } from '../../src/trust/ticket.js';
import { BarePage, logIn, type RunningConsole, runConsole } from './running.js';

const UUID = '00000000-0000-4000-9000-000000000001';
/** What ends or lets in, and what tells of it. */
const CALLS: Readonly<Record<string, Uint8Array>> = {
  IssueTicket: identity.IssueTicketRequest.encode(
    identity.IssueTicketRequest.fromPartial({ roles: ['agent'] }),
  ).finish(),
  RevokeTicket: identity.RevokeTicketRequest.encode({ ticketId: '0123456789abcdef', andIdentities: false }).finish(),
  RevokeIdentity: identity.RevokeIdentityRequest.encode({ identityUuid: UUID }).finish(),
  ListTickets: new Uint8Array(),
  ListIdentities: new Uint8Array(),
};

/** The pixels of a picture, four to a module, as a reader has them. */
function pixelsOf({ modules, path }: { readonly modules: number; readonly path: string }) {
  const scale = 4;
  const width = modules * scale;
  const data = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [, x = 0, y = 0, length = 0] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row++) {
      const from = (row * width + Number(x) * scale) * 4;
      for (let at = from; at < from + Number(length) * scale * 4; at++) if (at % 4 !== 3) data[at] = 0;
    }
  }
  return { width, height: width, data };
}

/** Every file below a folder, as one text. */
async function textBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return (await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')))).join('\n');
}

describe('a ticket as a QR code', () => {
  it('is read as the same text by another implementation, from the shortest to one with all its addresses', () => {
    for (const length of [1, 17, 130, 700, 2_331]) {
      const text = Array.from({ length }, (_, at) => 'swt1_Az09-'[(at * 7) % 10]).join('');
      const picture = qrOf(text);
      expect(picture && decodeQr(pixelsOf(picture), { timeLimit: 10_000 })).toBe(text);
    }
  });

  it('is left out where no code holds it', () => {
    expect(qrOf('x'.repeat(2_332))).toBeUndefined();
  });
});

describe('what the page says of tickets and identities', () => {
  const ticket: Ticket = {
    ticketId: '0123456789abcdef',
    kind: 1,
    roles: [],
    uses: 2,
    used: 1,
    names: '',
    identityUuid: '',
    expiresAt: { seconds: 10, nanos: 0 },
    revoked: false,
  };

  it('is whether a ticket still lets in, and why not', () => {
    expect(ticketState(ticket, 9_999)).toBe('good');
    expect(ticketState(ticket, 10_000)).toBe('expired');
    expect(ticketState({ ...ticket, used: 2 }, 0)).toBe('spent');
    expect(ticketState({ ...ticket, revoked: true, used: 2 }, 10_000)).toBe('revoked');
  });

  it('is whether an identity is there', () => {
    const one: Identity = { ...ticket, keys: [], cvid: 0, name: '', ticketId: '' };
    expect(identityState(one)).toBe('away');
    expect(identityState({ ...one, cvid: 258 })).toBe('here');
    expect(identityState({ ...one, cvid: 258, revoked: true })).toBe('revoked');
  });

  it('warns of the ticket that changes who may call: the first of a network without a policy', () => {
    expect(changesMode({ revision: 0, mode: 1 })).toBe(true);
    expect(changesMode({ revision: 0, mode: 3 })).toBe(false);
    expect(changesMode({ revision: 4, mode: 1 })).toBe(false);
  });

  it('offers those who issue tickets the roles that the server lets them give, by permissions that it knows', () => {
    expect(LOW_ROLES).toEqual(SERVERS_LOW_ROLES);
    // The page has no types of the server: each of its names has to be one of these.
    const known = (permission: PagePermission): Permission => permission;
    expect(ROLE_PERMISSIONS.operator).toContain(known('ticket.issue'));
  });

  it('reads a form as what is asked for', () => {
    const form = new FormData();
    for (const [name, value] of [
      ['kind', '3'],
      ['role', 'agent'],
      ['role', 'client'],
      ['uses', '300'],
      ['hours', '1.5'],
      ['names', ' boat-* '],
      ['addresses', 'hub.example:8765, [::1]:1'],
    ] as const) {
      form.append(name, value);
    }
    expect(readWish(form)).toEqual({
      kind: 3,
      roles: ['agent', 'client'],
      uses: 300,
      validFor: { seconds: 5_400, nanos: 0 },
      names: 'boat-*',
      addresses: ['hub.example:8765', '[::1]:1'],
    });
  });
});

describe('tickets and identities in a page of the console', () => {
  let at: RunningConsole;
  let data: string;
  let logged = '';
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'switchyard-console-trust-'));
    const log = pino({ level: 'trace' }, { write: (line) => void (logged += line) });
    at = await runConsole({ data }, { log });
  });
  afterAll(async () => {
    await at?.stop();
    if (data !== undefined) await rm(data, { recursive: true, force: true });
  });

  it.each(['open', 'required'])(
    'are for administrators: an observer of a network that is %s is refused each',
    async (auth) => {
      const server = await runConsole({ auth });
      const page = await BarePage.open(server.console, await logIn(server.console, 'viewer'));
      for (const [name, request] of Object.entries(CALLS)) {
        const { details } = await page.end(page.call(`IdentityService/${name}`, request));
        const [info] = Status.decode(details).details;
        expect([name, ErrorInfo.decode(info!.value).reason]).toEqual([
          name,
          auth === 'open' ? 'ADMIN_REQUIRED' : 'PERMISSION_DENIED',
        ]);
      }
      page.close();
      await server.stop();
    },
  );

  it('leave no secret behind: it is in the answer to the one who issued it, in no file, log or list, and the audit log has who did it', async () => {
    const page = await BarePage.open(at.console, await logIn(at.console, 'administrator'));
    const issue = page.call('IdentityService/IssueTicket', CALLS.IssueTicket);
    expect((await page.end(issue)).code).toBe(0);
    const { text, ticket } = identity.IssueTicketResponse.decode(page.messages(issue)[0]!);
    const list = page.call('IdentityService/ListTickets');
    expect((await page.end(list)).code).toBe(0);
    const revoke = identity.RevokeTicketRequest.encode({ ticketId: ticket!.ticketId, andIdentities: true }).finish();
    expect((await page.end(page.call('IdentityService/RevokeTicket', revoke))).code).toBe(0);
    expect((await page.end(page.call('IdentityService/RevokeIdentity', CALLS.RevokeIdentity))).code).toBe(0);
    page.close();

    const secret = Buffer.from(decodeTicket(text).secret);
    const stored = await textBelow(data);
    const listed = Buffer.concat(page.messages(list)).toString('latin1');
    for (const [where, there] of Object.entries({ stored, logged, listed })) {
      const found = [text, ...(['hex', 'base64', 'base64url', 'latin1'] as const).map((code) => secret.toString(code))];
      expect([where, found.filter((one) => there.includes(one))]).toEqual([where, []]);
    }
    // It is found where it is.
    expect(Buffer.concat(page.messages(issue)).toString('latin1')).toContain(text);
    expect(listed).toContain(ticket!.ticketId);
    const acts = {
      IssueTicket: `ticket ${ticket!.ticketId}`,
      RevokeTicket: `ticket ${ticket!.ticketId}`,
      RevokeIdentity: `identity ${UUID}`,
    };
    for (const [what, on] of Object.entries(acts)) {
      expect(stored).toMatch(new RegExp(`"who":"administrator"[^\\n]*"what":"${what}","on":"${on}","outcome":"ok"`));
    }
  });
});
