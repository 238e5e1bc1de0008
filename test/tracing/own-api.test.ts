import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Context, type ContextManager, context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Switchyard } from '../../src/client/index.js';
import { ownTracer } from '../../src/tracing/own-api.js';
import { type Running, run } from '../grpc/running.js';

/** The active context of what runs at once. */
class OneContext implements ContextManager {
  #active: Context = ROOT_CONTEXT;

  active(): Context {
    return this.#active;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    run: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const before = this.#active;
    this.#active = active;
    try {
      return run.call(self, ...args);
    } finally {
      this.#active = before;
    }
  }

  bind<T>(_context: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

let at: Running;
beforeAll(async () => {
  at = await run();
});
afterAll(async () => {
  trace.disable();
  context.disable();
  await at.stop();
});

describe("a program's own OpenTelemetry", () => {
  it('is no tracer until the program has registered one', () => {
    expect(ownTracer(() => '1')).toBeUndefined();
  });

  it("has the client's calls below the program's active span", async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new OneContext());
    const yard = new Switchyard({ server: at.address });
    const mine = trace.getTracer('program').startSpan('what the program does');
    await context.with(trace.setSpan(context.active(), mine), () => yard.getServer());
    mine.end();
    const [call] = exporter.getFinishedSpans().filter(({ name }) => name.endsWith('/GetServer'));
    expect(call.spanContext().traceId).toBe(mine.spanContext().traceId);
    expect(call.parentSpanContext?.spanId).toBe(mine.spanContext().spanId);
    await yard.close();
    trace.disable();
    expect(ownTracer(() => '1')).toBeUndefined();
  });
});
