import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { METHODS, type Method, type MethodRule, ruleOf } from '../../../src/core/model/trust/permission.js';

const FOLDER = 'proto/switchyard/v1';
/** Permissions that every session or everybody has in the modes of before there was a policy: no comment has to name them. */
const ANYBODYS = ['session.open', 'session.own', 'graph.read'];

/** The comment before each method of the API, in one line. */
const comments = new Map(
  readdirSync(FOLDER)
    .map((file) => readFileSync(`${FOLDER}/${file}`, 'utf8'))
    .flatMap((text) => [...text.matchAll(/((?: {2}\/\/.*\n)+) {2}rpc (\w+)/g)])
    .map(([, comment, name]) => [name!, comment!.replaceAll(/\s*\/\/ ?/g, ' ').trim()] as const),
);
const methods = (Object.keys(METHODS) as Method[]).filter((name) => comments.has(name));

function named({ needs, others }: MethodRule): string[] {
  return [needs, others].filter((one) => one?.includes('.') && !ANYBODYS.includes(one)) as string[];
}

describe('the comment of a method in the protos', () => {
  it('is found for most methods', () => {
    expect(methods.length).toBeGreaterThan(30);
  });

  it.each(methods)('names the permission that is asked for, and no administrator in its place: %s', (name) => {
    const [, needs = ''] = /(Needs (?:(?!Needs ).)*)$/.exec(comments.get(name)!) ?? [];
    for (const permission of named(ruleOf(name))) expect(needs).toContain(permission);
    expect(needs).not.toMatch(/Needs (a session or )?an administrator/);
  });
});
