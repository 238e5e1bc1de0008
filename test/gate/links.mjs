// Links of the documents: whether the files and headings that they lead to are there. The site of the documents is made by the same rules.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';

/** Folders without documents of ours. */
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.nodes', '.site']);

/**
 * The paths of all documents below a folder, `docs/console.md`.
 * @returns {string[]}
 */
export function documentPaths(root, under = '') {
  return readdirSync(join(root, under), { withFileTypes: true }).flatMap((entry) => {
    const path = under === '' ? entry.name : `${under}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : documentPaths(root, path);
    return entry.isFile() && entry.name.endsWith('.md') ? [path] : [];
  });
}

/** The anchor of a heading, as GitHub makes it: without punctuation, in lower case, with hyphens for spaces. */
export function slugOf(heading) {
  const text = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/`/g, '');
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}

/** The anchors of a document. A heading that is there again has a number behind it. */
export function anchorsOf(text) {
  const times = new Map();
  return linesOf(text).flatMap(({ line }) => {
    const [, heading] = /^#{1,6}\s+(.*?)\s*#*$/.exec(line) ?? [];
    if (heading === undefined) return [];
    const slug = slugOf(heading);
    const before = times.get(slug) ?? 0;
    times.set(slug, before + 1);
    return [before === 0 ? slug : `${slug}-${before}`];
  });
}

/** The links and pictures of a document, with the numbers of their lines; what stands in code is none. */
export function linksOf(text) {
  return linesOf(text).flatMap(({ line, number }) => {
    const plain = line.replace(/(`+)(?:(?!\1).)*\1/g, '');
    const inline = [...plain.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
    const named = /^\s*\[[^\]]+\]:\s*<?(\S+?)>?\s*$/.exec(plain);
    return [...inline, ...(named === null ? [] : [named])].map(([, target]) => ({ target, number }));
  });
}

/** What is wrong with the links of the documents of a folder, a line each; links to elsewhere are not looked at. */
export function deadLinks(root, paths = documentPaths(root)) {
  const texts = new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
  const anchors = new Map();
  const anchorsIn = (path) => {
    if (!anchors.has(path))
      anchors.set(path, new Set(anchorsOf(texts.get(path) ?? readFileSync(join(root, path), 'utf8'))));
    return anchors.get(path);
  };
  return paths.flatMap((path) =>
    linksOf(texts.get(path)).flatMap(({ target, number }) => {
      if (/^[a-z][a-z+.-]*:/i.test(target)) return [];
      const [file, anchor] = splitTarget(path, target);
      if (file.startsWith('..')) return [`${path}:${number}: ${target} leads out of the repository`];
      if (!existsSync(join(root, file))) return [`${path}:${number}: ${target}: there is no ${file}`];
      if (anchor === undefined || !file.endsWith('.md') || anchorsIn(file).has(anchor)) return [];
      return [`${path}:${number}: ${target}: ${file} has no heading with this anchor`];
    }),
  );
}

/** The file that a link of a document leads to, and the anchor in it. */
export function splitTarget(path, target) {
  const [file = '', anchor] = target.split('#');
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
  const found = file === '' ? path : normalize(join(folder, decodeURI(file)));
  return [found.replace(/\/$/, ''), anchor === undefined ? undefined : decodeURIComponent(anchor)];
}

/** Lines outside of blocks of code and of comments, with their numbers from 1. */
function linesOf(text) {
  const found = [];
  let fence;
  let isComment = false;
  text.split('\n').forEach((line, at) => {
    const [, mark] = /^\s*(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence === undefined && !isComment && mark !== undefined) fence = mark;
    else if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
    } else {
      const isOpened = !isComment && line.includes('<!--');
      if (!isComment && !isOpened) found.push({ line, number: at + 1 });
      isComment = (isComment || isOpened) && !line.includes('-->');
    }
  });
  return found;
}
