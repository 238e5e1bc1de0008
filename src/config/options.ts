import type { Limits } from '../core/model/limits.js';
import { AUTH_MODES } from '../core/model/trust/policy.js';
import { DEFAULT_SYSTEM_LIMITS } from '../system/limits.js';
import { ETCD_OPTIONS } from './etcd-options.js';
import { DOOR_LIMIT_OPTIONS, LIMIT_OPTIONS, LIMITS_OF_FORMAT_1, SHARE_OPTIONS } from './limit-options.js';
import {
  address,
  bytes,
  choice,
  count,
  duration,
  networkName,
  type Option,
  optionalAddress,
  optionalBytes,
  optionalChoice,
  optionalCollector,
  optionalGrpcAddress,
  optionalGrpcAddresses,
  optionalLog,
  optionalNetworks,
  optionalOrigins,
  optionalSecret,
  optionalServerName,
  optionalText,
  toggle,
} from './option.js';

/** `--data` of a server that keeps nothing. */
export const IN_MEMORY = ':memory:';

/** Every option of `serve`, in the order of help and documentation. */
export const OPTIONS = {
  listen: address('listen', '127.0.0.1:8768', 'Where gRPC listens. Port 0 picks a free port.'),
  data: optionalText(
    'data',
    'DIR',
    `The folder of the journal and the administrator's token; ${IN_MEMORY} keeps nothing. Default: a \`switchyard\` folder in the user's data directory.`,
  ),
  journal: optionalLog(
    'journal',
    'Keep the journal in an etcd instead of in the data folder, so that another server can take over: see docs/cluster.md. The data folder holds identity and secrets only.',
  ),
  network: networkName(
    'network',
    'default',
    'The network whose journal it is in etcd, with --journal; its clients may name it so. Without --journal it is refused, and the variable, which commands read too, is not read.',
  ),
  name: optionalServerName(
    'name',
    'What the log of other servers calls this one, with --journal. Default: the host name.',
  ),
  leaderTtlMs: duration(
    'leader-ttl',
    '5s',
    '2s',
    'How long the server that leads may be silent before another takes over, with --journal.',
  ),
  ...ETCD_OPTIONS,
  etcdCompact: choice(
    'etcd-compact',
    ['on', 'off'],
    'on',
    'Whether the server that leads lets etcd forget its own history after five minutes, with --journal. off: where somebody else does it.',
  ),
  renewEpoch: toggle(
    'renew-epoch',
    'Give the history a new epoch at this start, with --journal: after etcd was restored from a backup, where no server remembers how far it had come. Every watcher begins anew.',
  ),
  peerListen: address(
    'peer-listen',
    '127.0.0.1:0',
    'Where the other servers of the network reach this one, with --journal. Beyond loopback it needs --peer-cert, --peer-key and --peer-ca.',
  ),
  peerAdvertise: optionalGrpcAddress(
    'peer-advertise',
    'What the others are told of that: an address that they reach. Default: --peer-listen, with the port that it got.',
  ),
  advertise: optionalGrpcAddresses(
    'advertise',
    'At which addresses clients reach gRPC of this server. They are told those of all servers of the network, and go from one to the other by themselves. Default: nothing is said, as where a balancer is the only way in.',
  ),
  peerCert: optionalText(
    'peer-cert',
    'FILE',
    'The certificate that this server shows to the others, PEM. It has the DNS name that --name says.',
  ),
  peerKey: optionalText('peer-key', 'FILE', 'Its private key, PEM.'),
  peerCa: optionalText('peer-ca', 'FILE', 'The authority of the certificates of all servers, PEM.'),
  json: toggle('json', 'Print the line that begins with `listening` as one JSON object.'),
  config: optionalText('config', 'FILE', 'A JSON object with options by their flag: {"listen": "127.0.0.1:0"}.'),
  adminToken: optionalSecret(
    'admin-token',
    'The secret of administrators. Better in the environment than in the list of processes. Default: made at the first start and kept in DIR/admin-token, which only its owner can read; with --data :memory: there is no administrator unless it is given.',
  ),

  auth: optionalChoice(
    'auth',
    AUTH_MODES,
    'How callers are let in: open, observe (as open, and what required would refuse is logged and counted) or required. A new network keeps it in its policy; later it can only be stricter for this process. Default: what the policy says, and at least required where others can reach a port, see --allow-open.',
  ),
  allowOpen: toggle(
    'allow-open',
    'Let a port that others can reach be open: whoever reaches it reads the graph and may ask every instance for connections.',
  ),
  sessionBinding: choice(
    'session-binding',
    ['connection', 'none'],
    'connection',
    'connection: where callers have to prove who they are, the token of a session is good only on connections on which its identity has shown itself. none: on all, for balancers that spread the calls of one client.',
  ),
  reflection: toggle(
    'reflection',
    'Answer to gRPC server reflection also in the mode required, where it is off otherwise.',
  ),

  tlsCert: optionalText(
    'tls-cert',
    'FILE',
    "The server's certificate chain, PEM. Turns on TLS. Default: beyond loopback, one by an authority of its own, which the first start makes in the data folder and which is renewed by itself.",
  ),
  tlsKey: optionalText('tls-key', 'FILE', 'Its private key, PEM.'),
  tlsClientCa: optionalText(
    'tls-client-ca',
    'FILE',
    'Who may connect: clients must show a certificate of this authority.',
  ),
  identityCa: optionalText(
    'identity-ca',
    'FILE',
    'Authorities, PEM, whose client certificates say who an instance is: spiffe://TRUST-DOMAIN/network/default/instance/UUID. Clients are asked for one and need none. Read again as the certificates are.',
  ),
  oidcCa: optionalText(
    'oidc-ca',
    'FILE',
    "Further authorities, PEM, that issuers of tokens may have their certificates from, beside Node's own list. The issuers are named by the policy.",
  ),
  allowPlaintext: toggle(
    'allow-plaintext',
    'Speak plain text beyond loopback where --tls-cert is absent, on the ports of gRPC and metrics: others can read and change what passes.',
  ),

  systemTcpListen: optionalAddress('system-tcp-listen', 'Where system events are taken over TCP.'),
  systemTlsListen: optionalAddress('system-tls-listen', 'The same over TLS.'),
  systemWsListen: optionalAddress('system-ws-listen', 'The same over WebSocket.'),
  systemWssListen: optionalAddress('system-wss-listen', 'The same over WebSocket and TLS.'),
  wsOrigins: optionalOrigins(
    'ws-origin',
    'Web pages that may open a WebSocket here, by their origin. Programs send none, and may; without this option no web page may.',
  ),
  systemConnectionsMax: count(
    'system-connections',
    DEFAULT_SYSTEM_LIMITS.connectionsMax,
    [1, 1_000_000],
    'Connections of system events.',
  ),
  systemConnectionsPerAddressMax: count(
    'system-connections-per-address',
    DEFAULT_SYSTEM_LIMITS.connectionsPerAddressMax,
    [1, 1_000_000],
    'The same from one address, or from one /64 of IPv6.',
  ),
  systemPacketsPerSecondMax: count(
    'system-packets-per-second',
    DEFAULT_SYSTEM_LIMITS.packetsPerSecondMax,
    [1, 10_000_000],
    'Packets that one such connection may send in a second, data of streams excepted.',
  ),
  systemOutBytesMax: count(
    'system-out-bytes-max',
    DEFAULT_SYSTEM_LIMITS.outBytesInAllMax,
    [1_048_576, 68_719_476_736],
    'Bytes that such connections do not take, in all. Beyond it the one that holds most is cut off.',
  ),
  rendezvousListen: optionalAddress(
    'rendezvous-listen',
    "Where instances learn their reflexive address: STUN Binding over UDP and TCP. Default: gRPC's host, on the port after gRPC's.",
  ),
  metricsListen: optionalAddress(
    'metrics-listen',
    'Where GET /metrics answers in the format of Prometheus, and GET /healthz and /readyz to supervisors. Beyond loopback over TLS, and metrics only with the token.',
  ),
  metricsToken: optionalSecret(
    'metrics-token',
    'What a collector of metrics beyond loopback sends as bearer token. Default: made at the first start and kept in DIR/metrics-token.',
  ),
  otlp: optionalCollector(
    'otlp',
    'Send traces to the OpenTelemetry collector at this address, as OTLP over HTTP: see docs/observability.md.',
  ),

  consoleListen: optionalAddress(
    'console-listen',
    'Where the console is: a live page for a browser, see docs/console.md. Speaks TLS where --tls-cert is given, and always beyond loopback.',
  ),
  console: toggle('console', 'The same as --console-listen 127.0.0.1:8771.'),
  consoleOrigins: optionalOrigins(
    'console-origin',
    'Origins by which a proxy offers the console, such as https://fleet.example. Default: only its own.',
  ),

  webListen: optionalAddress(
    'web-listen',
    'Where clients without gRPC call the same services: Connect with JSON (curl) and gRPC-Web (pages), see docs/clients.md. Speaks TLS where --tls-cert is given, and always beyond loopback.',
  ),
  webOrigins: optionalOrigins(
    'web-origin',
    'Origins of pages that may call there, such as https://fleet.example. Default: none; programs need none.',
  ),

  addressExempt: optionalNetworks(
    'address-exempt',
    'Networks whose addresses have no bound of their own, on connections to any port or in shares: balancers and NATs of your own.',
  ),
  proxyProtocolFrom: optionalNetworks(
    'proxy-protocol-from',
    'Networks of proxies and balancers: a connection from there must begin with a PROXY header of version 2, on any TCP port, and counts as the address that this declares.',
  ),

  sessionTtlMs: duration('session-ttl', '30s', '10ms', 'How long a session lives unrenewed when it does not say.'),
  sessionTtlMinMs: duration('session-ttl-min', '5s', '10ms', 'The shortest TTL that is granted.'),
  sessionTtlMaxMs: duration('session-ttl-max', '1d', '10ms', 'The longest TTL that is granted.'),
  graceMs: duration(
    'grace',
    '30s',
    '10ms',
    'How long at least a session waits for its instance to attach again, after an attachment broke and after a restart.',
  ),
  orderDeadlineMs: duration('order-deadline', '30s', '10ms', 'How long an order waits for its answer.'),
  drainDeadlineMs: duration(
    'drain-deadline',
    '10s',
    '0s',
    'How long calls may take to end after SIGTERM, before they are cut off.',
  ),
  historyBytesMax: bytes(
    'history-bytes',
    '64MiB',
    ['64KiB', '16GiB'],
    'How much of the past is kept in memory for watches that resume or lag.',
  ),
  historyRevisionsMax: count(
    'history-revisions',
    1_000_000,
    [1, 100_000_000],
    'How many revisions of the past are kept for the same.',
  ),
  messageBytesMax: bytes('message-bytes', '4MiB', ['16KiB', '64MiB'], 'The largest request that gRPC takes.'),
  maxMemory: optionalBytes(
    'max-memory',
    ['128MiB', '1024GiB'],
    'About how much memory the process may take, on small machines and shared ones; see docs/operations.md. Default: what Node takes.',
  ),
  logLevel: choice(
    'log-level',
    ['silent', 'error', 'warn', 'info', 'debug'],
    'info',
    'How much is logged on standard error: JSON lines, or lines for people where that is a terminal. debug: every call.',
  ),

  limitsOfFormat1: LIMITS_OF_FORMAT_1,

  ...LIMIT_OPTIONS,
  ...SHARE_OPTIONS,
  ...DOOR_LIMIT_OPTIONS,
} as const satisfies Record<string, Option<unknown>>;

type Values = { readonly [K in keyof typeof OPTIONS]: ReturnType<(typeof OPTIONS)[K]['parse']> };

/** What `serve` runs by, every value checked. Times in milliseconds, sizes in bytes. */
export type Config = Omit<Values, keyof Limits> & {
  readonly data: string;
  readonly limits: Limits;
  /** Of --etcd-user, read from its file or the environment. */
  readonly etcdPassword: string | undefined;
};
