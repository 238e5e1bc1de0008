/*
 * SVG by hand: a few kinds of elements, and one style that reads on light and on dark paper.
 */

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .quiet { fill: #57606a; } .title { font-weight: 600; }
  .grid { stroke: #d0d7de; stroke-width: 1; } .axis { stroke: #57606a; stroke-width: 1; }
  .goal { stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 4 3; }
  .s0 { stroke: #0969da; } .s1 { stroke: #bc4c00; } .s2 { stroke: #1a7f37; } .s3 { stroke: #8250df; }
  .f0 { fill: #0969da; } .f1 { fill: #bc4c00; } .f2 { fill: #1a7f37; } .f3 { fill: #8250df; }
  .line { fill: none; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .quiet { fill: #8d96a0; }
    .grid { stroke: #30363d; } .axis, .goal { stroke: #8d96a0; }
    .s0 { stroke: #4493f8; } .s1 { stroke: #f0883e; } .s2 { stroke: #3fb950; } .s3 { stroke: #ab7df8; }
    .f0 { fill: #4493f8; } .f1 { fill: #f0883e; } .f2 { fill: #3fb950; } .f3 { fill: #ab7df8; }
  }`;

/** Elements inside each other, in pixels. */
export function drawing(width: number, height: number, title: string, elements: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">`;
  return `${[head, `<title>${escaped(title)}</title>`, `<style>${STYLE}\n</style>`, ...elements, '</svg>'].join('\n')}\n`;
}

/** A straight line. */
export function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" class="${kind}"/>`;
}

/** A line through points. */
export function polyline(points: readonly (readonly [number, number])[], kind: string): string {
  return `<polyline points="${points.map(([x, y]) => `${px(x)},${px(y)}`).join(' ')}" class="line ${kind}"/>`;
}

/** A filled circle. */
export function dot(x: number, y: number, radius: number, kind: string): string {
  return `<circle cx="${px(x)}" cy="${px(y)}" r="${radius}" class="${kind}"/>`;
}

/** A filled bar. */
export function bar(x: number, y: number, width: number, height: number, kind: string): string {
  return `<rect x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${height}" rx="2" class="${kind}"/>`;
}

/** Words, their end, middle or start at a place. */
export function text(
  x: number,
  y: number,
  words: string,
  { anchor = 'start', kind = '' }: { anchor?: 'start' | 'middle' | 'end'; kind?: string } = {},
): string {
  const classes = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${classes}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function px(value: number): string {
  return String(Number(value.toFixed(1)));
}
