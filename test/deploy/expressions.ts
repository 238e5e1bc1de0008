import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where an expression stands, and what it is. */
export interface Expression {
  readonly where: string;
  readonly text: string;
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

const GRAFANA = 'deploy/grafana';

/** Every expression of every panel. */
export function panelExpressions(): Expression[] {
  return readdirSync(GRAFANA).flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(join(GRAFANA, file), 'utf8')) as Dashboard;
    return panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `${file}: ${title}`, text: expr })),
    );
  });
}

/** Every expression of an alert, by the alert's name. */
export function alertExpressions(): Expression[] {
  const text = readFileSync('deploy/prometheus/alerts.yml', 'utf8');
  return [...text.matchAll(/- alert: (\w+)\n\s+expr: (?:\|\n((?: {10,}.*\n)+)|(.+)\n)/g)].map(
    ([, where, block, line]) => ({ where: where!, text: (block ?? line)!.trim() }),
  );
}

/** The expressions of a document's table "What to ask". */
export function documentedExpressions(): Expression[] {
  const text = readFileSync('docs/observability.md', 'utf8');
  const [, part] = /## What to ask\n([\s\S]*?)\n## /.exec(text) ?? [];
  return [...(part ?? '').matchAll(/`([^`]*switchyard_[^`]*)`/g)].map(([, expression]) => ({
    where: 'docs/observability.md',
    text: expression!.replaceAll('\\|', '|'),
  }));
}

/** What an expression reads: the names of series, and the labels that it selects each by. */
export function selectorsOf({ text }: Expression): { readonly series: string; readonly labels: readonly string[] }[] {
  return [...text.matchAll(/\b(up|(?:switchyard|nodejs|process)_\w+)\b(?:\{([^}]*)\})?/g)].map(
    ([, series, labels]) => ({
      series: series!,
      labels: [...(labels ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!),
    }),
  );
}
