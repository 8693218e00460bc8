/**
 * handoff.mjs - a whole daemon with a desk of humans: from the agent to one of them and back, on the
 * same channel; many who want the same one; and kill -9 in each phase, after which the customer has
 * heard each thing exactly once.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { Gateway, builddir, until } from '../lib/gateway.mjs';

const HUMANS = 20;
const ESCALATE = 'body:' + JSON.stringify({
    decision: 'escalate', escalate: { code: 'custom_quote', text: 'wants a quote' },
    summary: 'Wants a quote for 40 chairs.', intent: { name: 'quote', confidence: 0.9 },
});
const names = Array.from({ length: HUMANS }, (_, i) => `h${i}`);

let gw, agent;

const conf = () => `
[agent bot]
type = http
url = ${agent.url('bot')}
breaker_failures = 0
[channel web]
type = webchat
agent = bot
[desk support]
type = web
allow = name
[queue sales]
desk = support
[queue locked]
desk = support
skills = rare
${names.map(n => `[human ${n}]\nname = Human ${n}\ntoken = token-of-${n}\ncapacity = 50`).join('\n')}
[human single]
token = token-of-single
skills = rare
capacity = 1
`;

before(async () => {
    agent = await Agent.start();
    gw = await Gateway.start({ conf: conf() });
});

after(async () => {
    await gw?.close();
    await agent?.stop();
});

/** The desk's API as one human: { status, ...body }. */
async function desk(human, method, path, body, headers = {}) {
    const answer = await fetch(`${gw.url}/desk/v1${path}`, {
        method, headers: { authorization: `Bearer token-of-${human}`, ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, ...(text ? JSON.parse(text) : {}) };
}

const post = (human, path, body, headers) => desk(human, 'POST', path, body ?? {}, headers);
const ctl = (...args) => JSON.parse(execFileSync(join(builddir, 'tandemctl'),
    ['--socket', join(gw.dir, 'control'), '--json', ...args], { encoding: 'utf8' }));

/** A new customer who is waiting for a human: { chat, id }. */
async function waiting(text = 'a quote, please') {
    await agent.script('bot', [ESCALATE, 'ok']);
    const chat = await Chat.open(gw, 'web');
    await chat.say(text);
    const id = await until(async () => {
        const list = await desk('h0', 'GET', '/handoffs?state=queued');
        return list.handoffs.find(h => h.session === chat.welcome.session)?.id;
    }, 'the handoff', 10000);
    return { chat, id, session: chat.welcome.session };
}

/** What the customer has been shown as messages, all of it, by a fresh replay. */
async function shown(chat) {
    const again = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume, last_seq: 0 } });
    again.send({ type: 'nothing' }); // its refusal comes after the replay
    await again.next('error');
    const list = again.frames.filter(f => f.type === 'message').map(f => f.text);
    return { again, list };
}

test('from the agent to a human and back, on the same channel', async () => {
    const { chat, id } = await waiting();
    const listed = (await desk('h0', 'GET', '/handoffs?state=queued')).handoffs
        .find(h => h.id === id);
    assert.equal(listed.queue, 'sales');
    assert.equal(listed.reason, 'custom_quote');
    assert.equal(listed.state, 'queued');

    const open = await desk('h0', 'GET', `/handoffs/${id}`);
    assert.equal(open.package.handoff_id, id);
    assert.match(open.package.summary, /40 chairs/);
    assert.equal(open.transcript.find(m => m.author === 'customer').text, 'a quote, please');

    assert.equal((await post('h0', `/handoffs/${id}/accept`)).status, 200);
    await chat.next(f => f.type === 'owner' && f.owner.kind === 'human');
    await chat.say('are you there?');
    assert.equal((await post('h0', `/handoffs/${id}/messages`,
                             { id: randomUUID(), text: 'Yes, I am.' })).status, 200);
    const said = await chat.next(f => f.type === 'message' && f.text === 'Yes, I am.');
    assert.deepEqual(said.author, { kind: 'human', name: 'Human h0' });
    await until(async () => (await desk('h0', 'GET', `/handoffs/${id}`)).transcript
        .some(m => m.text === 'are you there?'), 'the transcript');
    assert.equal((await desk('h0', 'GET', '/handoffs?state=mine')).handoffs.length, 1);

    assert.equal((await post('h0', `/handoffs/${id}/return`, { note: 'quoted 400' })).status, 200);
    await chat.next(f => f.type === 'owner' && f.owner.kind === 'agent');
    await chat.say('thanks');
    await chat.next(f => f.type === 'message' && f.author.kind === 'agent');
    assert.equal((await desk('h0', 'GET', '/handoffs?state=closed')).handoffs
        .find(h => h.id === id).outcome, 'returned');
    chat.close();
});

