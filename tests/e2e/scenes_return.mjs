/**
 * scenes_return.mjs - what users of other systems complained of: cases that come back to nobody, stay
 * with who is not there, or go round in circles. Each test is one scene, with the thread it was told
 * in. Hours are in scenes_handoff.mjs.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, replayed, said, texts } from '../lib/front.mjs';
import { Gateway, until } from '../lib/gateway.mjs';

let gw, front, flow;

const conf = () => `
[channel web]
type  = webchat
agent = front
queue = billing
rate  = 0
[channel flow]
type            = webchat
agent           = flow
queue           = billing
rate            = 0
announce_return = yes
[agent front]
type             = http
url              = ${front.url}
breaker_failures = 1
breaker_open     = 60s
deadline         = 2s
[agent flow]
type = http
url  = ${flow.url}
[desk support]
type = web
[desk gone]
type    = webhook
url     = http://127.0.0.1:9/
secret  = whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
[queue billing]
desk = support
[queue ping]
desk          = gone
overflow      = pong
offer_timeout = 300ms
[queue pong]
desk          = gone
offer_timeout = 300ms
[human mia]
name     = Mia
token    = token-mia
capacity = 0
[human noah]
name     = Noah
token    = token-noah
capacity = 0
`;

before(async () => {
    front = await Front.start();
    flow = await Front.start();
    gw = await Gateway.start({ conf: conf(), tandem: { rules: 'none', presence: '2s', attempts: 2, retry: '100ms' } });
});

after(async () => {
    await gw?.close();
    await front?.stop();
    await flow?.stop();
});

const human = (name = 'mia') => new Desk(gw, `token-${name}`);
const waiting = (channel = 'web') =>
    (channel === 'web' ? front : flow).waiting(gw, human(), undefined, {}, channel);
const asked = (who, chat) => who.turns.filter(t => t.session.id === chat.welcome.session);
const say = (who, id, text) => human(who).post(`/handoffs/${id}/messages`, { id: text, text });
const queued = chat => until(async () => (await human().list())
    .find(h => h.session === chat.welcome.session), 'the handoff', 20000);

async function accepted(handoff, who = 'mia') {
    assert.equal((await human(who).post(`/handoffs/${handoff.id}/accept`)).status, 200);
}

async function returned(handoff, body = {}, who = 'mia') {
    const answer = await human(who).post(`/handoffs/${handoff.id}/return`, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

/* fazer-ai/agents#457, PR 458 */
test('after the return the bot answers: the end of the human\'s time is told, once', async () => {
    const { chat, handoff } = await waiting();
    await accepted(handoff);
    await say('mia', handoff.id, 'From now on the bot is silent.');
    await returned(handoff, { note: 'all done', wrapup: { outcome: 'resolved' } });
    for (const text of ['hello bot', 'hello again']) {
        await chat.say(text);
        await said(chat, `re: ${text}`);
    }
    const turns = asked(front, chat).slice(1);
    assert.deepEqual(turns.map(t => t.human_stretch?.summary), ['all done', undefined]);
    assert.equal(turns[0].human_stretch.by, 'Mia');
    assert.ok(turns[0].human_stretch.ended_at >= turns[0].human_stretch.started_at);
    chat.close();
});

/* fazer-ai/agents#452 */
test('an empty turn does not count as an answer: a human is asked, who sees what it was about',
     async () => {
    const chat = await Chat.open(gw, 'flow');
    flow.answers = { messages: [] };
    await chat.say('scripted: empty');
    const handoff = await queued(chat);
    assert.equal(handoff.reason, 'agent_unavailable');
    await accepted(handoff);
    assert.ok((await human().get(`/handoffs/${handoff.id}`)).body.transcript
        .some(m => m.text === 'scripted: empty'));
    flow.answers = null;
    await returned(handoff, { note: 'nothing was needed' });
    await chat.say('and now?');
    await until(() => texts(chat, 'agent').some(t => t.includes('and now?')), 'an answer', 20000);
    chat.close();
});

/* fazer-ai/agents#495 */
test('a customer is not given back where no agent can answer; the human keeps them', async () => {
    const { chat, handoff } = await waiting();
    await accepted(handoff);
    front.failing = true;
    const other = await Chat.open(gw, 'web');
    await other.say('this fails');
    await until(() => texts(other).length > 0, 'the truth for the other one', 20000);
    const refused = await human().post(`/handoffs/${handoff.id}/return`, {});
    assert.deepEqual([refused.status, refused.body.error.code], [409, 'no_agent']);
    assert.equal((await say('mia', handoff.id, 'I stay.')).status, 200);
    await said(chat, 'I stay.');
    front.failing = false;
    assert.equal((await human().post(`/handoffs/${handoff.id}/close`, {})).status, 200);
    gw.writeConf(conf().replace('breaker_open     = 60s', 'breaker_open     = 100ms'));
    await gw.restart();
    await human().ready();
    chat.close();
    other.close();
});

