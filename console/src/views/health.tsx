import { msOf } from '../net/refusal.js';
import { changes, link, listVersion, model, server, sessions } from '../state.js';
import { bytesWord, count, spanWord } from '../text.js';
import type { ServerLimit } from '../wire/messages.js';
import { Sparkline } from './sparkline.js';

/** How the server is. */
export function HealthView() {
  listVersion.value;
  const facts = server.value;
  if (facts === undefined) {
    return (
      <div class="view">
        <div class="bar">
          <h1>Health</h1>
          <p>The server has not answered yet.</p>
        </div>
      </div>
    );
  }
  const here = Math.max(0, model.nodes.size - 1);
  const attached = [...sessions.value.values()].filter((session) => session.attached).length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="view health" tabIndex={0} aria-label="Health">
      <div class="bar">
        <h1>Health</h1>
      </div>
      <div class="cards">
        <Figure
          title="Sessions"
          value={count(here)}
          note={`${count(attached)} attached, ${count(Math.max(0, here - attached))} not`}
        />
        <Figure
          title="Links between instances"
          value={count(model.links.length)}
          note={`at revision ${count(facts.position?.revision ?? 0)}`}
        />
        <Figure title="Up for" value={spanWord(msOf(facts.uptime))} note={`switchyard ${facts.version}`} />
        <div class="card">
          <h2>Changes a second, last 10 min</h2>
          <Sparkline values={changes.rates(Date.now())} label="changes a second in the last 10 minutes" />
        </div>
      </div>
      <div class="columns">
        <section>
          <h2>Limits in use</h2>
          {facts.limits.length > 0 ? (
            <Limits limits={facts.limits} />
          ) : (
            <p class="muted">
              {link.allows('network.read') ? 'The server tells none.' : 'They are told to those who have network.read.'}
            </p>
          )}
        </section>
        <section>
          <h2>This server</h2>
          <dl>
            <dt>Network</dt>
            <dd>{link.network.value}</dd>
            <dt>UUID</dt>
            <dd>
              <code>{facts.serverUuid}</code>
            </dd>
            <dt>SID</dt>
            <dd>{facts.serverSid}</dd>
            <dt>Epoch</dt>
            <dd>
              <code>{facts.position?.epoch}</code>
            </dd>
            <dt>Build</dt>
            <dd>{facts.commit === '' ? 'not known' : <code>{facts.commit.slice(0, 12)}</code>}</dd>
            {facts.addresses.map(({ codeName, address }) => (
              <>
                <dt>{codeName}</dt>
                <dd>
                  <code>{address}</code>
                </dd>
              </>
            ))}
          </dl>
        </section>
      </div>
    </section>
  );
}

function Figure({ title, value, note }: { title: string; value: string; note: string }) {
  return (
    <div class="card">
      <h2>{title}</h2>
      <p class="figure">{value}</p>
      <p class="muted">{note}</p>
    </div>
  );
}

function Limits({ limits }: { limits: readonly ServerLimit[] }) {
  return (
    <table class="limits">
      <thead>
        <tr>
          <th scope="col">Limit</th>
          <th scope="col" class="number">
            Used
          </th>
          <th scope="col" class="number">
            Of
          </th>
          <th scope="col">Share</th>
        </tr>
      </thead>
      <tbody>
        {limits.map(({ name, used, max, unit }) => {
          const word = (value: number) => (unit === 'bytes' ? bytesWord(value) : count(value));
          const share = max === 0 ? 1 : used / max;
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{word(used)}</td>
              <td class="number">{word(max)}</td>
              <td>
                <meter min={0} max={1} high={0.8} value={share} aria-label={`${name}: ${(share * 100).toFixed(1)} %`} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
