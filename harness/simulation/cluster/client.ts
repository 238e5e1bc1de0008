import { isFault } from '../../../src/core/model/fault.js';
import type { Attachment, Message } from '../../../src/replica/attachments.js';
import { openingAt } from './opening.js';
import { answering, type ClusterScene } from './place.js';
import type { ClusterServer } from './server.js';

/** Longer than strikes last, and the way to another server after them. */
const TTL_MS = 90_000;
/** How often a client looks whether its attachment stands. */
const LOOK_MS = 400;
/** How long a client hears nothing until it goes to another server. */
const SILENT_MS = 3_000;
/** How often it goes elsewhere though nothing is wrong, per look. */
const MOVES = 0.02;
/** Ends of sessions, after which there is nothing to come back to. */
const ENDED: ReadonlySet<string> = new Set(['SESSION_EXPIRED', 'SESSION_SERVER_LOST', 'SESSION_TERMINATED']);

/** A client with one session, which stays attached at some server: it goes to another when its own is silent, and now and then anyhow. */
export class ClusterClient {
  readonly #scene: ClusterScene;
  readonly #number: number;
  #tries = 0;
  /** What its attachments bring. */
  received: (message: Message) => void = () => {};
  /** Called when it has attached somewhere, before it hears anything there. */
  attached: () => void = () => {};
  #sid = 0;
  #server: ClusterServer | undefined;
  #attachment: Attachment | undefined;
  /** Since when its server stands still; undefined: it does not. */
  #silentSinceMs: number | undefined;
  /** The server that is asked. One that dies answers nothing. */
  #asked: ClusterServer | undefined;
  #isOver = false;

  /** `number`: no other client of the world has it. */
  constructor(scene: ClusterScene, number: number) {
    this.#scene = scene;
    this.#number = number;
    this.#look();
  }

  /** Its session; 0 while it has none. */
  get sid(): number {
    return this.#sid;
  }

  /** Where it is attached and can be served now. */
  get server(): ClusterServer | undefined {
    const server = this.#server;
    return this.#attachment !== undefined && server?.process.isAlive && !server.process.isStopped ? server : undefined;
  }

  /** Its session has ended, or was given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
    this.#attachment?.close();
  }

  #look(): void {
    const { scheduler } = this.#scene;
    scheduler.after(LOOK_MS, () => {
      if (this.#isOver) return;
      this.#listen();
      if (!this.#asked?.process.isAlive && this.#isToMove()) void this.#move();
      this.#look();
    });
  }

  #isToMove(): boolean {
    const { scheduler, random, isCalm } = this.#scene;
    const process = this.#server?.process;
    this.#silentSinceMs = process?.isStopped ? (this.#silentSinceMs ?? scheduler.nowMs) : undefined;
    if (this.#attachment === undefined || !process?.isAlive) return true;
    if (this.#silentSinceMs !== undefined) return scheduler.nowMs - this.#silentSinceMs > SILENT_MS;
    return !isCalm && random.chance(MOVES);
  }

  /** Reads what has come. */
  #listen(): void {
    const { server } = this;
    while (server !== undefined && this.#attachment !== undefined) {
      const next = this.#attachment.next();
      if (next === undefined) return;
      if (isFault(next)) {
        this.#attachment = undefined;
        this.#isOver ||= ENDED.has(next.reason);
      } else this.received(next);
    }
  }

  async #move(): Promise<void> {
    const others = answering(this.#scene).filter((one) => one !== this.#server && one.isInTouch);
    const server = others.length > 0 ? this.#scene.random.pick(others) : this.#server;
    if (!server?.process.isAlive || !server.isUp) return;
    this.#asked = server;
    try {
      await this.#attach(server);
    } finally {
      if (this.#asked === server) this.#asked = undefined;
    }
  }

  async #attach(server: ClusterServer): Promise<void> {
    const { replica, process, state } = server;
    if (this.#sid === 0 && !(await this.#open(server))) return;
    // A server that is behind does not know it yet: another look.
    if (!state.sessions.has(this.#sid)) return;
    const fault = await replica.adopt(this.#sid);
    if (fault !== undefined || !process.isAlive || this.#isOver) return;
    if (!state.sessions.has(this.#sid) || !server.isInTouch || !replica.homes.isHere(this.#sid)) return;
    this.#server = server;
    this.#attachment = replica.attachments.open(this.#sid);
    this.attached();
    this.#attachment.onReady(() => this.#listen());
    this.#listen();
  }

  /** Opens its session. What it never heard of ends by itself. */
  async #open(server: ClusterServer): Promise<boolean> {
    const { replica, process } = server;
    // Another one each time: what became of the try before may be unknown.
    const [tries, number] = [++this.#tries % 1_000, this.#number].map(String);
    const command = openingAt(
      server,
      `00000000-0000-4000-a${tries.padStart(3, '0')}-${number.padStart(12, '0')}`,
      TTL_MS,
    );
    if (isFault(command)) return false;
    const outcome = await replica.submit(command);
    if (!process.isAlive || isFault(outcome)) return false;
    for (const change of outcome.changes) if (change.kind === 'SessionOpened') this.#sid = change.session.sid;
    return this.#sid !== 0;
  }
}
