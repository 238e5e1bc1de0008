import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { pageOf, toPage } from '../../deploy/site/pages.mjs';
import { SIDEBAR } from '../../deploy/site/sidebar.mjs';
import { launchChromium } from '../interop/chromium.mjs';
import { itLong } from '../long.js';
import { ROOT } from './command.mjs';
import { documentPaths } from './links.mjs';

const DOCUMENTS = new Set(['README.md', 'docs/a.md', 'docs/b.md', 'sdk/go/README.md']);

describe('a page of the site', () => {
  it('has links to pages, files and folders of the site where the document has those of the repository', () => {
    const text =
      '[b](b.md#x) [go](../sdk/go) [readme](../README.md) [file](../proto/x.proto) [all](../proto) [out](https://e.org) [in](#y)';
    const page = toPage('docs/a.md', text, DOCUMENTS);
    expect(page.text).toBe(
      '[b](/docs/b.md#x) [go](/sdk/go/) [readme](/) [file](/files/proto/x.proto.txt) [all](/proto/) [out](https://e.org) [in](#y)',
    );
    expect(page.files).toEqual(['proto/x.proto', 'proto']);
  });

  it('has no comments, except in code, and pictures where they were', () => {
    const lines = [
      '<!-- not run: x -->',
      '```',
      '<!-- code -->',
      '```',
      '<!-- two',
      'lines -->',
      '![p](console/p.png)',
    ];
    const page = toPage('docs/a.md', lines.join('\n'), DOCUMENTS);
    expect(page.text).toBe('```\n<!-- code -->\n```\n![p](/docs/console/p.png)');
    expect(page.files).toEqual(['docs/console/p.png']);
  });

  it('is listed beside the others for every document but those of the tests', () => {
    const listed = SIDEBAR.flatMap(({ items }) => items.map(({ link }) => link));
    const pages = documentPaths(ROOT).filter((path) => !path.startsWith('test/'));
    const links = pages.map((path) => `/${pageOf(path)}`.replace(/index\.md$/, '').replace(/\.md$/, ''));
    expect(listed.sort()).toEqual(links.sort());
  });
});

describe('the generator of the site', () => {
  it('is one version of VitePress, locked, which the package does not have', () => {
    const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
    const { vitepress } = read('deploy/site/package.json').dependencies;
    expect(vitepress).toMatch(/^\d+\.\d+\.\d+$/);
    expect(read('deploy/site/package-lock.json').packages['node_modules/vitepress'].version).toBe(vitepress);
    expect(read('package.json').files).toContain('!deploy/site');
  });
});

/** Where `npm run docs` writes. */
const OUT = join(ROOT, '.site/out');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** A server of files and nothing else, as the site needs it. */
async function serveSite(): Promise<{ at: string; close(): void }> {
  const server = createServer(({ url = '/' }, response) => {
    const asked = join(OUT, decodeURIComponent(new URL(url, 'http://site').pathname));
    const path = existsSync(asked) && statSync(asked).isDirectory() ? join(asked, 'index.html') : asked;
    if (!existsSync(path)) return void response.writeHead(404).end();
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
    response.end(readFileSync(path));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { at: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

describe('the site', () => {
  itLong(
    'is found from its root, says its version on every page, is searched in the browser, and loads nothing from elsewhere',
    async () => {
      await promisify(execFile)(process.execPath, ['deploy/site/build.mjs'], { cwd: ROOT });
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      const files = readdirSync(join(OUT, version), { recursive: true, encoding: 'utf8' });
      const pages = files.filter((path) => path.endsWith('.html'));
      const says = `<meta name="switchyard-version" content="${version}">`;
      expect(pages.length).toBeGreaterThan(30);
      expect(pages.filter((path) => !readFileSync(join(OUT, version, path), 'utf8').includes(says))).toEqual([]);
      const site = await serveSite();
      const browser = await launchChromium();
      try {
        const page = await browser.newPage();
        const hosts = new Set<string>();
        page.on('request', (request) => hosts.add(new URL(request.url()).host));
        await page.goto(site.at);
        await page.waitForURL(`**/${version}/`);
        await page.locator('.VPNavBarSearch button').first().click();
        await page.locator('.VPLocalSearchBox input').fill('pushback');
        await page.locator('.VPLocalSearchBox .result').filter({ hasText: 'Retries' }).first().click();
        await page.waitForURL(`**/${version}/docs/clients.html#retries`);
        expect(await page.title()).toBe(`Clients in any language · Switchyard ${version}`);
        expect([...hosts]).toEqual([new URL(site.at).host]);
      } finally {
        await browser.close();
        site.close();
      }
    },
    600_000,
  );
});
