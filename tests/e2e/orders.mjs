/** orders.mjs - what operators order of a session: the same order sent again does nothing else. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

let gw, agent;

before(async () => {
    agent = await Agent.start();
    gw = await Gateway.start({ conf: `
[agent bot]
type = http
url = ${agent.url('bot')}
[agent other]
type = echo
[channel web]
type = webchat
agent = bot
[desk support]
type = web
[queue q]
desk = support
[human mia]
token = token-of-mia
` });
});
after(async () => {
    await gw?.close();
    await agent?.stop();
});

/** { status, body } over the control socket. */
const order = (session, what, key, body) => new Promise((done, fail) => {
    const req = request({ socketPath: join(gw.dir, 'control'), method: 'POST',
                          path: `/api/v1/sessions/${session}/${what}`,
                          headers: key ? { 'Idempotency-Key': key } : {} }, res => {
        let text = '';
        res.on('data', chunk => { text += chunk; });
        res.on('end', () => done({ status: res.statusCode, body: JSON.parse(text) }));
    });
    req.on('error', fail);
    req.end(body ? JSON.stringify(body) : undefined);
});

test('request, release and pass are done once for their key, also after a crash', async () => {
    const mia = new Desk(gw, 'token-of-mia');
    const chat = await Chat.open(gw, 'web');
    const session = chat.welcome.session;
    await chat.say('hello');
    await chat.message();
    assert.equal((await order(session, 'request', 'r1')).status, 200);
    const id = await until(async () => (await mia.list()).find(h => h.session === session)?.id,
                           'the handoff', 20000);
    assert.equal((await mia.post(`/handoffs/${id}/accept`)).status, 200);
    assert.equal((await order(session, 'release', 'r2')).body.owner.kind, 'agent');
    assert.equal((await order(session, 'release')).status, 409); // nobody has it
    await gw.kill();
    await gw.start();
    await until(async () => (await order(session, 'release', 'r2')).status === 200, 'the answer');
    assert.equal((await order(session, 'request', 'r1')).body.owner.kind, 'agent'); // not once more
    assert.equal((await mia.list()).length, 0);

    assert.equal((await order(session, 'pass', 'r3', { agent: 'other' })).body.owner.name, 'other');
    assert.equal((await order(session, 'pass', 'r4', { agent: 'bot' })).body.owner.name, 'bot');
    assert.equal((await order(session, 'pass', 'r3', { agent: 'other' })).body.owner.name, 'bot');
    const nobody = await order(session, 'pass', 'r5', { agent: 'nobody' });
    assert.equal(nobody.status, 409);
    assert.match(JSON.stringify(nobody.body), /there is no such agent/);
    chat.close();
});
