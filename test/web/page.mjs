/*
 * A page that watches the graph with @connectrpc/connect-web, and opens a session. It runs in a browser: test/web/browser.test.ts
 * bundles it, and sets `server` first.
 */
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { fileDescriptors } from '../../gen/descriptors.ts';

/** The base address of the web door, set by the page. */
const { server } = globalThis;
const file = fileDescriptors.map((text) => fromBinary(FileDescriptorProtoSchema, base64Decode(text)));
const registry = createFileRegistry({ $typeName: 'google.protobuf.FileDescriptorSet', file });
const serviceOf = (name) => registry.getService(`switchyard.v1.${name}`);

/** Writes what it hears into the page's title: the names of the nodes, and then the refusal of another call. */
async function show() {
  const names = [];
  const network = createClient(serviceOf('NetworkService'), createConnectTransport({ baseUrl: server }));
  const sessions = createClient(serviceOf('SessionService'), createGrpcWebTransport({ baseUrl: server }));
  for await (const { kind, deltas } of network.watchNetworkDelta({})) {
    for (const { nodeAdded } of deltas) names.push(...nodeAdded.map(({ name }) => name));
    if (kind === 2) void sessions.session({ instanceUuid: crypto.randomUUID(), instanceType: 2, name: 'page' });
    if (names.includes('page')) break;
  }
  const refused = await Promise.resolve(sessions.getSession({ cvid: 7 })).catch(String);
  document.title = `${names.filter(Boolean).join(' ')} · ${refused}`;
}

show().catch((error) => {
  document.title = `failed: ${error}`;
});
