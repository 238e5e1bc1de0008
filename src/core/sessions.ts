import type { Session } from './change.js';
import type { Graph } from './graph.js';
import { Instances } from './instances.js';

/** The live sessions, by SID and by instance. A session's row lies in its node's slot. */
export class Sessions {
  /** By the graph's slot; undefined in a free slot and in a server's. */
  readonly rows: (Session | undefined)[] = [];
  private readonly instances = new Instances();

  constructor(private readonly graph: Graph) {}

  /** How many sessions live. */
  get count(): number {
    return this.instances.count;
  }

  get(sid: number): Session | undefined {
    const slot = this.graph.slotOf(sid);
    return slot === -1 ? undefined : this.rows[slot];
  }

  /** The session of an instance; the UUID in lower case. */
  ofInstance(uuid: string): Session | undefined {
    return this.instances.get(uuid);
  }

  /** Adds a session whose node is there already. */
  add(session: Session): void {
    this.rows[this.graph.slotOf(session.sid)] = session;
    this.instances.set(session.uuid, session);
  }

  /** The session goes on without the stream that it had from the start. */
  forgetStream(sid: number): void {
    this.add({ ...this.get(sid)!, streamId: 0 });
  }

  /** Removes a session whose node is still there. */
  remove({ sid, uuid }: Session): void {
    this.rows[this.graph.slotOf(sid)] = undefined;
    this.instances.delete(uuid);
  }
}
