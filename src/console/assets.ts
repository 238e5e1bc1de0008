import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One file of the page. */
export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  /** The same, compressed by brotli; undefined where that gains nothing. */
  readonly brotli: Buffer | undefined;
  /** Whether its name changes with its content, so that a browser may keep it for ever. */
  readonly isHashed: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** Reads the built page into memory: some dozens of KiB, so that no request opens a file. Throws when it was not built. */
export function readAssets(folder = builtFolder()): ReadonlyMap<string, Asset> {
  const names = readdirSync(folder).filter((name) => TYPES[extname(name)] !== undefined);
  const assets = names.map((name): [string, Asset] => {
    const type = TYPES[extname(name)];
    const bytes = readFileSync(join(folder, name));
    return [`/${name}`, { type, bytes, brotli: brotliOf(join(folder, name)), isHashed: /-[A-Z0-9]{8}\./.test(name) }];
  });
  const index = assets.find(([path]) => path === '/index.html');
  if (index === undefined) throw new Error(`${folder} holds no index.html: npm run build makes it`);
  return new Map([...assets, ['/', index[1]]]);
}

function brotliOf(path: string): Buffer | undefined {
  try {
    return readFileSync(`${path}.br`);
  } catch {
    return undefined;
  }
}

/** `dist/console`, seen from dist/bundle, dist/src/console and src/console. */
function builtFolder(): string {
  const here = fileURLToPath(import.meta.url);
  const isBundled = here.includes(join('dist', 'bundle'));
  const isBuilt = here.includes(join('dist', 'src', 'console'));
  const up = isBundled ? '../console' : isBuilt ? '../../console' : '../../dist/console';
  return fileURLToPath(new URL(up, import.meta.url));
}
