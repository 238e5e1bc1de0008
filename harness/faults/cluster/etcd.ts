import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from '../../has-ended.js';
import { addressOf, type ClusterGround, type MemberName } from './ground.js';

/** The members. */
export const MEMBERS: readonly MemberName[] = ['e1', 'e2', 'e3'];
const CLIENT_PORT = 2379;
const PEER_PORT = 2380;
/** A run of an hour writes a part of it; it is filled within seconds. */
const QUOTA_BYTES = 64 * 1_048_576;
const JUNK_BYTES = 1_000_000;
const JUNK = 'junk/';
/** An answer of etcd's gateway, or none. A member that is cut off gives none. */
const ASK_MS = 5_000;
const START_MS_MAX = 60_000;

/** Three members of one etcd, each in its own namespace and over its own folder. */
export class EtcdTrio {
  readonly #ground: ClusterGround;
  readonly #folder: string;
  readonly #processes = new Map<MemberName, ChildProcess>();

  constructor(ground: ClusterGround, folder: string) {
    this.#ground = ground;
    this.#folder = folder;
  }

  /** As `--journal` has it. */
  get url(): string {
    return `etcd://${MEMBERS.map((member) => `${addressOf(member)}:${CLIENT_PORT}`).join(',')}`;
  }

  /** Starts a member on what its folder holds. */
  begin(member: MemberName): void {
    const url = (port: number) => `http://${addressOf(member)}:${port}`;
    const options = {
      name: member,
      'data-dir': join(this.#folder, member),
      'listen-client-urls': url(CLIENT_PORT),
      'advertise-client-urls': url(CLIENT_PORT),
      'listen-peer-urls': url(PEER_PORT),
      'initial-advertise-peer-urls': url(PEER_PORT),
      'initial-cluster': MEMBERS.map((one) => `${one}=http://${addressOf(one)}:${PEER_PORT}`).join(),
      'log-level': 'error',
      'quota-backend-bytes': String(QUOTA_BYTES),
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const [command, ...prefix] = this.#ground.at(member);
    this.#processes.set(member, spawn(command, [...prefix, 'etcd', ...flags], { stdio: 'ignore' }));
  }

  /** SIGKILL. */
  async kill(member: MemberName): Promise<void> {
    const child = this.#processes.get(member);
    this.#processes.delete(member);
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Waits until every member answers, and one of them leads. */
  async untilWhole(): Promise<void> {
    const startMs = performance.now();
    for (const member of MEMBERS) {
      while (!(await this.#isWhole(member))) {
        if (performance.now() - startMs > START_MS_MAX) throw new Error(`member ${member} of etcd does not answer`);
        await sleep(100);
      }
    }
  }

  /** Puts junk into it until it refuses to store anything. Resolves with how many keys that took. */
  async fill(): Promise<number> {
    const value = Buffer.alloc(JUNK_BYTES).toString('base64');
    for (let at = 0; at < (2 * QUOTA_BYTES) / JUNK_BYTES; at++) {
      const answer = await this.#ask('e1', 'kv/put', { key: key(`${JUNK}${at}`), value });
      if (answer === undefined && (await this.#alarms()).length > 0) return at;
    }
    throw new Error('etcd could not be filled');
  }

  /** Makes room, as docs/cluster.md tells an operator: deletes, compacts, defragments every member, disarms the alarm. */
  async makeRoom(): Promise<void> {
    await this.#must('e1', 'kv/deleterange', { key: key(JUNK), range_end: key(`${JUNK}~`) });
    const { header } = await this.#must<{ header: { revision: string } }>('e1', 'kv/range', { key: key('x') });
    await this.#must('e1', 'kv/compaction', { revision: header.revision, physical: true });
    for (const member of MEMBERS) await this.#must(member, 'maintenance/defragment', {});
    for (const alarm of await this.#alarms()) {
      await this.#must('e1', 'maintenance/alarm', { action: 'DEACTIVATE', ...alarm });
    }
  }

  async #alarms(): Promise<readonly object[]> {
    const { alarms = [] } = await this.#must<{ alarms?: object[] }>('e1', 'maintenance/alarm', { action: 'GET' });
    return alarms;
  }

  async #isWhole(member: MemberName): Promise<boolean> {
    const status = await this.#ask<{ leader?: string }>(member, 'maintenance/status', {});
    return status?.leader !== undefined && status.leader !== '0';
  }

  /** The same, again and again: members come back one after the other. */
  async #must<Answer>(member: MemberName, path: string, body: object): Promise<Answer> {
    const startMs = performance.now();
    for (;;) {
      const answer = await this.#ask<Answer>(member, path, body);
      if (answer !== undefined) return answer;
      if (performance.now() - startMs > START_MS_MAX) throw new Error(`etcd does not answer ${path}`);
      await sleep(200);
    }
  }

  /** Asks a member's gateway. Undefined: it refused, or did not answer. */
  async #ask<Answer>(member: MemberName, path: string, body: object): Promise<Answer | undefined> {
    try {
      const signal = AbortSignal.timeout(ASK_MS);
      const url = `http://${addressOf(member)}:${CLIENT_PORT}/v3/${path}`;
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), signal });
      return answer.ok ? ((await answer.json()) as Answer) : undefined;
    } catch {
      return undefined;
    }
  }
}

function key(text: string): string {
  return Buffer.from(text).toString('base64');
}
