import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { launchChromium } from '../../../test/interop/chromium.mjs';
import { type PageFigures, PageMeter } from './page-figures.js';

const execute = promisify(execFile);
/** Nodes that come, and as many that go, in each turn of the churn. */
const CHURN_MS = 20;

/** The rival's newest version, bundled; nothing of it stays. */
export interface Sigma {
  readonly name: string;
  readonly script: string;
}

/** Installs sigma in a folder of its own: it is nothing that this program stands on. */
export async function installSigma(): Promise<Sigma> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-bench-sigma-'));
  try {
    const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-save', 'sigma', 'graphology'];
    await execute('npm', args, { cwd: folder });
    const manifest = readFileSync(join(folder, 'node_modules/sigma/package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    const contents = `import Graph from 'graphology'; import Sigma from 'sigma'; Object.assign(window, { Graph, Sigma });`;
    const built = await build({
      stdin: { contents, resolveDir: folder },
      ...{ bundle: true, minify: true, write: false, format: 'iife', logLevel: 'error' },
    });
    return { name: `sigma ${version}`, script: built.outputFiles[0].text };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The same graph by sigma: its places are given, so it has nothing to lay out. In a browser of its own, which ends with it: a page whose
 * frames do not come does not close, and would take a core from what is measured next.
 */
export async function measureSigma(sigma: Sigma, sizes: { nodes: number; links: number }): Promise<PageFigures> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.setContent('<div id="graph" style="width:1280px;height:720px"></div>');
    await page.addScriptTag({ content: sigma.script });
    const meter = await PageMeter.of(page);
    const firstMs = Number(await page.evaluate(`(${show})(${JSON.stringify(sizes)})`));
    const heapMiB = await meter.heapMiB();
    const cameraFps = await meter.fps(
      '(frame) => renderer.getCamera().setState({ ratio: 1 + 0.3 * Math.sin(frame / 10) })',
    );
    // A page that is busy with its last frame begins with it late.
    void page.evaluate(`(${churn})(${CHURN_MS})`).catch(() => {});
    const scriptMs = await meter.scriptMsPerFrame();
    return { firstMs, cameraFps, scriptMs, heapMiB };
  } finally {
    await browser.close();
  }
}

/** Runs in the page. Resolves with the time to the first picture. */
const show = `({ nodes, links }) => new Promise((resolve) => {
  const fromMs = performance.now();
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const graph = new Graph({ multi: true });
  for (let node = 0; node < nodes; node++) {
    graph.addNode(node, { x: random(), y: random(), size: 3, label: 'node-' + node, color: '#4a90d9' });
  }
  for (let link = 0; link < links; link++) {
    graph.addEdge(Math.floor(random() * nodes), Math.floor(random() * nodes), { size: 1, color: '#888' });
  }
  window.graph = graph;
  window.renderer = new Sigma(graph, document.querySelector('#graph'));
  renderer.once('afterRender', () => requestAnimationFrame(() => resolve(performance.now() - fromMs)));
  renderer.refresh();
})`;

/** Runs in the page: a node goes and another one comes, again and again. */
const churn = `(everyMs) => {
  let next = graph.order;
  const all = graph.nodes();
  setInterval(() => {
    graph.dropNode(all.shift());
    const node = String(next++);
    graph.addNode(node, { x: Math.random(), y: Math.random(), size: 3, label: node, color: '#4a90d9' });
    all.push(node);
  }, everyMs);
}`;
