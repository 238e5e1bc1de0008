import type { CollectedSpan } from './collector.js';

const BAR = 24;

/** One trace as text: a line for each span below its parent, with a bar of when it was. */
export function pictureOf(spans: readonly CollectedSpan[]): string {
  const [fromNs] = spans.map((span) => span.fromNs).sort(byTime);
  const [toNs] = spans
    .map((span) => span.toNs)
    .sort(byTime)
    .reverse();
  const column = (ns: bigint) => Math.round((Number(ns - fromNs) / Number(toNs - fromNs)) * (BAR - 1));
  const lines = inOrder(spans, '', 0).map(({ span, depth }) => {
    const [from, to] = [column(span.fromNs), column(span.toNs)];
    const bar = `${' '.repeat(from)}${'█'.repeat(to - from + 1)}`.padEnd(BAR);
    const name = `${'  '.repeat(depth)}${span.name.replace('switchyard.v1.', '')}`;
    return `${span.service.padEnd(12)}${name.padEnd(58)}│${bar}│`;
  });
  const ms = Number(toNs - fromNs) / 1_000_000;
  return [...lines, `${' '.repeat(70)}0${`${ms.toFixed(0)} ms`.padStart(BAR + 1)}`].join('\n');
}

function inOrder(
  spans: readonly CollectedSpan[],
  parent: string,
  depth: number,
): { span: CollectedSpan; depth: number }[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .sort((a, b) => byTime(a.fromNs, b.fromNs))
    .flatMap((span) => [{ span, depth }, ...inOrder(spans, span.spanId, depth + 1)]);
}

const byTime = (a: bigint, b: bigint) => Number(a - b);
