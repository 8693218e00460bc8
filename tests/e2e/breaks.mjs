/**
 * breaks.mjs - sixty talks in which an agent should give way, or should not, through one gateway
 * with the rules that are installed: expected side, reason, and the message at which it happens.
 *
 * tests/e2e/breaks/KIND.json: [{ name, said: [the customer's messages], answers: [the agent's, one a
 * message; a list: one a question], at: the message at which a human takes over (0: none), code,
 * also, never: what the customer must not read, heard: what they must, offered, locale }].
 * An answer is that of agent-answer.json, or { http: status }, { slow: true }, { raw: text }.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Chat } from '../lib/chat.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const KINDS = ['missing_knowledge', 'policy_exception', 'injection', 'two_intents',
    'aggressive_customer', 'failing_backend'];
const TOKEN = 'token-of-the-operator';
const talks = new Map(KINDS.flatMap(kind => JSON.parse(readFileSync(
    fileURLToPath(new URL(`breaks/${kind}.json`, import.meta.url)))).map((talk, i) =>
    [`${kind}-${i}`, { ...talk, kind, asked: new Map() }])));
let server, gw;

/** The k-th answer of the talk for the k-th message, and of a list one after another. */
function answer(body, res) {
    const talk = talks.get(body.session.customer.id);
    const said = [...body.history, ...body.messages].filter(m => m.author === 'customer').length;
    let next = talk.answers[said - 1];
    if (Array.isArray(next)) {
        const n = talk.asked.get(said) ?? 0;
        talk.asked.set(said, n + 1);
        next = next[Math.min(n, next.length - 1)];
    }
    if (next === undefined) next = { silent: 'there is nothing more' };
    if (next.slow) return;
    if (next.http) return res.writeHead(next.http).end();
    res.setHeader('Content-Type', 'application/json').end(next.raw ?? JSON.stringify(next));
}

