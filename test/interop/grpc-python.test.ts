import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AUDIT_LIMITS } from '../../src/audit/limits.js';
import { systemClock } from '../../src/client/system.js';
import { pythonWithGrpc } from '../gate/requirements.mjs';
import { ADMIN_TOKEN, type Running, run } from '../grpc/running.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = fileURLToPath(new URL('switchyard_grpc.py', import.meta.url));
const execute = promisify(execFile);

/** Where clients are told to reach the server. */
const ADVERTISED = 'north.example:8768';

/** Anchors the audit log at once, where that would be a minute after the start. */
const clock = {
  ...systemClock,
  after: (ms: number, call: () => void) => systemClock.after(ms === AUDIT_LIMITS.anchorSoonMs ? 300 : ms, call),
};

/** Python's stubs: messages by the system's protoc, as old as it may be, and services by gRPC's plugin for it. */
const TEMPLATE = JSON.stringify({
  version: 'v2',
  plugins: [
    { protoc_builtin: 'python', out: '.' },
    { local: 'grpc_python_plugin', out: '.' },
  ],
});

/** What each method comes to when the program calls it as it should be called. */
const OUTCOMES = {
  'Health/Check': 'OK',
  'Health/Watch': 'OK',
  'SessionService/Session': 'OK',
  'SessionService/KeepAlive': 'OK',
  'SessionService/Attach': 'ABORTED SESSION_TERMINATED',
  'SessionService/Answer': 'OK',
  'SessionService/TerminateSession': 'OK',
  'SessionService/GetSession': 'OK',
  'SessionService/ListSessions': 'OK',
  'SessionService/WatchSessions': 'OK',
  'NetworkService/DirectConnection': 'OK',
  'NetworkService/ReportLink': 'OK',
  'NetworkService/GetNode': 'OK',
  'NetworkService/FindPath': 'OK',
  'NetworkService/WatchNetworkDelta': 'OK',
  'NetworkService/WatchEndpointClosed': 'OK',
  'NetworkService/GetConnection': 'OK',
  'NetworkService/ListConnections': 'OK',
  'NetworkService/WatchConnections': 'OK',
  'StreamService/CreateStream': 'OK',
  'StreamService/UpdateStreamParams': 'OK',
  'StreamService/TerminateStream': 'OK',
  'StreamService/StopStream': 'OK',
  'StreamService/GetStream': 'OK',
  'StreamService/ListStreams': 'OK',
  'StreamService/WatchStreams': 'OK',
  'StreamService/Relay': 'OK',
  'TransportService/EnumerateTransport': 'OK',
  'TransportService/Exchange': 'OK',
  'ServerService/GetServer': 'OK',
  'ServerService/ListServers': 'OK',
  'IdentityService/Challenge': 'OK',
  'IdentityService/BindKey': 'OK',
  'IdentityService/UpdateIdentity': 'OK',
  'IdentityService/GetIdentity': 'OK',
  'IdentityService/RevokeIdentity': 'OK',
  'IdentityService/PutPolicy': 'OK',
  'IdentityService/WatchAudit': 'OK',
  'IdentityService/CreateNetwork': 'OK',
  'IdentityService/ListNetworks': 'OK',
  'IdentityService/DropNetwork': 'OK',
};

describe('gRPC from Python', () => {
  let at: Running;
  let stubs: string;
  let data: string;
  let python: string;
  beforeAll(async () => {
    // A busy machine takes its time between two calls.
    data = await mkdtemp(join(tmpdir(), 'switchyard-python-data-'));
    at = await run({ 'session-ttl': '10m', data, advertise: ADVERTISED }, { clock });
    stubs = await mkdtemp(join(tmpdir(), 'switchyard-python-'));
    const buf = join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');
    await execute(process.execPath, [buf, 'generate', 'proto', '--template', TEMPLATE, '-o', stubs], { cwd: ROOT });
    const found = await pythonWithGrpc();
    if (found === undefined) throw new Error('no python3 with grpc: apt-get install python3-grpcio');
    python = found;
  }, 60_000);
  afterAll(async () => {
    await at.stop();
    for (const folder of [stubs, data]) await rm(folder, { recursive: true, force: true });
  });

  it('finds the stubs of health beside the grpc package by the line that docs/clients.md says, and not without it', async () => {
    const env = { ...process.env, PYTHONPATH: stubs };
    const [, lines] = /```python\n(.*?)```/s.exec(await readFile(join(ROOT, 'docs/clients.md'), 'utf8'))!;
    const { stdout } = await execute(python, ['-c', `${lines}\nprint(health_pb2_grpc.HealthStub.__name__)`], { env });
    expect(stdout).toBe('HealthStub\n');
    const without = lines.replace(/^grpc\.__path__.*$/m, '');
    await expect(execute(python, ['-c', without], { env })).rejects.toThrow("No module named 'grpc.health'");
  }, 30_000);

  it('calls every method, with stubs made from the protos alone', async () => {
    const { stdout } = await execute(python, [PROGRAM, stubs, at.address, ADMIN_TOKEN, ADVERTISED]);
    const told = stdout.trimEnd().split('\n');
    expect(Object.fromEntries(told.map((line) => line.split(/ (.*)/, 2)))).toEqual(OUTCOMES);
  }, 60_000);
});
