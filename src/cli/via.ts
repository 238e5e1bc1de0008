import { randomUUID } from 'node:crypto';
import type { NetworkDelta } from '../../gen/switchyard/v1/network.js';
import { Graph, type GraphView } from '../client/index.js';
import { type EventBody, SystemClient, type SystemError } from '../system/client/index.js';

/** The kind of NetworkDelta that ends a snapshot. */
const SNAPSHOT_END = 2;
/** InstanceType CLIENT: what the session of a command is. */
const CLIENT = 3;

/**
 * Reads the graph by system events: opens a session at `tcp://`, `tls://`, `ws://` or `wss://`, takes the snapshot, and
 * ends the session. Its own node is left out, since it is gone when this resolves.
 */
export async function readGraphVia(url: string): Promise<{ graph: GraphView; position: { revision: number } }> {
  const graph = new Graph();
  let complete: (revision: number) => void = () => {};
  const read = new Promise<number>((resolve) => {
    complete = resolve;
  });
  const client = await SystemClient.connect(url, {
    networkDelta: (delta) => {
      graph.apply(messageOf(delta));
      if (delta.kind === SNAPSHOT_END) complete(delta.position.revision);
    },
  });
  const body = { instanceUuid: randomUUID(), instanceType: CLIENT, name: 'switchyard', watch: { deltas: true } };
  const { instanceSid } = await client.ask('Session', body);
  const lost = client.closed.then((why: SystemError | undefined) => {
    throw why ?? new Error(`${url} closed the connection`);
  });
  const revision = await Promise.race([read, lost]);
  lost.catch(() => {});
  await client.ask('TerminateSession', {});
  // The server closes once the session is gone.
  await client.closed;
  graph.apply({ nodeAdded: [], nodeRemoved: [{ cvid: instanceSid }], linkAdded: [], linkRemoved: [] });
  return { graph, position: { revision } };
}

function messageOf(delta: EventBody<'NetworkDelta'>): NetworkDelta {
  const { nodeAdded = [], nodeRemoved = [], linkAdded = [], linkRemoved = [] } = delta;
  return {
    nodeAdded: nodeAdded.map(({ cvid, parent = 0, instanceUuid = '', name = '', labels = [] }) => {
      const entries = labels.map(({ key, value }) => [key, value]);
      return { cvid, parent, instanceUuid, name, labels: Object.fromEntries(entries) };
    }),
    nodeRemoved: [...nodeRemoved],
    linkAdded: linkAdded.map(({ cvid1, cvid2, link = 0 }) => ({ cvid1, cvid2, link })),
    linkRemoved: linkRemoved.map(({ cvid1, cvid2, link }) => ({ cvid1, cvid2, link })),
  };
}