test('of twenty humans who want the same handoff one has it', async () => {
    const { chat, id } = await waiting();
    const answers = await Promise.all(names.map(n => post(n, `/handoffs/${id}/accept`)));
    const won = answers.findIndex(a => a.status === 200);
    assert.equal(answers.filter(a => a.status === 200).length, 1);
    assert.equal(answers.filter(a => a.status === 409).length, HUMANS - 1);
    for (const answer of answers.filter(a => a.status === 409))
        assert.match(JSON.stringify(answer), new RegExp(`h${won}"`));
    assert.equal((await post(names[(won + 1) % HUMANS], `/handoffs/${id}/messages`,
                             { id: 'x', text: 'not mine' })).status, 403);
    assert.equal((await post(names[won], `/handoffs/${id}/close`, {})).status, 200);
    await chat.next(f => f.type === 'message' && f.author.kind === 'system');
    chat.close();
});

test('who has no token, no skills or no room is told so', async () => {
    const { chat, id, session } = await waiting();
    assert.equal((await desk('nobody', 'GET', '/me')).status, 401);
    assert.equal((await post('single', `/handoffs/${id}/accept`)).status, 200);
    const next = await waiting();
    const full = await post('single', `/handoffs/${next.id}/accept`);
    assert.equal(full.status, 409);
    assert.match(JSON.stringify(full), /full/);
    assert.equal((await post('single', `/handoffs/${id}/transfer`, { queue: 'locked' })).status, 200);
    const moved = await until(async () => (await desk('single', 'GET', '/handoffs?state=queued'))
        .handoffs.find(h => h.session === session), 'the transfer');
    assert.equal(moved.queue, 'locked');
    assert.match(JSON.stringify(await post('h1', `/handoffs/${moved.id}/accept`)), /not_eligible/);
    assert.equal((await post('h1', `/sessions/${session}/take`)).status, 200);
    chat.close();
    next.chat.close();
});

test('operators see handoffs, ask for a human, and take a session back', async () => {
    await agent.script('bot', ['ok']);
    const chat = await Chat.open(gw, 'web');
    await chat.say('hello');
    await chat.message();
    const session = chat.welcome.session;
    ctl('request', session);
    const id = await until(() => ctl('handoffs', 'queued').handoffs
        .find(h => h.session === session)?.id, 'the request');
    assert.equal((await post('h2', `/handoffs/${id}/accept`)).status, 200);
    assert.equal(ctl('session', session).handoff.human, 'h2');
    assert.equal(ctl('desks').desks[0].state, 'open');
    ctl('release', session);
    assert.equal(ctl('session', session).owner.kind, 'agent');
    assert.equal(ctl('handoffs', 'closed').handoffs.find(h => h.id === id).outcome, 'returned');
    chat.close();
});

for (const phase of ['queued', 'live', 'returned'])
    test(`kill -9 when it is ${phase}: the customer hears each thing once`, async () => {
        const { chat, id } = await waiting();
        if (phase !== 'queued')
            assert.equal((await post('h3', `/handoffs/${id}/accept`)).status, 200);
        if (phase === 'live')
            assert.equal((await post('h3', `/handoffs/${id}/messages`,
                                     { id: 'm1', text: 'one moment' })).status, 200);
        if (phase === 'returned')
            assert.equal((await post('h3', `/handoffs/${id}/return`, {})).status, 200);
        await gw.kill();
        await gw.start();
        if (phase === 'queued') {
            await until(async () => (await desk('h3', 'GET', '/handoffs?state=queued'))
                .handoffs?.some(h => h.id === id), 'the queue');
            assert.equal((await post('h3', `/handoffs/${id}/accept`)).status, 200);
        }
        if (phase !== 'returned') {
            await until(async () => (await desk('h3', 'GET', '/handoffs?state=mine'))
                .handoffs?.some(h => h.id === id), 'the handoff');
            assert.equal((await post('h3', `/handoffs/${id}/messages`,
                                     { id: 'm2', text: 'back again' })).status, 200);
        }
        const { again, list } = await shown(chat);
        assert.equal(new Set(list).size, list.length, JSON.stringify(list));
        if (phase !== 'returned')
            assert.equal(list.filter(t => t === 'back again').length, 1, JSON.stringify(list));
        again.close();
        if (phase !== 'returned')
            assert.equal((await post('h3', `/handoffs/${id}/close`, {})).status, 200);
    });
