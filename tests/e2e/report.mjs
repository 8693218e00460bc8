/**
 * report.mjs - a real gateway, a few conversations through agent and humans, and what the report
 * says of them, against numbers worked out by hand from what was done and when the journal has it.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { builddir, Gateway, srcdir, until } from '../lib/gateway.mjs';
import { peer } from '../lib/peers.mjs';

const Ajv = peer('ajv/dist/2020.js');
const answer = more => 'body:' + JSON.stringify({ messages: [{ text: 'Well.' }], ...more });
const escalate = (code, queue) => answer({
    decision: 'escalate', escalate: { code, queue }, intent: { name: code === 'legal' ? 'law' : 'buy' },
    entities: { order_id: 'A-10023' },
});

let gw, agent, mia, sessions, events = '';

async function listen() {
    const res = await fetch(`${gw.url}/api/v1/events?type=reexplain`,
                            { headers: { authorization: 'Bearer secret' } });
    const reader = res.body.getReader();
    (async () => {
        for (let part; !(part = await reader.read()).done;) events += Buffer.from(part.value);
    })().catch(() => {}); // until the gateway ends
}

const ctl = (...args) => spawnSync(join(builddir, 'tandemctl'),
    ['--socket', join(gw.dir, 'control'), ...args], { encoding: 'utf8' });
const api = async query => {
    const res = await fetch(`${gw.url}/api/v1/report${query}`,
                            { headers: { authorization: 'Bearer secret' } });
    const text = await res.text();
    return { status: res.status, type: res.headers.get('content-type'), text,
             body: res.headers.get('content-type')?.includes('json') ? JSON.parse(text) : null };
};

/** A customer who says this; the agent answers as scripted. */
async function customer(script, text, wait = true) {
    await agent.script('bot', [script, answer({ decision: 'resolve', messages: [{ text: 'Fine.' }] })]);
    const chat = await Chat.open(gw, 'web');
    await chat.say(text);
    await chat.message();
    const handoff = !wait ? null : await until(async () => (await mia.list('queued'))
        .find(h => h.session === chat.welcome.session)?.id, 'the handoff');
    return { chat, handoff, id: chat.welcome.session };
}

function journal(session) {
    const out = execFileSync(join(builddir, 'tandemctl'),
        ['--socket', join(gw.dir, 'control'), 'journal', session], { encoding: 'utf8' });
    return out.split('\n').filter(Boolean).map(line => JSON.parse(line));
}

async function done(promise) {
    const answered = await promise;
    assert.equal(answered.status, 200, JSON.stringify(answered.body));
}

before(async () => {
    agent = await Agent.start();
    gw = await Gateway.start({
        tandem: { admin_token: 'secret' },
        conf: `[channel web]\ntype = webchat\nagent = bot\n
[agent bot]\ntype = http\nurl = ${agent.url('bot')}\nbreaker_failures = 0\n
[desk support]\ntype = web\n
[queue sales]\ndesk = support\n
[queue billing]\ndesk = support\n
[human mia]\nname = Mia\ntoken = token-of-mia\ncapacity = 50\n`,
    });
    mia = new Desk(gw, 'token-of-mia');
    await mia.presence();
    await listen();
    sessions = await talk();
});

after(async () => {
    for (const { chat } of Object.values(sessions ?? {})) chat.close();
    await gw?.close();
    await agent?.stop();
});

/**
 * kept     the agent answers, after it has clarified once; rated 5
 * bought   escalated to sales, answered; the human asks for the order number that the package has,
 *          the customer gives it again; resolved, and the escalation was right; rated 4
 * sued     escalated to billing, answered; the customer says something new; not resolved, and the
 *          escalation was early
 * waits    escalated to billing, and waits
 * left     escalated to sales, and does not wait
 */
