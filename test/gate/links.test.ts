import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT } from './command.mjs';
import { anchorsOf, deadLinks, documentPaths, linksOf } from './links.mjs';

describe('the links of the documents', () => {
  it('lead to files and headings that are there', () => {
    const paths = documentPaths(ROOT);
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'docs/console.md', 'sdk/go/README.md']));
    expect(paths.filter((path) => path.includes('node_modules'))).toEqual([]);
    expect(deadLinks(ROOT)).toEqual([]);
  });
});

describe('the search for dead links', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'switchyard-links-'));
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'docs/other.md'), '# Other\n\n## 3.5 `Stream` of it\n## Again\n## Again\n');
    const lines = ['# Here', '[a](docs/other.md#35-stream-of-it) [b](docs/none.md)', '`[code](none)`'];
    const more = ['```', '[block](none)', '# No heading', '```', '<!-- [comment](none) -->', '[c](docs/other.md#gone)'];
    const last = [
      '[d](#here) [e](#no-heading) [f](https://example.org/none) [g](docs)',
      '![h](picture.png) [i](../up.md)',
    ];
    writeFileSync(join(root, 'README.md'), [...lines, ...more, ...last, '[j](docs/other.md#again-1)'].join('\n'));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it('finds files that are not there, headings that are not there, and ways out of the repository', () => {
    expect(deadLinks(root)).toEqual([
      'README.md:2: docs/none.md: there is no docs/none.md',
      'README.md:9: docs/other.md#gone: docs/other.md has no heading with this anchor',
      'README.md:10: #no-heading: README.md has no heading with this anchor',
      'README.md:11: picture.png: there is no picture.png',
      'README.md:11: ../up.md leads out of the repository',
    ]);
  });

  it('makes anchors as GitHub does, with a number for a heading that is there again', () => {
    const text = "# The server's own `--tls` (new)\n## Same\n## Same\n```\n# code\n```\n### [Linked](x.md) *words*";
    expect(anchorsOf(text)).toEqual(['the-servers-own---tls-new', 'same', 'same-1', 'linked-words']);
  });

  it('reads pictures, titles and named links, and nothing in code', () => {
    const text = '![p](a.png "title") [x](<b.md>) ``[`c`](no)``\n[name]: d.md\n';
    expect(linksOf(text)).toEqual([
      { target: 'a.png', number: 1 },
      { target: 'b.md', number: 1 },
      { target: 'd.md', number: 2 },
    ]);
  });
});
