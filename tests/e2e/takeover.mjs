/**
 * takeover.mjs - what an HTTP agent gets and what it may not do while a human has its session.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, said, texts } from '../lib/front.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const names = ['h0', 'h1'];

let gw, front;

const conf = () => front.conf(`[desk support]
type  = web
allow = name, order_id
[queue billing]
desk = support
${names.map(n => `[human ${n}]\nname = ${n.toUpperCase()}\ntoken = token-${n}\n`).join('')}
`);

before(async () => {
    front = await Front.start();
    gw = await Gateway.start({ conf: conf() });
});

after(async () => {
    await gw?.close();
    await front?.stop();
});

const human = (name = 'h0') => new Desk(gw, `token-${name}`);
const waiting = () => front.waiting(gw, human());

test('a human accepts, answers, and gives back with a note that the agent gets once', async () => {
    const { chat, handoff } = await waiting();
    const mia = human();

    await until(() => texts(chat, 'system').length > 0, 'a word to the customer', 20000);
    const shown = await mia.get(`/handoffs/${handoff.id}`);
    assert.equal(shown.status, 200);
    assert.equal(shown.body.package.handoff_id, handoff.id);
    assert.equal(shown.body.package.reason.code, 'refund_dispute');
    assert.equal(shown.body.package.summary, 'Wants a refund for order A-10023.');
    assert.ok(shown.body.transcript.some(m => m.text === 'I want a human, please'));

    await chat.say('It was the blue one.');
    assert.equal((await mia.post(`/handoffs/${handoff.id}/accept`)).status, 200);
    const hello = { id: 'm1', text: 'Hello, H0 here.' };
    const sent = await mia.post(`/handoffs/${handoff.id}/messages`, hello);
    assert.equal(sent.status, 200);
    await said(chat, 'Hello, H0 here.');
    const again = await mia.post(`/handoffs/${handoff.id}/messages`, hello);
    assert.equal(again.status, 200);
    assert.equal(again.body.seq, sent.body.seq);

    const asked = front.turns.length;
    await chat.say('Thank you!');
    await sleep(300);
    assert.equal(front.turns.length, asked, 'the agent is not asked while a human has the session');
    const returned = await mia.post(`/handoffs/${handoff.id}/return`, {
        note: 'Refund is booked.', wrapup: { outcome: 'resolved', escalation: 'right' },
    });
    assert.equal(returned.status, 200);
    await chat.say('One more thing');
    await said(chat, 're: One more thing');
    const told = front.turns.filter(t => t.human_stretch && t.session.id === chat.welcome.session);
    assert.equal(told.length, 1, 'the agent is told once');
    assert.equal(told[0].human_stretch.by, 'H0');
    assert.equal(told[0].human_stretch.summary, 'Refund is booked.');
    assert.deepEqual(told[0].human_stretch.wrapup, { outcome: 'resolved', escalation: 'right' });
    assert.equal(texts(chat).filter(t => t === 'Hello, H0 here.').length, 1);
    chat.close();
});

test('an answer of the agent that comes after a human took over reaches nobody', async () => {
    const chat = await Chat.open(gw, 'web');
    const mia = human();

    await chat.say('be slow');
    await until(() => front.held.length > 0, 'the question', 20000);
    const taken = await mia.post(`/sessions/${chat.welcome.session}/take`);
    assert.equal(taken.status, 200);
    front.release();
    await mia.post(`/handoffs/${taken.body.handoff}/messages`, { text: 'I am here now.' });
    await said(chat, 'I am here now.');
    await sleep(300);
    assert.ok(!texts(chat).includes('too late'));
    await mia.post(`/handoffs/${taken.body.handoff}/close`, {});
    chat.close();
});

test('a customer who leaves the queue goes on with the agent', async () => {
    const { chat, handoff } = await waiting();

    chat.send({ type: 'leave' });
    await until(async () => !(await human().list()).some(h => h.id === handoff.id),
                'the handoff to leave the queue', 20000);
    assert.equal((await human().post(`/handoffs/${handoff.id}/accept`)).status, 409);
    await chat.say('And my parcel?');
    await said(chat, 're: And my parcel?');
    chat.close();
});
