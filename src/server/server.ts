import { type Logger, pino } from 'pino';
import { AddressSet } from '../admission/address-set.js';
import { Admission } from '../admission/admission.js';
import { ADMISSION_LIMITS } from '../admission/limits.js';
import { AuditFiles } from '../audit/audit-files.js';
import { AuditLog } from '../audit/audit-log.js';
import { auditFolder } from '../audit/folder.js';
import { formatAddress, isLoopback } from '../base/address.js';
import type { Clock, Random } from '../base/clock.js';
import { isExposed } from '../config/exposure.js';
import { type Config, IN_MEMORY } from '../config/options.js';
import { tlsPlan } from '../config/tls-plan.js';
import type { Asset } from '../console/assets.js';
import { draining } from '../core/model/draining.js';
import { DEFAULT_NETWORK, DEFAULT_NETWORK_REF, type NetworkRef } from '../core/model/network.js';
import type { AuthMode } from '../core/model/trust/policy.js';
import type { ServerStanding } from '../grpc/backing.js';
import { type Journal, JournalError } from '../journal/journal.js';
import type { SharedLog } from '../log/shared-log.js';
import type { MonthUse } from '../replica/access/month-use.js';
import { RevocationNews } from '../replica/access/revocation-news.js';
import { cutOff } from '../replica/currency.js';
import type { SpanExport } from '../tracing/exporter.js';
import { formatPin } from '../trust/pin.js';
import { ensureMetricsToken } from './admin-token.js';
import { AuditAnchorer } from './audit-anchorer.js';
import { CertificateKeeper } from './certificates/certificates.js';
import { Doors } from './doors.js';
import { type Engine, type Storage, startEngine } from './engine.js';
import { fetchJson } from './fetch-json.js';
import { listening } from './listen-error.js';
import { rememberListening } from './listening-file.js';
import { measuredEngine } from './measured-engine.js';
import { EventReports } from './metrics/event-reports.js';
import { Metrics } from './metrics/metrics.js';
import { isReady } from './metrics/standing-meters.js';
import { networkAudit } from './network-audit.js';
import { NetworkServers } from './network-servers.js';
import { Networks } from './networks.js';
import { checkPlainPorts } from './plain-ports.js';
import { reachableNames } from './reachable-names.js';
import { makeSharedParts } from './shared-parts.js';
import { openSpans } from './spans.js';
import { openStorage } from './storage/open-storage.js';

/** Exit status of a process whose storage failed, so that whoever watches over it can tell: sysexits' EX_IOERR. */
const STORAGE_FAILED = 74;
/** For so long balancers and clients that watch the health can hear of it before the connections break. */
const GOODBYE_MS = 100;

/** What a mode means, for the log of a start. */
const MODE_WORDS: Readonly<Record<AuthMode, string>> = {
  open: 'an instance that has shown a key needs it; others can be opened by anybody',
  observe: 'as open; what the mode required would refuse is logged and counted',
  required: 'callers have to prove who they are, and may do what their roles and the policy allow',
};
const ALLOW_OPEN_WORDS =
  '--allow-open: whoever reaches a port reads the graph, asks every instance for connections, and opens instances without a key';

/** What a server needs from its process, handed in so that a simulation can be its process. */
export interface ServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Instead of the one that `config.data` names. It is closed with the server. */
  readonly journal?: Journal;
  /** Instead of the log that the options name. It is closed with the server. */
  readonly sharedLog?: SharedLog | undefined;
  /** Gives up a start that waits for another server to stop leading. It rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Instead of JSON lines on standard error. */
  readonly log?: Logger;
  /** Instead of the console's page that `npm run build` made. */
  readonly assets?: ReadonlyMap<string, Asset>;
  /** Called when an invariant is broken or the journal can be written no more, after it was logged. Default: the process ends. */
  readonly fatal?: (error: unknown) => void;
}

/** A server that answers. */
export interface RunningServer {
  /** Where each adapter listens, as HOST:PORT with a real port, by its code name; `metrics` too. */
  readonly addresses: Readonly<Record<string, string>>;
  /**
   * Goes down: NOT_SERVING, a bookmark to every watch, then UNAVAILABLE with RetryInfo; calls that run have until
   * `drainDeadlineMs`. Sessions live on in the journal. Resolves when everything is closed; again and again the same.
   */
  drain(): Promise<void>;
  /**
   * Looks at the files of the certificates again, and logs as much as these options say. Nothing else of them counts before the next
   * start.
   */
  reload(config: Pick<Config, 'logLevel'>): void;
  /** The same without waiting for anybody. */
  close(): Promise<void>;
}

/**
 * Makes a server out of its parts and starts it: first the engine, and only when that knows everything that the journal
 * says, the doors. Adapters to the outside are made here and in what this calls, and nowhere else.
 */