async function talk() {
    const kept = await customer(answer({ decision: 'clarify', clarify: { slot: 'size' } }),
                                'shoes?', false);
    await kept.chat.say('size 42');
    await kept.chat.message();
    kept.chat.send({ type: 'rating', score: 5 });

    const bought = await customer(escalate('custom_quote', 'sales'), 'forty chairs, please');
    await done(mia.post(`/handoffs/${bought.handoff}/accept`));
    await done(mia.post(`/handoffs/${bought.handoff}/messages`,
                        { id: '1', text: 'Hello! What is your order number?' }));
    await bought.chat.next(f => f.type === 'message' && f.author.kind === 'human');
    await bought.chat.say('It is A-10023.');
    bought.chat.send({ type: 'rating', score: 4 });
    await until(() => journal(bought.id).some(r => r.type === 'rating'), 'the rating');
    await done(mia.post(`/handoffs/${bought.handoff}/close`,
                        { wrapup: { outcome: 'resolved', escalation: 'right' } }));

    const sued = await customer(escalate('legal', 'billing'), 'the machine is so loud');
    await done(mia.post(`/handoffs/${sued.handoff}/accept`));
    await done(mia.post(`/handoffs/${sued.handoff}/messages`, { id: '2', text: 'Why?' }));
    await sued.chat.next(f => f.type === 'message' && f.author.kind === 'human');
    await sued.chat.say('because of the noise at night');
    await done(mia.post(`/handoffs/${sued.handoff}/return`,
                        { wrapup: { outcome: 'unresolved', escalation: 'early' } }));

    const waits = await customer(escalate('refund_dispute', 'billing'), 'my money back');
    const left = await customer(escalate('custom_quote', 'sales'), 'a chair');
    left.chat.send({ type: 'leave' });
    await until(() => journal(left.id).some(r => r.type === 'handoff_end'), 'the end');
    await until(() => journal(kept.id).some(r => r.type === 'rating'), 'the rating');
    return { kept, bought, sued, waits, left };
}

/** From the escalation's commit to the human's first message, in s, as the journal has them. */
function response({ id }) {
    const records = journal(id), human = 2; // of enum td_author, as in the journal
    const first = records.find(r => r.type === 'reply' && r.author === human && r.handoff);
    return (first.at - records.find(r => r.type === 'handoff').at) / 1000;
}

/* Five sessions, four of them escalated: 4/5 and 1/5. Two answered; of the four escalations one
 * was abandoned, one waits. Two customers spoke after the human: one repeated, and was asked. */
test('the report says what was done', async () => {
    const { body, status } = await api('');
    const times = [response(sessions.bought), response(sessions.sued)].sort((a, b) => a - b);
    const t = body.total;

    assert.equal(status, 200);
    assert.deepEqual([t.sessions, t.escalated, t.answered], [5, 4, 2]);
    assert.deepEqual([t.escalation_rate, t.containment], [0.8, 0.2]);
    assert.deepEqual([t.escalations, t.waiting, t.abandoned, t.abandonment], [4, 1, 1, 0.25]);
    assert.equal(t.responses, 2);
    assert.deepEqual([t.response_p50_s, t.response_p95_s], times);
    assert.deepEqual([t.business_p50_s, t.business_p95_s], times, 'always open');
    assert.deepEqual([t.unanswered_15m_of, t.unanswered_15m], [0, null], 'too early to tell');
    assert.deepEqual([t.queue_served, t.queue_unserved], [2, 1]);
    assert.deepEqual([t.reexplain_of, t.reexplain_unknown], [2, 0]);
    assert.deepEqual([t.reexplain_identifier, t.reexplain_words, t.reexplain_told,
                      t.reexplain_asked], [1, 0, 0, 1]);
    assert.deepEqual([t.re_explain_rate, t.re_ask_rate], [0.5, 0.5]);
    assert.equal(t.resolved_without_repetition, 0, 'the one that was resolved was repeated');
    assert.deepEqual([t.on_time, t.early, t.late, t.needless, t.missed], [1, 1, 0, 0, 0]);
    assert.deepEqual([t.precision, t.recall], [1, 1]);
    assert.deepEqual([t.resolved, t.clarify_per_resolved], [2, 0.5]);
    assert.deepEqual([t.resolution_contained, t.resolution_human], [1, 0.5]);
    assert.deepEqual([t.csat_contained_mean, t.csat_human_mean], [5, 4]);
    assert.deepEqual([t.agent_failures, t.unanswered_questions, t.promises_made], [0, 0, 0]);
    assert.deepEqual(body.escalations.map(e => [e.intent, e.reason, e.outcome, e.count]).sort(), [
        ['buy', 'custom_quote', 'closed', 1], ['buy', 'custom_quote', 'left', 1],
        ['buy', 'refund_dispute', 'waiting', 1], ['law', 'legal', 'returned', 1],
    ]);
});

