import { randomUUID } from 'node:crypto';
import { SessionServiceService } from '../../gen/switchyard/v1/session_service.js';
import { durationOf, GrpcChannel, msOf, SwitchyardError } from '../../src/client/index.js';

const CALL_MS = 20_000;
const NO_SESSION = { instanceType: 2, instanceFlavor: 0, name: 'keeper', labels: {} };

/** A session that nothing keeps alive but its own KeepAlive calls: it never attaches. */
export class Keeper {
  private readonly channel: GrpcChannel;
  private token = '';
  sid = 0;
  ttlMs = 0;

  private constructor(server: string) {
    this.channel = new GrpcChannel(server);
  }

  static async open(server: string, ttlMs: number): Promise<Keeper> {
    const keeper = new Keeper(server);
    const request = { ...NO_SESSION, instanceUuid: randomUUID(), ttl: durationOf(ttlMs) };
    const { instanceSid, sessionToken, ttl } = await keeper.call('session', request);
    keeper.sid = instanceSid;
    keeper.token = sessionToken;
    keeper.ttlMs = msOf(ttl!);
    return keeper;
  }

  /** Renews. Resolves with why it was refused; undefined when it was not. */
  async renew(): Promise<SwitchyardError | undefined> {
    try {
      await this.call('keepAlive', {});
      return undefined;
    } catch (error) {
      if (error instanceof SwitchyardError) return error;
      throw error;
    }
  }

  /** When the server says that the session was opened, by its own wall clock. */
  async openedAtMs(): Promise<number> {
    const { session } = await this.call('getSession', { cvid: 0 });
    return session!.openedAt!.getTime();
  }

  /** Ends the session, if it still can be. */
  async leave(): Promise<void> {
    try {
      await this.call('terminateSession', { cvid: 0, reason: '' });
    } catch (error) {
      // Its lease ends it.
      if (!(error instanceof SwitchyardError)) throw error;
    } finally {
      this.channel.close();
    }
  }

  private call<Name extends 'session' | 'keepAlive' | 'getSession' | 'terminateSession'>(
    name: Name,
    request: Parameters<(typeof SessionServiceService)[Name]['requestSerialize']>[0],
  ): Promise<ReturnType<(typeof SessionServiceService)[Name]['responseDeserialize']>> {
    const metadata: Record<string, string> = this.token === '' ? {} : { 'switchyard-session': this.token };
    const call = { metadata, signal: new AbortController().signal, timeoutMs: CALL_MS };
    return this.channel.unary(SessionServiceService[name] as never, request, call);
  }
}
