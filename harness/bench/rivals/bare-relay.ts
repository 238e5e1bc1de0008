import {
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { BARE_RELAY } from './bare-relay-service.js';

/*
 * A relay as anybody would write it first with grpc-js: what one client pushes is written to the one that pulls, with the flow
 * control of Node's streams and nothing else: no protobuf, no streams with names, no confirmations, no encryption.
 */

let sink: ServerWritableStream<Buffer, Buffer> | undefined;
let answer: ((count: Buffer) => void) | undefined;

const server = new Server({ 'grpc.max_receive_message_length': -1 });
server.addService(BARE_RELAY, {
  push(call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
    const to = sink!;
    answer = (count) => callback(null, count);
    call.on('data', (bytes: Buffer) => {
      if (to.write(bytes)) return;
      call.pause();
      to.once('drain', () => call.resume());
    });
    call.on('end', () => to.end());
  },
  pull(call: ServerWritableStream<Buffer, Buffer>) {
    sink = call;
    call.sendMetadata(call.metadata);
  },
  took({ request }: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
    answer?.(request);
    callback(null, Buffer.alloc(0));
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(port);
});