test('metrics and events have it as it happens', async () => {
    let text;
    const metric = name => Number(text.split('\n').find(l => l.startsWith(`tandem_${name} `))
        ?.split(' ')[1]);
    await until(async () => { // once a second
        text = await (await fetch(`${gw.url}/metrics`)).text();
        return metric('queue_waiting{queue="billing"}') === 1;
    }, 'the length of the queue');
    for (const [queue, reason, outcome] of [['sales', 'custom_quote', 'closed'],
                                            ['sales', 'custom_quote', 'left'],
                                            ['billing', 'legal', 'returned']])
        assert.equal(metric(`handoffs_total{queue="${queue}",reason="${reason}",` +
                            `outcome="${outcome}"}`), 1, outcome);
    assert.equal(metric('human_response_seconds_count{queue="sales"}'), 1);
    assert.ok(Math.abs(metric('human_response_seconds_sum{queue="sales"}') -
                       response(sessions.bought)) < 0.001);
    assert.match(text, /human_response_seconds_bucket\{queue="billing",le="86400"\} 1/);
    assert.equal(metric('clarify_turns_total'), 1);
    assert.equal(metric('reexplain_total{sign="identifier"}'), 1);
    assert.equal(metric('reexplain_total{sign="asked"}'), 1);
    assert.doesNotMatch(text, /reexplain_total\{sign="words"/);
    const told = events.split('\n').filter(l => l.startsWith('data: '))
        .map(l => JSON.parse(l.slice(6)));
    assert.deepEqual(told.map(e => [e.type, e.session, e.facts.signs]), [
        ['reexplain', sessions.bought.id, ['asked']],
        ['reexplain', sessions.bought.id, ['identifier']],
    ]);
});

test('by queue, reason, intent, channel and agent each escalation is in its own group', async () => {
    const group = async (by, figure) => Object.fromEntries(
        (await api(`?by=${by}`)).body.groups.map(g => [g.name, g[figure]]));

    assert.deepEqual(await group('queue', 'escalations'), { billing: 2, sales: 2 });
    assert.deepEqual(await group('queue', 'responses'), { billing: 1, sales: 1 });
    assert.deepEqual(await group('queue', 'response_p50_s'),
                     { billing: response(sessions.sued), sales: response(sessions.bought) });
    assert.deepEqual(await group('reason', 'waiting'),
                     { custom_quote: 0, legal: 0, refund_dispute: 1 });
    assert.deepEqual(await group('intent', 'sessions'), { '(none)': 1, buy: 3, law: 1 });
    assert.deepEqual(await group('channel', 'escalated'), { web: 4 });
    assert.deepEqual(await group('agent', 'containment'), { bot: 0.2 });
});

test('behind a figure are its sessions', async () => {
    const behind = async query => (await api(query)).body.sessions.map(s => s.session).sort();
    const ids = (...names) => names.map(n => sessions[n].id).sort();

    assert.deepEqual(await behind('?sessions=escalated'), ids('bought', 'sued', 'waits', 'left'));
    assert.deepEqual(await behind('?sessions=contained'), ids('kept'));
    assert.deepEqual(await behind('?sessions=waiting'), ids('waits'));
    assert.deepEqual(await behind('?sessions=abandoned'), ids('left'));
    assert.deepEqual(await behind('?sessions=reexplain_identifier'), ids('bought'));
    assert.deepEqual(await behind('?sessions=early'), ids('sued'));
    assert.deepEqual(await behind('?sessions=all&by=queue&group=billing'), ids('sued', 'waits'));
    assert.deepEqual(await behind('?sessions=missed'), []);
});

test('tables, CSV and JSON come from the same figures', async () => {
    const text = ctl('report', '--by', 'queue');
    assert.equal(text.status, 0, text.stderr);
    assert.match(text.stdout, /escalation rate +80\.0%/);
    assert.match(text.stdout, /^queue +sessions +escalations/m);
    assert.match(text.stdout, /^billing +2 +2 +1 +1 +0/m);
    assert.match(text.stdout, /^buy +refund_dispute +waiting +1$/m);
    const json = JSON.parse(ctl('--json', 'report', '--by', 'queue').stdout);
    assert.deepEqual(json.groups, (await api('?by=queue')).body.groups);
    const csv = await api('?by=queue&format=csv');
    assert.match(csv.type, /^text\/csv/);
    const [head, ...rows] = csv.text.trimEnd().split('\r\n').map(line => line.split(','));
    assert.deepEqual(rows.map(r => r[0]), ['billing', 'sales']);
    for (const [i, group] of json.groups.entries())
        for (const [at, name] of head.entries())
            if (at > 0)
                assert.equal(rows[i][at], group[name] === null ? '' : String(group[name]), name);
    assert.equal(ctl('report', '--by', 'queue', '--csv').stdout, csv.text);
    assert.match(ctl('report', '--sessions', 'early').stdout, new RegExp(sessions.sued.id));
});

test('what was asked wrongly is named, with what would be right', async () => {
    for (const [query, words] of [
        ['?from=yesterday', /from is 'yesterday': give a day \(2026-11-23\)/],
        ['?to=2026-02-30', /to is '2026-02-30'/], ['?from=1d&to=2d', /from must be before to/],
        ['?by=queu', /by is 'queu', did you mean queue\?: it is one of intent, reason, queue/],
        ['?sessions=escalate', /did you mean escalated\?/], ['?format=xml', /json or csv/],
        ['?group=sales', /give by=queue/], ['?by=queue&group=sales', /group goes with sessions/],
        ['?form=1d', /did you mean from\?/], ['?columns=61', /columns is '61'.* 1 to 60/], [`?from=${'1'.repeat(300)}`, /from is too long/],
    ]) {
        const { status, body } = await api(query);
        assert.equal(status, 400, query);
        assert.match(body.error.message, words);
    }
    const wrong = ctl('report', '--by', 'quee');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /did you mean queue\?/);
});

