import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { declaredMetrics, seriesOf } from '../server/metrics-table.js';
import { alertExpressions, documentedExpressions, panelExpressions, selectorsOf } from './expressions.js';

/** Labels that Prometheus adds, and that of the buckets. */
const ADDED = ['instance', 'job', 'le'];

function known(): Map<string, readonly string[]> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const own = declaredMetrics().flatMap((one) => seriesOf(one).map((series) => [series, one.labels] as const));
  const nodes = registry.getMetricsAsArray().map(({ name }) => [name, []] as const);
  return new Map<string, readonly string[]>([...own, ...nodes, ['up', []]]);
}

describe('dashboards, alerts and the document about them', () => {
  it('name only metrics that the server has, by labels that these have', () => {
    const series = known();
    const all = [...panelExpressions(), ...alertExpressions(), ...documentedExpressions()];
    expect(all.length).toBeGreaterThan(50);
    const wrong = all.flatMap((expression) => {
      const read = selectorsOf(expression);
      if (read.length === 0) return [`${expression.where}: ${expression.text} reads nothing`];
      return read.flatMap(({ series: name, labels }) => {
        const declared = series.get(name);
        if (declared === undefined) return [`${expression.where}: there is no ${name}`];
        const strange = labels.filter((label) => !declared.includes(label) && !ADDED.includes(label));
        return strange.map((label) => `${expression.where}: ${name} has no label ${label}`);
      });
    });
    expect(wrong).toEqual([]);
  });

  it('has a test that makes each alert fire', () => {
    const tests = readFileSync('deploy/prometheus/alerts.test.yml', 'utf8');
    const names = alertExpressions().map(({ where }) => where);
    expect(names).toHaveLength(readFileSync('deploy/prometheus/alerts.yml', 'utf8').match(/- alert:/g)!.length);
    for (const name of names) expect(tests).toContain(`name: ${name} fires`);
  });
});
