/**
 * paraphrases.mjs - the shipped packs on what customers say in other words: tests/data/paraphrases.txt,
 * of which nothing stands in a pack. Each signal of each language finds nine of ten, and nothing that
 * is not one.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { builddir, srcdir } from '../lib/gateway.mjs';

const rows = readFileSync(join(srcdir, 'tests/data/paraphrases.txt'), 'utf8').split('\n')
    .map(line => /^(\w\w) (-?)(\w+) (.+)$/.exec(line)).filter(Boolean)
    .map(([, lang, minus, signal, text]) => ({ lang, signal, text, wanted: minus === '' }));
const run = spawnSync(join(builddir, 'tandemctl'), ['signals'], {
    encoding: 'utf8', input: rows.map(({ text, lang }) => JSON.stringify({ text, lang })).join('\n') });
run.stdout.trim().split('\n').forEach((line, i) => {
    rows[i].found = JSON.parse(line).signals[rows[i].signal] === true;
});

const keys = [...new Set(rows.map(({ lang, signal }) => `${lang} ${signal}`))];
for (const key of keys) {
    test(`${key} is found in other words`, () => {
        const mine = rows.filter(row => `${row.lang} ${row.signal}` === key);
        const wanted = mine.filter(row => row.wanted), missed = wanted.filter(row => !row.found);
        assert.ok(missed.length <= wanted.length / 10, missed.map(row => row.text).join('\n'));
        assert.deepEqual(mine.filter(row => !row.wanted && row.found).map(row => row.text), []);
    });
}

test('no paraphrase stands in a pack', () => {
    for (const { lang, signal, text } of rows) {
        const pack = readFileSync(join(srcdir, 'conf/packs', lang, `${signal}.pack`), 'utf8');
        assert.ok(!pack.split('\n').includes(`yes ${text}`), text);
    }
});
