import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { pageOf, toPage } from '../../deploy/site/pages.mjs';
import { SIDEBAR } from '../../deploy/site/sidebar.mjs';
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
