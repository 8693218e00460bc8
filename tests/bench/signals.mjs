/**
 * signals.mjs - how well the phrase packs do on labelled messages: precision and recall in all, per
 * source, and on either half of the rows.
 *
 *   node tests/bench/signals.mjs DIRECTORY    with utterances.jsonl and injections.jsonl in it
 *
 * Without a directory that has them it says so and ends with 77. Ends with 1 when a bound is missed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const dir = process.argv[2] ?? '../shared/data';
const files = ['utterances.jsonl', 'injections.jsonl'].map((name) => join(dir, name));
if (!files.every((file) => existsSync(file))) {
    console.log(`no utterances.jsonl and injections.jsonl in ${dir}: nothing is measured`);
    process.exit(77);
}
const ctl = resolve(process.env.top_builddir ?? '.', 'tandemctl');
const rows = files.flatMap((file) => readFileSync(file, 'utf8').trim().split('\n').map(JSON.parse));
const asked = rows.map(({ id, text, lang }) => JSON.stringify({ id, text, lang: lang ?? 'en' }));
const run = spawnSync(ctl, ['signals'], { input: asked.join('\n') + '\n', encoding: 'utf8',
                                          maxBuffer: 1 << 28 });
if (run.status !== 0) {
    console.error(run.stderr);
    process.exit(1);
}
run.stdout.trim().split('\n').forEach((line, i) => {
    rows[i].found = JSON.parse(line).signals;
    rows[i].half = createHash('md5').update(rows[i].id).digest()[15] & 1;
});

const is = (...labels) => (row) => row.labels.some((label) => labels.includes(label));
const english = (row) => (row.lang ?? 'en') === 'en';
const percent = (n, of) => of ? `${(100 * n / of).toFixed(2)} %` : '-';
let missed = 0;

function bound(name, value, holds) {
    console.log(`  ${holds ? 'holds ' : 'MISSED'} ${name}: ${value}`);
    missed += !holds;
}

/** Counts over the rows of `from`; positives are told from negatives by their labels. */
function count(from, positive, negative, signals) {
    const raised = (row) => signals.some((signal) => row.found[signal]);
    const yes = from.filter(positive), no = from.filter((row) => !positive(row) && negative(row));
    const tp = yes.filter(raised).length, fp = no.filter(raised).length;
    const precision = tp + fp ? tp / (tp + fp) : 1, recall = yes.length ? tp / yes.length : 0;
    return { tp, fp, yes: yes.length, no: no.length, precision, recall,
             f1: 2 * precision * recall / (precision + recall || 1) };
}

function table(name, from, positive, negative, signals) {
    console.log(`\n${name}`);
    const parts = [['first half', from.filter((row) => row.half === 0)],
                   ['second half', from.filter((row) => row.half === 1)],
                   ...[...new Set(from.map((row) => row.source))].sort()
                       .map((source) => [source, from.filter((row) => row.source === source)])];
    for (const [part, some] of parts) {
        const c = count(some, positive, negative, signals);
        if (c.yes + c.no > 0)
            console.log(`  ${part.padEnd(28)} found ${c.tp}/${c.yes}, wrongly ${c.fp}/${c.no}`);
    }
    return count(from, positive, negative, signals);
}

const neutral = rows.filter(is('neutral_service'));
const human = table('want_human, English', rows.filter(english), is('want_human'),
                    is('neutral_service', 'out_of_scope', 'bot_question', 'sales_intent', 'complaint'),
                    ['want_human']);
bound('recall >= 0.92', human.recall.toFixed(3), human.recall >= 0.92);
bound('precision >= 0.95', human.precision.toFixed(3), human.precision >= 0.95);
const bots = rows.filter(is('bot_question'));
const mistaken = bots.filter((row) => row.found.want_human).length;
bound('bot_question rows that raise it <= 1 %', percent(mistaken, bots.length),
      mistaken <= bots.length / 100);
console.log('\nneutral rows of all languages');
for (const signal of ['want_human', 'cancel_threat', 'vulnerable', 'injection']) {
    const n = neutral.filter((row) => row.found[signal]).length;
    bound(`${signal} <= 0.1 %`, percent(n, neutral.length), n <= neutral.length / 1000);
}
const upset = table('upset, English', rows.filter(english), is('complaint', 'insult', 'frustration'),
                    is('neutral_service', 'out_of_scope', 'sales_intent'),
                    ['complaint', 'insult', 'cancel_threat', 'already_told']);
console.log(`  precision ${upset.precision.toFixed(3)}, recall ${upset.recall.toFixed(3)}`);
bound('F1 >= 0.82', upset.f1.toFixed(3), upset.f1 >= 0.82);
const injection = table('injection', rows, is('injection'), is('neutral_service'), ['injection']);
bound('recall >= 0.80', injection.recall.toFixed(3), injection.recall >= 0.8);
process.exit(missed ? 1 : 0);
