/**
 * package.mjs - the transfer package of a real handoff: filled from the records, and its transcript by
 * a link that is signed, paged and expires.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

const CALL = 'body:' + JSON.stringify({
    calls: [{ call: 'k1', name: 'no_such_action', arguments: { order: 'A-1' } }],
});
const ESCALATE = 'body:' + JSON.stringify({
    decision: 'escalate', escalate: { code: 'action_error', text: 'the look-up fails' },
    entities: { order_id: 'A-1', card: '4711', 'customer.tier': 'gold', 'customer.company': 'Havn' },
});
let gw, agent;

const conf = () => `
[agent bot]
type = http
url = ${agent.url('bot')}
breaker_failures = 0
[channel web]
type = webchat
agent = bot
rate = 0
[desk support]
type = web
allow = email, order_id, tier, company
[queue q]
desk = support
[human mia]
token = token-of-mia
`;

before(async () => {
    agent = await Agent.start();
    gw = await Gateway.start({ conf: conf(), tandem: { file_link: '1min' } });
});
after(async () => {
    await gw?.close();
    await agent?.stop();
});

const mia = () => new Desk(gw, 'token-of-mia');

/** A customer who waits: { chat, open } with what the human sees. */
async function waiting(says = ['where is it?']) {
    await agent.script('bot', [...says.slice(1).map(() => 'ok'), CALL, ESCALATE, 'ok']);
    const chat = await Chat.open(gw, 'web', { hello: { customer: { id: 'c1', name: 'Dana',
                                                                  email: 'dana@example.com' } } });
    for (const [i, text] of says.entries()) {
        await chat.say(text);
        if (i < says.length - 1)
            await until(() => chat.frames.filter(f => f.type === 'message').length > i, text, 20000);
    }
    const id = await until(async () => (await mia().list('queued'))
        .find(h => h.session === chat.welcome.session)?.id, 'the handoff', 20000);
    return { chat, open: (await mia().get(`/handoffs/${id}`)).body };
}

test('what was tried, what is known and what may be known is in it, and what was left out is named', async () => {
    const { chat, open } = await waiting();
    const p = open.package;
    assert.deepEqual(p.failed.map(f => [f.step, f.action, f.outcome]),
                     [['k1', 'no_such_action', 'unknown_action']]);
    assert.deepEqual(p.customer.fields, { email: 'dana@example.com', company: 'Havn' });
    assert.deepEqual(p.entities, { order_id: 'A-1' });
    assert.equal(p.customer.tier, 'gold');
    assert.ok(p.dropped.some(d => d.field === 'entities.card' && d.reason === 'not_permitted'));
    assert.ok(p.dropped.some(d => d.field === 'customer.name' && d.reason === 'not_permitted'));
    chat.close();
});

test('the transcript is a signed link with pages, good for everything that was said', async () => {
    const says = Array.from({ length: 40 }, (_, i) => `line ${i}`);
    const { chat, open } = await waiting(says);
    const { url, count } = open.package.transcript;
    assert.ok(count >= 80, String(count));
    const first = await (await fetch(new URL(url, gw.url))).json();
    assert.equal(first.session, chat.welcome.session);
    assert.equal(first.transcript.length, 50);
    assert.equal(first.transcript.findLast(m => m.author === 'customer').text, 'line 39');
    const second = await (await fetch(new URL(first.next, gw.url))).json();
    assert.equal(second.next, null);
    const texts = [...second.transcript, ...first.transcript].filter(m => m.author === 'customer')
        .map(m => m.text);
    assert.deepEqual(texts, says);
    chat.close();
});

test('a link that was changed, or is of another conversation, or has expired, shows nothing', async () => {
    const { chat, open } = await waiting();
    const { chat: other, open: theirs } = await waiting();
    const url = new URL(open.package.transcript.url, gw.url);
    const moved = new URL(url);
    moved.pathname = new URL(theirs.package.transcript.url, gw.url).pathname;
    assert.equal((await fetch(moved)).status, 403);
    assert.equal((await fetch(url.href.replace(/s=./, 's=x'))).status, 403);
    assert.equal((await fetch(url.origin + url.pathname)).status, 403);
    const file = url.pathname.replace('transcripts', 'files');
    assert.equal((await fetch(`${url.origin}${file}${url.search}`)).status, 403);
    assert.equal((await fetch(url, { method: 'POST' })).status, 405);
    assert.equal((await fetch(url)).status, 200);
    chat.close();
    other.close();
    gw.options.tandem.file_link = '1s';
    await gw.restart();
    const short = await until(async () => (await mia().get(`/handoffs/${open.package.handoff_id}`))
        .body.package?.transcript, 'the handoff after the restart', 20000);
    await until(async () => (await fetch(new URL(short.url, gw.url))).status === 410,
                'the link to end', 20000);
});
