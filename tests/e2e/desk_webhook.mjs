/** desk_webhook.mjs - a desk of others that says things twice, and too late; signed both ways. */
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const ESCALATE = 'body:{"decision":"escalate","escalate":{"code":"custom_quote"},"summary":"Chairs."}';
const SECRET = 'a-secret-of-both';
let gw, agent, server, events;

before(async () => {
    agent = await Agent.start();
    events = [];
    server = createServer(async (req, res) => {
        let raw = '';
        for await (const chunk of req) raw += chunk;
        const signed = `${req.headers['webhook-id']}.${req.headers['webhook-timestamp']}.${raw}`;
        const good = `v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`;
        assert.equal(req.headers['webhook-signature'], good);
        events.push({ id: req.headers['webhook-id'], ...JSON.parse(raw) });
        res.end('{}');
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    gw = await Gateway.start({ conf: `
[agent bot]
type = http
url = ${agent.url('bot')}
breaker_failures = 0
[channel web]
type = webchat
agent = bot
rate = 0
[desk far]
type = webhook
url = http://127.0.0.1:${server.address().port}/in
secret = ${SECRET}
[queue sales]
desk = far
` });
});
after(async () => {
    await gw?.close();
    await agent?.stop();
    server?.closeAllConnections();
    server?.close();
});

/** What the desk does: signed, as it has to be. */
async function act(op, handoff, more = {}) {
    const body = JSON.stringify({ op, handoff, id: randomUUID(), human: 'Mia', ...more });
    const id = randomUUID(), at = String(Math.floor(Date.now() / 1000));
    const mac = createHmac('sha256', SECRET).update(`${id}.${at}.${body}`).digest('base64');
    const res = await fetch(`${gw.url}/hooks/far`, { method: 'POST', body, headers: {
        'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': `v1,${mac}` } });
    return { status: res.status, ...await res.json() };
}

const offers = session => events.filter(e => e.event === 'handoff.offered' && e.session === session);

async function waiting() {
    await agent.script('bot', [ESCALATE, 'ok']);
    const chat = await Chat.open(gw, 'web');
    await chat.say('forty chairs, please');
    await until(() => offers(chat.welcome.session).length > 0, 'the offer', 20000);
    return { chat, session: chat.welcome.session, id: offers(chat.welcome.session)[0].handoff };
}

/** All that the customer was ever shown, by a fresh replay. */
async function shown(chat) {
    const again = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume, last_seq: 0 } });
    again.send({ type: 'nothing' });
    await again.next('error');
    return { again, list: again.frames.filter(f => f.type === 'message').map(f => f.text) };
}

test('what a desk does twice is done once, and too late is said so', async () => {
    const { chat, id } = await waiting();
    const op = { id: 'the-same' };
    assert.equal((await act('accept', id)).status, 200);
    const first = await act('message', id, { ...op, text: 'once' });
    assert.equal(first.status, 200);
    assert.deepEqual(await act('message', id, { ...op, text: 'once' }), first);
    assert.equal((await act('message', id, { human: undefined, text: 'who has it needs no name' })).status, 200);
    chat.send({ type: 'leave' });
    await until(() => events.some(e => e.handoff === id && e.event === 'handoff.cancelled' &&
                                       e.outcome === 'left'), 'the end', 20000);
    const late = await act('message', id, { text: 'too late' });
    assert.equal(late.status, 409);
    assert.equal(late.error.code, 'over');
    await sleep(200);
    const { again, list } = await shown(chat);
    assert.equal(list.filter(t => t === 'once').length, 1);
    assert.ok(!list.includes('too late'));
    const metrics = await (await fetch(`${gw.url}/metrics`)).text();
    assert.match(metrics, /tandem_stale_outputs_total\{kind="text"\} [1-9]/);
    again.close();
    chat.close();
});