export async function startServer(config: Config, deps: ServerDeps): Promise<RunningServer> {
  const { clock, random } = deps;
  const log = deps.log ?? pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true }));
  const metrics = config.metricsListen === undefined ? undefined : new Metrics();
  let engine: Engine | undefined;
  let doors: Doors | undefined;
  let networks: Networks | undefined;
  const revocations = new RevocationNews(clock, (isHeard) => {
    if (engine !== undefined) engine.gatekeeper.cutOff = isHeard ? undefined : cutOff();
  });
  const opened = await openStorage(config, {
    ...{ ...deps, log },
    lost: (error) => lose(error),
    inTouch: (isInTouch, readiness, isCurrent) => {
      doors?.setWritable(isInTouch);
      doors?.setReadiness(readiness);
      if (!isInTouch) engine?.replica.attachments.letGo(cutOff());
      revocations.current(isCurrent);
    },
  });
  const events = new EventReports({ clock, log });
  const exempt = config.addressExempt ?? AddressSet.NONE;
  const admission = new Admission({
    clock,
    log,
    random,
    exempt,
    proxies: config.proxyProtocolFrom ?? AddressSet.NONE,
    count: metrics && ((door, cause) => metrics.refusedAtDoor(door, cause)),
  });
  let certificates: CertificateKeeper | undefined;
  let audit: AuditLog | undefined;
  let anchorer: AuditAnchorer | undefined;
  let spans: SpanExport | undefined;
  let month: MonthUse | undefined;
  const exit = deps.fatal ?? ((error) => process.exit(error instanceof JournalError ? STORAGE_FAILED : 1));
  // Set while a process whose storage has failed says goodbye.
  let exitOnce: (() => void) | undefined;
  const fatal = (error: unknown) => {
    // Before a door is open nobody has to be told, and nothing else keeps the process alive until a timer fires.
    if (!(error instanceof JournalError) || doors === undefined) return exit(error);
    // What is stored is in order, so there is time to say goodbye.
    doors?.stopServing();
    exitOnce = () => {
      exitOnce = undefined;
      exit(error);
    };
    clock.after(GOODBYE_MS, () => exitOnce?.());
  };
  // From here on another server may lead: nothing that this one decides can be stored.
  const lose = (error: unknown) => {
    log.fatal({ err: error }, 'the right to append to the journal is lost');
    engine?.replica.abandon();
    networks?.abandon();
    fatal(error);
  };
  const goDown = async (deadlineMs: number) => {
    try {
      metrics?.drain();
      await doors?.drain();
      engine?.drain();
      if (engine !== undefined) {
        const why = draining(0, engine.replica.leases.livesMs());
        networks?.drain(why);
        audit?.drain(why);
      }
      anchorer?.close();
      await doors?.close(deadlineMs);
      await networks?.close();
      await engine?.close();
      await month?.close();
      // A collector that is slow keeps nobody from leading, or from opening the folder.
      const sent = spans?.close();
      await opened.close();
      await sent;
      audit?.close();
      // A scrape that has begun says what the server was like at its end.
      await metrics?.close(Math.min(deadlineMs, ADMISSION_LIMITS.lingerMs));
      certificates?.close();
      admission.close();
    } finally {
      // The timer keeps no process alive: a drain that ends before it would end the process with status 0.
      exitOnce?.();
    }
  };
  opened.watch();
  try {
    const isExempt = (address: string) => exempt.has(address);
    const writable = (isWritable: boolean) => doors?.setWritable(isWritable);
    certificates = await CertificateKeeper.open(config, { clock, log, random, names: () => reachableNames(config) });
    const plan = tlsPlan(config);
    if (config.allowPlaintext)
      log.warn('--allow-plaintext: what passes beyond loopback can be read, and changed, on the way');
    // Proofs come over gRPC and system events, which speak TLS together or not at all.
    const leaves = () => (plan.grpc ? (certificates?.leafKeyIds ?? []) : []);
    const parts = {
      config,
      clock,
      random,
      log,
      storage: opened.storage,
      appendBytesMax: opened.appendBytesMax,
      metrics,
      events,
      shared: makeSharedParts({ config, clock, random, metrics, log, leaves, isExempt }),
      fetchJson: fetchJson(config.oidcCa),
      isExempt,
      writable,
      fatal,
    };
    month = parts.shared.month;
    audit = openAudit(config.data, { clock, log });
    engine = await startEngine({ ...parts, network: ownNetwork(config, opened.storage), audit });
    if (!revocations.isHeard) engine.gatekeeper.cutOff = cutOff();
    const { journal: ofAll } = opened.storage;
    networks = new Networks({
      config,
      journals: ofAll?.networks,
      dropped: (number) => parts.shared.month.forget(number),
      clock,
      log,
      start: ({ number, name }, journal, ownConfig) => {
        const network = { number, name };
        const ownLog = log.child({ network: name });
        const own = { log: ownLog, events: new EventReports({ clock, log: ownLog }), storage: { journal } };
        return startEngine({
          ...{ ...parts, ...own, network, config: ownConfig },
          audit: audit && networkAudit(audit, network),
        });
      },
    });
    await networks.start(engine);
    const stored = ofAll?.networks?.list().map(({ number }) => number);
    if (stored !== undefined) await month.keepOnly(new Set([0, ...stored]));
    checkPlainPorts(config, engine.gatekeeper.mode);
    const { assets } = deps;
    spans = await openSpans(config, { clock, log, serverUuid: engine.replica.state.serverUuid });
    const { replica } = engine;
    const standing = (): ServerStanding => ({
      isLeader: opened.standing.role() === 'leading',
      term: opened.standing.term(),
      journalBytes: opened.journal.size(),
      snapshotAtMs: replica.snapshotAtMs,
      lagMs: opened.standing.follows?.lagMs() ?? 0,
      isReady: isReady(opened.standing),
    });
    const servers = new NetworkServers({
      ...{ clock, replica, standing, addresses: () => doors?.addresses ?? {} },
      name: opened.others?.name ?? config.name,
      roster: opened.others?.roster,
    });
    const outward = { tracer: spans?.tracer, admission, certificates, assets, standing, servers };
    doors = new Doors(engine, { config, clock, random, log, metrics, events, audit, networks, ...outward });
    await doors.open(networks);
    engine.replica.opened();
    networks.opened();
    servers.begin();
    doors.setReadiness(opened.standing.follows?.readiness() ?? 'ready');
    const { addresses } = doors;
    if (metrics !== undefined && config.metricsListen !== undefined) {
      const { journal, standing } = opened;
      const { turns } = engine;
      const [own, others] = [measuredEngine(engine, journal), networks];
      const ofNetworks = {
        networks: () => [own, ...others.measured()],
        stoppedNetworks: () => others.stoppedCount,
      };
      metrics.measure({ ...ofNetworks, journal, doors, turns });
      metrics.measureStanding(standing);
      const access = await metricsAccess(config, random, certificates);
      const bound = await listening('--metrics-listen', metrics.listen(config.metricsListen, admission, access));
      certificates?.onChange((files) => metrics.renew(files));
      addresses.metrics = formatAddress(bound);
    }
    if (config.data !== IN_MEMORY)
      rememberListening(config.data, { grpc: addresses.grpc, tls: plan.grpc ? plan.source : 'none' }, log);
    log.info({ addresses }, 'listening');
    log.info({ auth: engine.gatekeeper.mode }, MODE_WORDS[engine.gatekeeper.mode]);
    const server = opened.storage.cluster?.member.serverUuid ?? replica.state.serverUuid;
    if (audit !== undefined) anchorer = new AuditAnchorer({ audit, replica, server, clock, log });
    anchorer?.begin();
    audit?.done({ who: 'server', from: '', what: 'Start', on: `mode ${engine.gatekeeper.mode}` });
    certificates?.onAct(({ what, pin }) => audit?.done({ who: 'server', from: '', what, on: formatPin(pin) }));
    if (config.allowOpen && isExposed(config) && engine.gatekeeper.mode !== 'required') log.warn(ALLOW_OPEN_WORDS);
    const reload: RunningServer['reload'] = ({ logLevel }) => {
      log.level = logLevel;
      log.info({ logLevel }, 'told to reload');
      void certificates?.renew();
    };
    const end = async (deadlineMs: number) => {
      log.info('draining');
      await goDown(deadlineMs);
      log.info('closed');
    };
    return running({ addresses, reload }, config.drainDeadlineMs, end);
  } catch (error) {
    // What was opened before is closed again: a server starts whole or not at all.
    await goDown(0);
    throw error;
  }
}

