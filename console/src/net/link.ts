import { computed, signal } from '@preact/signals';
import { CLOSE, CONSOLE_PROTOCOL, readServerFrame, writePageFrame } from '../../../src/console/frames.js';
import type { Permission } from '../model/trust.js';
import { decode, encode } from '../wire/codec.js';
import { BACKOFF_MS } from './backoff.js';
import type { Method } from './methods.js';
import { CODE, LostError, RefusedError, refusalOf, unsentRefusal } from './refusal.js';

/** The network of those who name none. */
export const DEFAULT_NETWORK = 'default';

/** How the page stands to its server. */
export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'loggedOut' };

/** Who is logged in; null when nobody is. `identity`: one of the network, with roles of its own. */
export type Role = 'viewer' | 'administrator' | 'identity' | null;

/** Who is logged in, as the server says it. */
export interface LoginFacts {
  readonly role: Role;
  /** Of all but an administrator: the only network that is shown. Empty when nobody is logged in. */
  readonly network: string;
  /** Of an identity; empty for others. */
  readonly uuid: string;
  /** What an identity is called, and its roles; empty for others. */
  readonly name: string;
  readonly roles: readonly string[];
  /** The permissions that the user has now. */
  readonly may: readonly string[];
  /** The mode of the network: `open`, `observe` or `required`. */
  readonly mode: string;
}

/** Which network the page is about. */
export interface LinkNetworks {
  /** That which its address names; empty where it names none. */
  readonly wanted: () => string;
  /** Called in place of connecting when it is to be about another one than before. */
  readonly moved: () => void;
}

/** Who gets what comes of a call. */
interface Receiver {
  message(bytes: Uint8Array): void;
  /** Undefined: it ended well. */
  end(refusal: RefusedError | undefined): void;
}

/** The ways to end a call. */
interface OpenCall {
  /** Its receiver hears nothing more. */
  cancel(): void;
  /** Its receiver still hears what was on its way, and how it ended. */
  giveUp(): void;
}

/** The server says every 5 s that it is there. */
const SILENT_MS = 15_000;

/** The page's one connection: opens it again and again, and carries calls over it. */
export class Link {
  readonly state = signal<LinkState>({ kind: 'connecting' });
  readonly role = signal<Role>(null);
  /** Who is logged in, as the server has said it last; undefined before it has. */
  readonly login = signal<LoginFacts | undefined>(undefined);
  /** Names the user who is logged in, among all; empty while that is nobody. */
  readonly user = computed(() => {
    const { role = null, network, uuid } = this.login.value ?? {};
    if (role === null) return '';
    return role === 'administrator' ? role : `${role} ${network} ${uuid}`;
  });
  /** The network that the page shows; empty until that is known. */
  readonly network = signal('');
  /** Called each time the connection stands. */
  readonly onOpen = new Set<() => void>();
  #networks: LinkNetworks | undefined;
  #socket: WebSocket | undefined;
  #calls = new Map<number, Receiver>();
  /** Calls that were given up, and which call was the last one before that. An answer to a later call ends them. */
  readonly #givenUp = new Map<number, number>();
  #lastCall = 0;
  #tries = 0;
  #retry = 0;
  #watchdog = 0;
  /** Grows with each attempt to connect: one that was overtaken while it asked who is logged in goes no further. */
  #attempt = 0;