before(async () => {
    server = createServer((req, res) => {
        const chunks = [];
        req.on('data', chunk => chunks.push(chunk));
        req.on('end', () => answer(JSON.parse(Buffer.concat(chunks)), res));
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${server.address().port}/`;
    gw = await Gateway.start({
        tandem: { admin_token: TOKEN, retry: '20ms', attempts: 2 },
        conf: KINDS.map(kind => `[channel ${kind}]\ntype = webchat\nagent = ${kind}\nrate = 0\n` +
            `[agent ${kind}]\ntype = http\nurl = ${url}\nbreaker_failures = 0\n` +
            `deadline = ${kind === 'failing_backend' ? '2s' : '30s'}\n`).join('') +
            '[desk support]\ntype = web\n[queue support]\ndesk = support\n' +
            '[human mia]\nname = Mia\ntoken = token-mia\ndesks = support\n',
    });
});

after(async () => {
    await gw?.close();
    server?.closeAllConnections();
    server?.close();
});

async function points(session) {
    const res = await fetch(`${gw.url}/api/v1/sessions/${session}/policy`,
                            { headers: { Authorization: `Bearer ${TOKEN}` } });
    assert.equal(res.status, 200);
    return (await res.json()).points;
}

/** Of the n-th message on: something was decided about it. */
function settled(all, n) {
    const messages = all.filter(p => p.what === 'message');
    if (messages.length < n) return false;
    const behind = all.filter(p => p.seq > messages[n - 1].seq);
    return all.some(p => p.what === 'handoff') ||
        behind.some(p => p.outcome === 'offered' ||
            (p.what === 'turn_end' && (p.outcome !== 'failed' || p.code)) &&
            !behind.some(r => r.what === 'result' && r.seq === Math.max(...behind.map(b => b.seq))));
}

async function play(id, talk) {
    const chat = await Chat.open(gw, talk.kind, {
        hello: { locale: talk.locale ?? 'en', customer: { id } },
    });
    let all;

    for (const [i, text] of talk.said.entries()) {
        await chat.say(text, undefined, 30000);
        await until(async () => settled(all = await points(chat.welcome.session), i + 1),
                    `${talk.name}: a decision about '${text}'`, 30000);
    }
    const handoff = all.find(p => p.what === 'handoff');
    const at = handoff ? all.filter(p => p.what === 'message' && p.seq < handoff.seq).length : 0;
    assert.equal(at, talk.at, `${talk.name}: at message ${at} (${handoff?.code})`);
    if (talk.at) assert.equal(handoff.code, talk.code, talk.name);
    if (talk.also) assert.match(handoff.also ?? '', new RegExp(talk.also), talk.name);
    if (talk.offered)
        assert(all.some(p => p.what === 'rule' && p.outcome === 'offered'), talk.name);
    const read = () => chat.frames.filter(f => f.type === 'message' || f.type === 'delta')
        .map(f => f.text ?? '').join('\n');
    if (talk.heard)
        await until(() => read().includes(talk.heard), `${talk.name}: '${talk.heard}'`, 30000);
    await sleep(50);
    if (talk.never) assert(!read().includes(talk.never), `${talk.name}: ${read()}`);
    chat.close();
}

for (const kind of KINDS)
    test(`${kind}: ten talks go to the side, for the reason and at the message they should`,
         async () => {
             const ten = [...talks].filter(([, talk]) => talk.kind === kind);
             assert.equal(ten.length, 10);
             const ends = await Promise.allSettled(ten.map(([id, talk]) => play(id, talk)));
             const wrong = ends.filter(e => e.status === 'rejected').map(e => e.reason.message);
             assert.equal(wrong.length, 0, wrong.join('\n'));
         });

test('why is told for one point, and an unknown session is not there', async () => {
    const chat = await Chat.open(gw, 'two_intents', { hello: { locale: 'en',
        customer: { id: 'two_intents-0' } } });
    const seq = await chat.say('I want to talk to a human');
    const ask = path => fetch(`${gw.url}/api/v1/sessions/${path}`,
                              { headers: { Authorization: `Bearer ${TOKEN}` } });
    const all = (await (await ask(`${chat.welcome.session}/policy?seq=${seq}`)).json()).points;
    assert.deepEqual(all.map(p => p.what), ['message', 'rule', 'handoff']);
    assert.equal(all[1].rule, 'human');
    assert.match(all[1].values, /want_human=1/);
    assert.equal((await ask('01ARZ3NDEKTSV4RRFFQ69G5FAV/policy')).status, 404);
    chat.close();
});

test('other rules are tried on what was said: sides change, and nothing happens', async () => {
    const post = rules => fetch(`${gw.url}/api/v1/policy/try`, {
        method: 'POST', headers: { Authorization: `Bearer ${TOKEN}` },
        body: JSON.stringify({ rules, since_s: 3600 }),
    });
    const bad = await post('[rule x]\ncode = frustration\nwhen = complain\n');
    assert.equal(bad.status, 400);
    assert.match((await bad.json()).error.message, /did you mean 'complaint'/);

    const run = async rules => {
        const begun = await post(rules);
        assert.equal(begun.status, 202);
        const { id } = await begun.json();
        return until(async () => {
            const state = await (await fetch(`${gw.url}/api/v1/policy/try/${id}`,
                { headers: { Authorization: `Bearer ${TOKEN}` } })).json();
            return state.finished && state;
        }, 'the end of the trial', 30000);
    };
    const same = await run(readFileSync(fileURLToPath(
        new URL('../../conf/rules/default.conf', import.meta.url)), 'utf8'));
    assert.equal(same.sessions, talks.size + 1);
    assert.deepEqual(same.changes, [], 'the same rules change nothing');
    assert.equal(same.handed_over, same.would_be);
    const other = await run('[rule early]\ncode = frustration\nwhen = insult\n');
    assert(other.changes.some(c => c.change === 'human' && c.would.rule === 'early'));
    assert(other.changes.some(c => c.change === 'agent' && c.was.code === 'legal'));
    assert.equal(other.late, other.changes.filter(c => c.change === 'agent').length);
});
