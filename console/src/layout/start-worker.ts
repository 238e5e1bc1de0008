import type { LayoutPort } from './layout.js';
import type { LayoutAnswer } from './worker.js';

declare const WORKER_URL: string;

/** What a browser has that asks for trusted addresses of scripts. The types of the DOM lack it, and take strings. */
interface TrustedWorld {
  readonly trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScriptURL(url: string): string },
    ): { createScriptURL(url: string): string };
  };
}

/** Starts the worker that lays graphs out. */
export function startLayoutWorker(): LayoutPort {
  // The one address of a script that the page makes by itself: its own worker's.
  const policy = (globalThis as TrustedWorld).trustedTypes?.createPolicy('switchyard', { createScriptURL: same });
  const worker = new Worker(policy?.createScriptURL(WORKER_URL) ?? WORKER_URL);
  const port: LayoutPort = { send: (request) => worker.postMessage(request), onAnswer: () => {} };
  worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => port.onAnswer(data);
  return port;
}

function same(url: string): string {
  return url;
}
