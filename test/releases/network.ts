import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { asAdmin, ask, open, type Running } from '../grpc/running.js';

/** What a server shows of its network, one line for each thing, as an administrator reads it through gRPC. */
export interface NetworkListing {
  readonly epoch: string;
  readonly revision: number;
  /** `SID uuid type/flavor name {labels} ttl`. */
  readonly sessions: string[];
  /** `SID SID type`. */
  readonly links: string[];
  /** `id owner sid:branch,… name`, those that sessions have from the start excepted, with their parameters. */
  readonly streams: string[];
  /** `id caller peer type state reason attempts`. */
  readonly connections: string[];
}

/** Reads all of a network through the API. */
export async function listNetwork(at: Running): Promise<NetworkListing> {
  return {
    ...(await listLinks(at)),
    sessions: await listSessions(at),
    streams: await listStreams(at),
    connections: await listConnections(at),
  };
}

/** Every item of a list that comes page by page. */
async function everyPage<Page extends { readonly nextPageToken: string }, Item>(
  read: (pageToken: string) => Promise<Page>,
  items: (page: Page) => readonly Item[],
): Promise<Item[]> {
  const found: Item[] = [];
  let pageToken = '';
  do {
    const page = await read(pageToken);
    found.push(...items(page));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

async function listSessions(at: Running): Promise<string[]> {
  const read = (pageToken: string) =>
    ask(at, Sessions.listSessions, { pageSize: 50, pageToken, instanceType: 0, instanceUuid: '' });
  const sessions = await everyPage(read, (page) => page.sessions);
  const lines = sessions.map(({ cvid, instanceUuid, instanceType, instanceFlavor, name, labels, ttl }) => {
    return `${cvid} ${instanceUuid} ${instanceType}/${instanceFlavor} ${name} ${sortedJson(labels)} ${ttl?.seconds} s`;
  });
  return lines.sort();
}

async function listStreams(at: Running): Promise<string[]> {
  const read = (pageToken: string) => ask(at, Streams.listStreams, { pageSize: 50, pageToken, cvid: 0 }, asAdmin());
  const streams = await everyPage(read, (page) => page.streams);
  const lines = streams
    .filter(({ sinks }) => sinks.length > 0)
    .map(({ id, ownerCvid, sinks, params }) => {
      const ends = sinks.map((sink) => `${sink.cvid}:${sink.id}`).join();
      const { name, timeout, maxBlockBytes, compression, deliveryConfirmation, labels } = params!;
      const plain = [name, timeout?.seconds ?? 0n, maxBlockBytes, compression, deliveryConfirmation];
      return `${id} ${ownerCvid} ${ends} ${plain.join(' ')} ${sortedJson(labels)}`;
    });
  return lines.sort();
}

async function listConnections(at: Running): Promise<string[]> {
  const read = (pageToken: string) => ask(at, Network.listConnections, { pageSize: 50, pageToken }, asAdmin());
  const connections = await everyPage(read, (page) => page.connections);
  const lines = connections.map(({ connectionId, callerCvid, peerCvid, type, state, reason, attempts }) => {
    return `${connectionId} ${callerCvid} ${peerCvid} ${type} ${state} ${reason} ${attempts.length}`;
  });
  return lines.sort();
}

async function listLinks(at: Running): Promise<Pick<NetworkListing, 'epoch' | 'revision' | 'links'>> {
  const watch = open(at, Network.watchNetworkDelta, { after: undefined, coalesce: false, cvids: [] });
  const messages = await watch.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
  watch.call.cancel();
  const { epoch, revision } = messages.at(-1)!.position!;
  const links = messages
    .flatMap(({ deltas }) => deltas.flatMap(({ linkAdded }) => linkAdded))
    .map(({ cvid1, cvid2, link }) => `${Math.min(cvid1, cvid2)} ${Math.max(cvid1, cvid2)} ${link}`);
  return { epoch, revision: Number(revision), links: links.sort() };
}

function sortedJson(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([x], [y]) => (x < y ? -1 : 1))));
}