  /** Says what the page is about. {@link restart} connects. */
  begin(networks: LinkNetworks): void {
    this.#networks = networks;
    addEventListener('online', () => this.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.retryNow();
    });
  }

  /** Whether to offer what needs a permission: the services decide again at each call. */
  allows(permission: Permission): boolean {
    return this.login.value?.may.includes(permission) === true;
  }

  /** Tries at once when it is waiting. */
  retryNow(): void {
    if (this.state.value.kind !== 'waiting') return;
    clearTimeout(this.#retry);
    void this.#connect();
  }

  /** Connects anew, as the user who is logged in now: `login` where the server has just said who that is. */
  restart(login?: LoginFacts): void {
    clearTimeout(this.#retry);
    this.#tries = 0;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#lose();
    void this.#connect(login);
  }

  /**
   * A call that is answered once. Rejects with a {@link RefusedError}. `signal` has the server cancel it: it resolves all the same
   * when its answer was on its way by then, and is rejected when none comes.
   */
  ask<Answer>({ path, request, answer }: Method<Answer>, message: object = {}, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let found: Answer | undefined;
      const call = this.#open(path, encode(request, message), {
        message: (bytes) => {
          found = decode<Answer>(answer, bytes);
        },
        end: (refusal) => (refusal === undefined && found !== undefined ? resolve(found) : reject(refusal)),
      });
      signal?.addEventListener('abort', () => call.giveUp(), { once: true });
    });
  }

  /** A watch. `ended` is called once unless it is cancelled. Answers with the way to cancel it. */
  watch<Answer>(
    { path, request, answer }: Method<Answer>,
    message: object,
    told: (answer: Answer) => void,
    ended: (refusal: RefusedError | undefined) => void,
  ): () => void {
    const call = this.#open(path, encode(request, message), {
      message: (bytes) => told(decode<Answer>(answer, bytes)),
      end: ended,
    });
    return () => call.cancel();
  }

  #open(path: string, request: Uint8Array, receiver: Receiver): OpenCall {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) {
      queueMicrotask(() => receiver.end(unsentRefusal()));
      return { cancel: () => {}, giveUp: () => {} };
    }
    const call = ++this.#lastCall;
    this.#calls.set(call, receiver);
    socket.send(writePageFrame({ kind: 'open', call, path, request }));
    // Another connection numbers its own calls from 1.
    const isOpen = () => socket === this.#socket && this.#calls.has(call);
    return {
      cancel: () => {
        if (!isOpen()) return;
        this.#calls.delete(call);
        socket.send(writePageFrame({ kind: 'cancel', call }));
      },
      giveUp: () => {
        if (!isOpen()) return;
        this.#givenUp.set(call, this.#lastCall);
        socket.send(writePageFrame({ kind: 'cancel', call }));
      },
    };
  }

  /**
   * Ends the calls that were given up before the call was opened of which the server says something: it reads frames in their
   * order, so that nothing more comes of them.
   */
  #endGivenUp(call: number): void {
    for (const [given, last] of this.#givenUp) {
      if (call <= last) continue;
      this.#givenUp.delete(given);
      const receiver = this.#calls.get(given);
      this.#calls.delete(given);
      receiver?.end(new RefusedError(CODE.cancelled, '', 'it was cancelled', undefined));
    }
  }

  async #connect(known?: LoginFacts): Promise<void> {
    const attempt = ++this.#attempt;
    this.state.value = { kind: 'connecting' };
    const login = known ?? (await readLogin());
    if (attempt !== this.#attempt) return;
    if (login === undefined) {
      this.#wait();
      return;
    }
    this.login.value = login;
    this.role.value = login.role;
    if (login.role === null) {
      this.state.value = { kind: 'loggedOut' };
      return;
    }
    const before = this.network.peek();
    const network = this.networkOf(login);
    this.network.value = network;
    if (before === '' || before === network) this.#dial(network);
    else this.#networks?.moved();
  }

  /** The network that the page is to show: of an administrator the one of its address, which is `default` where that has none. */
  networkOf(
    { role, network }: Pick<LoginFacts, 'role' | 'network'> = { role: this.role.peek(), network: this.network.peek() },
  ): string {
    return role === 'administrator' ? this.#networks?.wanted() || DEFAULT_NETWORK : network;
  }

  #dial(network: string): void {
    const url = new URL('socket', document.baseURI);
    url.searchParams.set('network', network);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, CONSOLE_PROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#lastCall = 0;
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard(socket);
      this.#take(new Uint8Array(data as ArrayBuffer));
    };
    socket.onclose = ({ code }) => this.#closed(socket, code);
  }

  #opened(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#tries = 0;
    this.#heard(socket);
    this.state.value = { kind: 'open' };
    for (const call of this.onOpen) call();
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    clearTimeout(this.#watchdog);
    this.#lose();
    if (code === CLOSE.loggedOut) {
      // What its permissions allow is shown to no one who comes to this screen now.
      this.login.value = undefined;
      this.role.value = null;
      this.state.value = { kind: 'loggedOut' };
    } else if (code === CLOSE.changed) void this.#connect();
    else this.#wait();
  }

  #wait(): void {
    const delayMs = BACKOFF_MS[Math.min(this.#tries++, BACKOFF_MS.length - 1)] ?? 0;
    this.state.value = { kind: 'waiting', untilMs: Date.now() + delayMs };
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), delayMs);
  }

  /** Every call that was open has ended. */
  #lose(): void {
    const calls = this.#calls;
    this.#calls = new Map();
    this.#givenUp.clear();
    for (const { end } of calls.values()) end(new LostError());
  }

  #heard(socket: WebSocket): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      // What is dead answers no goodbye either.
      socket.close();
      this.#closed(socket, 0);
    }, SILENT_MS);
  }

  #take(bytes: Uint8Array): void {
    const frame = readServerFrame(bytes);
    if (frame === undefined || frame.kind === 'tick') return;
    this.#endGivenUp(frame.call);
    const receiver = this.#calls.get(frame.call);
    if (receiver === undefined) return;
    if (frame.kind === 'message') {
      receiver.message(frame.bytes);
      return;
    }
    this.#calls.delete(frame.call);
    const { code, message, details } = frame;
    receiver.end(code === CODE.ok ? undefined : refusalOf(code, message, details));
  }
}

/** Who is logged in; undefined when the server does not answer, or not yet. */
export async function readLogin(): Promise<LoginFacts | undefined> {
  try {
    const response = await fetch('session', { cache: 'no-store' });
    if (!response.ok) return undefined;
    return (await response.json()) as LoginFacts;
  } catch {
    return undefined;
  }
}
