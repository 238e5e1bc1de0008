import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HealthCheckResponse_ServingStatus, HealthClient } from '../../gen/grpc/health/v1/health.js';
import { SessionRequest, SessionServiceClient } from '../../gen/switchyard/v1/session_service.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { startServerProcess } from '../cli/process.js';

// wiredtiger #4072, redis #8111: after a sync that failed the pages count as clean, and a later one that succeeds says nothing of them.

/** Syncs of this process fail with EIO while there is a file of this name, as they do on a disk that has gone. */
const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int fails(void) {
  const char *file = getenv("SYNCS_FAIL");
  if (file == NULL || access(file, F_OK) != 0) return 0;
  unlink(file);
  return 1;
}
#define FAILING(name) \\
  int name(int descriptor) { \\
    static int (*next)(int); \\
    if (next == NULL) next = (int (*)(int))dlsym(RTLD_NEXT, #name); \\
    if (fails()) { errno = EIO; return -1; } \\
    return next(descriptor); \\
  }
FAILING(fsync)
FAILING(fdatasync)
`;

const STORAGE_FAILED = 74;
const instance = (number: number) => {
  const instanceUuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  return SessionRequest.fromPartial({ instanceUuid, instanceType: 2, ttl: { seconds: 86_400n, nanos: 0 } });
};

describe('a server of which one sync fails', () => {
  let folder: string;
  let shim: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-sync-'));
    shim = join(folder, 'shim.so');
    writeFileSync(join(folder, 'shim.c'), SHIM);
    const built = spawnSync('cc', ['-shared', '-fPIC', '-o', shim, join(folder, 'shim.c'), '-ldl'], {
      encoding: 'utf8',
    });
    expect(built).toMatchObject({ status: 0, stderr: '' });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('acknowledges nothing more, says NOT_SERVING and why, ends with status 74, and starts again with what it acknowledged', async () => {
    const [data, flag] = [join(folder, 'data'), join(folder, 'fail')];
    const args = ['--listen', '127.0.0.1:0', '--data', data];
    const { program, address } = await startServerProcess(args, { LD_PRELOAD: shim, SYNCS_FAIL: flag });
    const sessions = new SessionServiceClient(address, credentials.createInsecure());
    const health = new HealthClient(address, credentials.createInsecure());
    const open = promisify(sessions.session.bind(sessions));
    try {
      await open(instance(1));
      const said: HealthCheckResponse_ServingStatus[] = [];
      const watch = health.watch({ service: '' });
      watch.on('data', (answer) => said.push(answer.status)).on('error', () => {});
      while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      writeFileSync(flag, '');
      const refused = await Promise.allSettled([2, 3, 4].map((number) => open(instance(number))));
      for (const one of refused) {
        expect(one).toMatchObject({ status: 'rejected', reason: { code: expect.any(Number) } });
        // Nothing that says "try again in a second", and no success.
        if (one.status === 'rejected') expect([status.UNAVAILABLE, status.CANCELLED]).toContain(one.reason.code);
      }
      expect(await program.ended()).toBe(STORAGE_FAILED);
      expect(said.at(-1)).toBe(HealthCheckResponse_ServingStatus.NOT_SERVING);
      expect(program.err).toMatch(/cannot write to .*(I\/O|Input\/output|i\/o) error|EIO/);
    } finally {
      sessions.close();
      health.close();
      await program.stop('SIGKILL');
    }
    expect(await checkFolder(data)).toMatchObject({ problemCount: 0 });
    const again = await startServerProcess(args);
    const client = new SessionServiceClient(again.address, credentials.createInsecure());
    try {
      const list = promisify(client.listSessions.bind(client)) as (
        request: object,
      ) => Promise<{ sessions: { instanceUuid: string }[] }>;
      const request = { pageSize: 10, pageToken: '', instanceType: 0, instanceUuid: '' };
      expect((await list(request)).sessions.map(({ instanceUuid }) => instanceUuid)).toContain(
        instance(1).instanceUuid,
      );
      await promisify(client.session.bind(client))(instance(5));
    } finally {
      client.close();
      await again.program.stop('SIGTERM');
    }
  }, 120_000);
});
