import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import {
  IdentityServiceService as Identities,
  IdentityKind,
  IssueTicketRequest,
} from '../../gen/switchyard/v1/identity.js';
import { programArguments } from '../../harness/program.js';
import { homeFolder } from '../../src/base/home-folder.js';
import { asAdmin, ask, run } from '../grpc/running.js';
import { IS_LONG } from '../long.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A user that is in no database. */
const NOBODY = 54_321;
/** Who may run a program as another user. */
const isRoot = process.getuid?.() === 0;

/** Runs Node as a user of no database, where that may be done, or with an empty HOME, which is none either. */
function runHomeless(args: readonly string[], how: 'no entry' | 'empty HOME', more = {}) {
  const env = { PATH: process.env.PATH, ...(how === 'empty HOME' && { HOME: '' }), ...more };
  const user = how === 'no entry' ? { uid: NOBODY, gid: NOBODY } : {};
  return new Promise<{ status: number | null; out: string; err: string }>((resolve) => {
    const child = execFile(process.execPath, args, { cwd: ROOT, env, ...user }, (_error, out, err) =>
      resolve({ status: child.exitCode, out, err }),
    );
  });
}

describe('the home folder', () => {
  it('is what the system says, and none where that is not absolute or the system knows none', () => {
    expect(homeFolder(() => '/home/ann')).toBe('/home/ann');
    expect(homeFolder(() => '')).toBeUndefined();
    const unknown = () => {
      throw new Error('uv_os_homedir returned ENOENT (no such file or directory)');
    };
    expect(homeFolder(unknown)).toBeUndefined();
  });
});

const HOW = ['no entry', 'empty HOME'] as const;

// Each starts programs: one way in `npm test`, the one that may be tried here.
describe.each(IS_LONG ? HOW : isRoot ? [HOW[0]] : [HOW[1]])('a user without a home folder: %s', (how) => {
  const itHere = how === 'no entry' && !isRoot ? it.skip : it;
  if (itHere === it.skip) process.stderr.write('not checked: a user of no database, whom only root can be\n');

  itHere('is asked for --data by a server', async () => {
    const { status, err } = await runHomeless([...programArguments(), 'serve', '--listen', '127.0.0.1:0'], how);
    expect(err).toContain('--data: is needed, because this user has no home folder');
    expect(status).toBe(2);
  });

  itHere('is given the flags of node for a server', async () => {
    const source = ['--no-warnings', '--import', './harness/typescript.mjs', 'src/node-flags.ts', 'serve'];
    const { status, out, err } = await runHomeless(source, how);
    expect([err, status]).toEqual(['', 0]);
    expect(out).toMatch(/^--max-semi-space-size=\d+\n$/);
  });

  itHere('reads what a server shows', async () => {
    const server = await run();
    try {
      const { status, out, err } = await runHomeless(
        [...programArguments(), 'nodes', '--server', server.address, '--json'],
        how,
      );
      expect([err, status]).toEqual(['', 0]);
      expect(out).toContain('"cvid"');
    } finally {
      await server.stop();
    }
  });

  itHere('is told why it cannot enrol, and what to do, before the ticket is spent', async () => {
    const server = await run();
    try {
      const { text } = await ask(
        server,
        Identities.issueTicket,
        IssueTicketRequest.create({ kind: IdentityKind.INSTANCE }),
        asAdmin(),
      );
      const { status, err } = await runHomeless([...programArguments(), 'enroll', '--server', server.address], how, {
        SWITCHYARD_TICKET: text,
      });
      expect(err).toContain('what a ticket leads to cannot be kept: this user has no home folder');
      expect(err).toContain('Set HOME');
      expect(status).toBe(1);
      const { tickets } = await ask(server, Identities.listTickets, { pageSize: 1, pageToken: '' }, asAdmin());
      expect(tickets).toMatchObject([{ uses: 1, used: 0 }]);
    } finally {
      await server.stop();
    }
  });
});