/* chatwoot/chatwoot#5668, PR 5751, #4008 */
test('who comes back after the human closed is answered, by somebody who is there', async () => {
    const { chat, handoff } = await waiting();
    await accepted(handoff);
    await human().post(`/handoffs/${handoff.id}/close`, { wrapup: { outcome: 'resolved' } });
    await until(() => texts(chat, 'system').some(t => /closed/.test(t)), 'the word of the end', 20000);
    const back = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume } });
    await back.say('one more question');
    const is_mine = h => h.session === chat.welcome.session;
    await until(async () => texts(back, 'agent').some(t => t.includes('one more question')) ||
                            (await human().list('mine')).some(is_mine), 'somebody', 20000);
    back.close();
});

/* chatwoot/chatwoot#10027, #9587; RocketChat/Rocket.Chat#22505 */
test('nobody stays with a human who is not there any more', async () => {
    const { chat, handoff } = await waiting();
    await accepted(handoff, 'noah'); // of whom nothing is heard after this
    const again = await until(async () => (await human().list()).find(h =>
        h.session === chat.welcome.session && h.id !== handoff.id), 'it in the queue again', 20000);
    await accepted(again);
    await say('mia', again.id, 'Mia goes on.');
    await said(chat, 'Mia goes on.');
    await returned(again);
    chat.close();
});

/* RocketChat/Apps.Rasa#26 */
test('a customer is handed over as often as they need it', async () => {
    const chat = await Chat.open(gw, 'web');
    const ids = new Set();
    for (let i = 1; i <= 3; i++) {
        await chat.say(`a human, time ${i}`);
        const handoff = await queued(chat);
        ids.add(handoff.id);
        await accepted(handoff);
        await say('mia', handoff.id, `Mia, time ${i}`);
        await said(chat, `Mia, time ${i}`);
        await returned(handoff);
        await chat.say(`question ${i}`);
        await said(chat, `re: question ${i}`);
    }
    assert.equal(ids.size, 3);
    const closed = (await human().list('closed')).filter(h => h.session === chat.welcome.session);
    assert.deepEqual(closed.map(h => h.outcome), ['returned', 'returned', 'returned']);
    chat.close();
});

/* RocketChat/Apps.Dialogflow PR 59, #41 */
test('a handoff that failed says so, once, and does not go round', async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('a human, to ping');
    await until(() => texts(chat, 'system').some(t => /nobody is free/i.test(t)), 'the truth', 20000);
    const turns = asked(front, chat).length;
    await chat.say('then you');
    await said(chat, 're: then you');
    assert.equal(asked(front, chat).length, turns + 1);
    const heard = (await replayed(gw, chat)).filter(t => /nobody is free/i.test(t));
    assert.equal(heard.length, 1);
    const journal = await (await fetch(`${gw.url}/metrics`)).text();
    assert.match(journal, /tandem_/);
    chat.close();
});

/* botpress/botpress PR 13780, #4729, botpress/v12#1290; rapidpro/rapidpro#1482, rapidpro/casepro#263 */
test('when the human ends, the flow goes on by itself, and knows what came of it', async () => {
    const { chat, handoff } = await waiting('flow');
    await accepted(handoff);
    await say('mia', handoff.id, 'Refunded.');
    await said(chat, 'Refunded.');
    const turns = asked(flow, chat).length;
    await returned(handoff, { note: 'refund booked',
                              wrapup: { outcome: 'resolved', escalation: 'right' } });
    const turn = await until(() => asked(flow, chat)[turns], 'the turn of the return', 20000);
    assert.equal(turn.cause, 'returned');
    assert.deepEqual(turn.messages, []);
    assert.deepEqual([turn.human_stretch.by, turn.human_stretch.summary], ['Mia', 'refund booked']);
    assert.deepEqual(turn.human_stretch.wrapup, { outcome: 'resolved', escalation: 'right' });
    assert.ok(turn.history.some(m => m.text === 'Refunded.'));
    chat.close();
});

/* Twilio Flex best practices (doc): terminal events orphan open conversations */
test('a crash orphans nobody: who had the customer and stays away loses them', async () => {
    const { chat, handoff } = await waiting();
    await accepted(handoff, 'noah');
    await say('noah', handoff.id, 'Noah here.');
    await gw.kill();
    await gw.start();
    await human().ready();
    const again = await until(async () => (await human().list()).find(h =>
        h.session === chat.welcome.session), 'it in the queue again', 20000);
    assert.notEqual(again.id, handoff.id);
    await accepted(again);
    await say('mia', again.id, 'Mia here.');
    const all = await replayed(gw, chat);
    assert.equal(all.filter(t => /had to go/.test(t)).length, 1, JSON.stringify(all));
    assert.equal(all.filter(t => t === 'Noah here.').length, 1);
    await returned(again);
    chat.close();
});
