/** signals.mjs - tandemctl signals, with the packs that are installed: every example of theirs holds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { builddir } from '../lib/gateway.mjs';

function signals(lines, ...args) {
    const run = spawnSync(join(builddir, 'tandemctl'), ['signals', ...args],
                          { input: lines.join('\n'), encoding: 'utf8', timeout: 60000 });
    return { ...run, rows: run.stdout.trim().split('\n').filter(Boolean).map((l) => JSON.parse(l)) };
}

test('the packs are good and an empty input is answered with nothing', () => {
    const { status, stdout, stderr } = signals([]);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
});

test('a request for a human is found in five languages, declared or not', () => {
    const texts = { en: 'Could I please talk to a human about this?',
                    de: 'Ich möchte bitte mit einem Menschen sprechen',
                    es: 'Quiero hablar con una persona, por favor',
                    fr: 'Je voudrais parler à un conseiller',
                    da: 'Hej, jeg vil gerne snakke med en rigtig medarbejder' };
    for (const [lang, text] of Object.entries(texts)) {
        const { rows } = signals([JSON.stringify({ id: lang, text, lang }), JSON.stringify({ text })]);
        assert.equal(rows[0].id, lang);
        assert.equal(rows[0].lang, lang);
        assert.deepEqual(rows.map((row) => row.signals.want_human), [true, true]);
    }
});

test('a question whether it is a bot, and a no to a human, are no request', () => {
    const { rows } = signals(['Are you a real person?', "Please don't transfer me to an agent"]
        .map((text) => JSON.stringify({ text })), '--lang', 'en');
    assert.deepEqual(rows.map((row) => row.signals), [{ asks_if_bot: true },
                                                      { declined_human: true }]);
});

test('the line says which language; --lang is for those that do not', () => {
    const { rows } = signals(['{"id":7,"text":"ein Mensch bitte","lang":"de-AT"}',
                              '{"text":"a human please"}', '{"text":"a human","lang":"ja"}'],
                             '--lang', 'en');
    assert.deepEqual(rows.map((row) => row.lang), ['de-AT', 'en', 'ja']);
    assert.equal(rows[0].id, 7);
    assert.deepEqual(rows[2].signals, {});
});

test('a malformed line is told and the others are still answered', () => {
    const { status, rows } = signals(['{"id":"a","text":"hello"}', 'hello', '{"id":"b"}',
                                      '{"text":1}', '', '{"text":"x","lang":3}',
                                      JSON.stringify({ text: 'y'.repeat(1 << 20) }),
                                      '{"id":"c","text":"hello"}']);
    assert.equal(status, 1);
    assert.deepEqual(rows.map((row) => 'error' in row),
                     [false, true, true, true, true, true, false]);
    assert.equal(rows[2].id, 'b');
    assert.equal(rows[6].id, 'c');
});