test('from and to take days, times and how long ago', async () => {
    const day = new Date().toISOString().slice(0, 10);
    const count = async query => (await api(query)).body.total.sessions;

    assert.equal(await count(`?from=${day}`) + await count(`?from=2d&to=${day}`), 5);
    assert.equal(await count('?from=1h'), 5);
    const { body: { columns, total } } = await api('?from=2h&columns=3');
    assert.deepEqual(columns.map(one => one.sessions), [0, 0, 5]);
    assert.deepEqual(columns[2].escalation_rate, total.escalation_rate);
    assert.equal(await count('?from=2020-01-01&to=2020-02-01T12:00:00.5Z'), 0);
    assert.equal(await count(`?from=${encodeURIComponent(new Date(Date.now() - 1e6).toISOString())}`),
                 5);
});

test('a report is as its schema says', { skip: !Ajv && 'no ajv' }, async () => {
    const schema = JSON.parse(readFileSync(join(srcdir, 'conf/schemas/report.json')));
    const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema);
    for (const query of ['', '?by=queue', '?by=intent', '?sessions=all',
                         '?by=queue&sessions=escalated&group=sales', '?from=1m', '?columns=7'])
        assert.ok(validate((await api(query)).body),
                  `${query}: ${JSON.stringify(validate.errors)}`);
    const { body } = await api('');
    body.total.escalation_rate = 1.1;
    assert.equal(validate(body), false, 'the schema has teeth');
});

/** What compaction does in the end: of this session no record is left, only its snapshot. */
function forget(id) {
    const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    const hex = [...id].reduce((n, c) => n * 32n + BigInt(digits.indexOf(c)), 0n)
        .toString(16).padStart(32, '0');
    execFileSync('sqlite3', [gw.store,
        `DELETE FROM body WHERE id IN (SELECT id FROM journal WHERE session = x'${hex}');` +
        ['journal', 'place'].map(t => `DELETE FROM ${t} WHERE session = x'${hex}';`).join('')]);
}

const noSqlite = spawnSync('sqlite3', ['-version']).error && 'sqlite3 is not installed';

test('what the journal has forgotten the report still knows', { skip: noSqlite }, async () => {
    const { total, escalations, incomplete } = (await api('')).body;
    await gw.stop();
    for (const name of ['kept', 'bought', 'sued']) forget(sessions[name].id);
    await gw.start();
    assert.equal(journal(sessions.bought.id).filter(r => r?.type === 'reply').length, 0);
    const again = (await api('')).body;
    assert.deepEqual(again.total, total);
    assert.deepEqual(again.escalations, escalations);
    assert.equal(again.incomplete, incomplete);
});

test('a restart changes nothing', async () => {
    const { total, escalations } = (await api('')).body;
    await gw.restart();
    const again = (await api('')).body;
    assert.deepEqual(again.total, total);
    assert.deepEqual(again.escalations, escalations);
});
