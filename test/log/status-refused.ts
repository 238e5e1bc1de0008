import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { systemClock } from '../../src/client/system.js';
import type { EtcdAccess } from '../../src/log/etcd/access.js';
import { EtcdClient } from '../../src/log/etcd/client.js';

const STATUS_PATH = '/etcdserverpb.Maintenance/Status';
const INVALID_ARGUMENT = 3;
const PERMISSION_DENIED = 7;

/** A way to an etcd that answers Status as etcd 3.5.28 does with authentication on, and passes everything else on. */
export interface StatusRefused {
  /** How often Status was refused to a user. */
  readonly refusals: number;
  connect(access?: EtcdAccess): EtcdClient;
  end(): void;
}

/** A way to the etcd at a port of the loopback where only the user root may ask for Status. */
export async function refuseStatus(etcdPort: number): Promise<StatusRefused> {
  let refusals = 0;
  const etcd = connect(`http://127.0.0.1:${etcdPort}`);
  const server = createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':path'] === STATUS_PATH) {
      const isStranger = headers.token === undefined;
      if (!isStranger) refusals++;
      return isStranger
        ? refuse(stream, INVALID_ARGUMENT, 'etcdserver: user name is empty')
        : refuse(stream, PERMISSION_DENIED, 'etcdserver: permission denied');
    }
    const request = etcd.request(headers, { endStream: false });
    request.on('error', () => stream.close());
    stream.on('aborted', () => request.close());
    request.on('response', (answer, flags) => {
      const isWhole = (flags & END_STREAM) !== 0;
      stream.respond(answer, { waitForTrailers: !isWhole, endStream: isWhole });
    });
    request.on('trailers', (trailers) => stream.once('wantTrailers', () => stream.sendTrailers(trailers)));
    stream.pipe(request);
    request.pipe(stream);
  });
  await promisify(server.listen.bind(server) as (port: number, host: string, done: () => void) => void)(0, '127.0.0.1');
  const { port } = server.address() as AddressInfo;
  return {
    get refusals() {
      return refusals;
    },
    connect: (access = {}) => new EtcdClient([{ host: '127.0.0.1', port }], systemClock, access),
    end: () => {
      etcd.destroy();
      server.close();
    },
  };
}

/** The flag of the last frame of a stream. */
const END_STREAM = 1;

function refuse(stream: ServerHttp2Stream, code: number, message: string): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': code, 'grpc-message': message };
  stream.respond(headers, { endStream: true });
}