/** The default network of a server. Its clients may name the one of a log of several servers as that log does. */
function ownNetwork({ network }: Config, { cluster }: Storage): NetworkRef {
  return cluster === undefined || network === DEFAULT_NETWORK
    ? DEFAULT_NETWORK_REF
    : { ...DEFAULT_NETWORK_REF, alias: network };
}

function running(
  parts: Pick<RunningServer, 'addresses' | 'reload'>,
  drainDeadlineMs: number,
  goDown: (deadlineMs: number) => Promise<void>,
): RunningServer {
  let down: Promise<void> | undefined;
  return {
    ...parts,
    drain: () => (down ??= goDown(drainDeadlineMs)),
    close: () => (down ??= goDown(0)),
  };
}

/** Whoever comes from another machine shows a token, and is spoken to over TLS where the options do not forbid it. */
async function metricsAccess(config: Config, random: Random, certificates: CertificateKeeper | undefined) {
  const { metricsListen, metricsToken, data } = config;
  const isFar = metricsListen !== undefined && !isLoopback(metricsListen);
  const tls = tlsPlan(config).metrics ? certificates?.files : undefined;
  return { tls, token: isFar ? await ensureMetricsToken(data, metricsToken, random) : metricsToken };
}

/** A server that keeps nothing keeps no audit log. */
function openAudit(
  data: string,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): AuditLog | undefined {
  if (data === IN_MEMORY) return undefined;
  const warn = (message: string, error?: unknown) => log.warn({ err: error }, message);
  return new AuditLog({ store: new AuditFiles(auditFolder(data)), clock, warn });
}
