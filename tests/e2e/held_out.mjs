/**
 * held_out.mjs - the shipped packs on tests/data/held_out.txt, which no pack was tuned on: how many of
 * the messages that show something are found, and how few of the others.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { builddir, srcdir } from '../lib/gateway.mjs';

const read = name => readFileSync(join(srcdir, 'tests/data', name), 'utf8').split('\n')
    .map(line => /^(\w\w) (\w+) (.+)$/.exec(line)).filter(Boolean)
    .map(([, lang, kind, text]) => ({ lang, kind, text }));
const rows = read('held_out.txt'), unheard = read('unheard.txt'), all = [...rows, ...unheard];
const run = spawnSync(join(builddir, 'tandemctl'), ['signals'], {
    encoding: 'utf8', input: all.map(({ text, lang }) => JSON.stringify({ text, lang })).join('\n') });
run.stdout.trim().split('\n').forEach((line, i) => { all[i].found = JSON.parse(line).signals; });

const of = (lang, ...kinds) => rows.filter(row => row.lang === lang && kinds.includes(row.kind));
const raising = (some, ...signals) => some.filter(row => signals.some(s => row.found[s]));
const said = some => some.map(row => row.text).join('\n');

/** Recall, precision and F1 of any of the signals. */
function score(wanted, others, ...signals) {
    const found = raising(wanted, ...signals).length, wrong = raising(others, ...signals).length;
    const recall = found / wanted.length, precision = found / (found + wrong || 1);
    return { recall, precision, f1: 2 * recall * precision / (recall + precision || 1) };
}

test('no row stands in a pack', () => {
    for (const { lang, kind, text } of all) {
        const name = { bot_question: 'asks_if_bot' }[kind] ?? kind;
        let pack;
        try {
            pack = readFileSync(join(srcdir, 'conf/packs', lang, `${name}.pack`), 'utf8');
        } catch {
            continue; /* not every kind has a pack */
        }
        assert.ok(!pack.split('\n').includes(`yes ${text}`), text);
    }
});

test('nine of ten requests for a human are found in English, and nothing that is none', () => {
    const others = of('en', 'neutral_service', 'out_of_scope', 'bot_question', 'sales_intent', 'complaint');
    const { recall, precision } = score(of('en', 'want_human'), others, 'want_human');
    assert.ok(recall >= 0.92 && precision >= 0.95, `recall ${recall}, precision ${precision}`);
});

test('who is upset is told from who is not', () => {
    const { f1 } = score(of('en', 'complaint', 'insult', 'frustration'),
                         of('en', 'neutral_service', 'out_of_scope', 'sales_intent'),
                         'complaint', 'insult', 'cancel_threat', 'already_told');
    assert.ok(f1 >= 0.82, `F1 ${f1}`);
});

test('orders to the machine, threats to leave, need and questions for a bot are found', () => {
    for (const [kind, signal] of [['injection', 'injection'], ['cancel_threat', 'cancel_threat'],
                                  ['vulnerable', 'vulnerable'], ['bot_question', 'asks_if_bot']]) {
        const { recall } = score(of('en', kind), [], signal);
        assert.ok(recall >= 0.8, `${kind}: ${recall}`);
    }
});

test('neutral messages of any language raise nothing that hands over', () => {
    const neutral = rows.filter(row => ['neutral', 'neutral_service', 'out_of_scope'].includes(row.kind));
    assert.equal(said(raising(neutral, 'want_human', 'cancel_threat', 'vulnerable', 'injection')), '');
    assert.equal(said(raising(of('en', 'bot_question'), 'want_human')), '');
});

for (const lang of ['de', 'es', 'fr', 'da']) {
    test(`four of five are found in ${lang}, and no neutral one`, () => {
        const neutral = of(lang, 'neutral');
        const missed = [], all = [];
        for (const kind of ['want_human', 'cancel_threat', 'complaint', 'declined_human', 'asks_if_bot',
                            'already_told']) {
            const mine = of(lang, kind);
            all.push(...mine);
            missed.push(...mine.filter(row => !row.found[kind]));
            assert.equal(said(raising(neutral, kind)), '', kind);
        }
        assert.ok(missed.length <= all.length / 5, said(missed));
        assert.equal(said(raising(of(lang, 'declined_human', 'asks_if_bot'), 'want_human')), '');
    });
}

/* What was measured the first time. A pack that gets worse on them has been taught by heart. */
for (const [lang, least] of Object.entries({ de: 0.46, es: 0.57, fr: 0.68, da: 0.64, en: 0.69 })) {
    test(`of what nobody thought of, ${lang} finds ${100 * least} %, and nothing in what is neutral`, () => {
        const mine = unheard.filter(row => row.lang === lang), wanted = mine.filter(row => row.kind !== 'neutral');
        const found = wanted.filter(row => row.found[row.kind]).length;
        assert.ok(found / wanted.length >= least, `${found} of ${wanted.length}`);
        assert.deepEqual(mine.filter(row => row.kind === 'neutral' && Object.keys(row.found).length).map(row => row.text), []);
    });
}
