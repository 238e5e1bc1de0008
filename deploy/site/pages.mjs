// How a document of the repository becomes a page of the site.
import { linksOf, splitTarget } from '../../test/gate/links.mjs';

/** The page of a document: README.md of a folder is the folder's own. */
export function pageOf(path) {
  return path.replace(/(^|\/)README\.md$/, '$1index.md');
}

/**
 * The text of a page: without comments, which are for the gate, and with links that lead to pages and files of the site. `files` are the files
 * and folders beside the documents that it shows or leads to.
 */
export function toPage(path, text, documents) {
  const files = [];
  const targets = new Map();
  for (const { target } of linksOf(text)) {
    if (/^[a-z][a-z+.-]*:/i.test(target) || target.startsWith('#')) continue;
    const [file, anchor] = splitTarget(path, target);
    const readme = `${file}/README.md`;
    const document = [file, readme].find((one) => documents.has(one));
    if (document === undefined) files.push(file);
    targets.set(target, addressOf(file, document, anchor));
  }
  const lines = withoutComments(text);
  const rewritten = lines.replace(/(\]\(\s*)<?([^)\s>]+)>?/g, (whole, before, target) => {
    const address = targets.get(target);
    return address === undefined ? whole : `${before}${address}`;
  });
  return { text: rewritten, files };
}

function addressOf(file, document, anchor) {
  const hash = anchor === undefined ? '' : `#${anchor}`;
  if (document !== undefined) return `/${pageOf(document).replace(/(^|\/)index\.md$/, '$1')}${hash}`;
  if (/\.(png|svg)$/.test(file)) return `/${file}`;
  const isFile = /\.[a-z]+$/.test(file);
  // As text, which browsers show whatever the language.
  return isFile ? `/files/${file}.txt` : `/${file}/`;
}

function withoutComments(text) {
  let isCode = false;
  const kept = [];
  let isComment = false;
  for (const line of text.split('\n')) {
    if (!isComment && /^\s*(```|~~~)/.test(line)) isCode = !isCode;
    const isOpened = !isCode && line.trimStart().startsWith('<!--');
    if (!isComment && !isOpened) kept.push(line);
    isComment = (isComment || isOpened) && !line.includes('-->');
  }
  return kept.join('\n');
}
