/**
 * scenes_takeover.mjs - what users of other systems complained of: a bot that talks or acts over a
 * human. Each test is one scene, with the thread that it was told in.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, replayed, said, texts } from '../lib/front.mjs';
import { Gateway, builddir, until } from '../lib/gateway.mjs';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
let gw, front, second;

const conf = () => front.conf(`secret = ${SECRET}
[agent second]
type = http
url  = ${second.url}
[desk support]
type = web
[queue billing]
desk = support
[queue open]
desk            = support
agent_meanwhile = yes
[queue other]
desk = support
[human mia]
name  = Mia
token = token-mia
[human noah]
name  = Noah
token = token-noah
`);

before(async () => {
    /* Too late, the agent would say something, act, and ask for somebody else. */
    front = await Front.start({ tooLate: { messages: [{ text: 'too late' }], state: { acted: true },
        decision: 'escalate', escalate: { code: 'legal', queue: 'other' } } });
    second = await Front.start();
    second.quick = true;
    gw = await Gateway.start({ conf: conf() });
});

after(async () => {
    await gw?.close();
    await front?.stop();
    await second?.stop();
});

const human = (name = 'mia') => new Desk(gw, `token-${name}`);
const waiting = text => front.waiting(gw, human(), text);
const ctl = (...args) => execFileSync(join(builddir, 'tandemctl'),
    ['--socket', join(gw.dir, 'control'), ...args], { encoding: 'utf8' });
const asked = (who, chat) => who.turns.filter(t => t.session.id === chat.welcome.session);
const say = (who, id, text) => human(who).post(`/handoffs/${id}/messages`, { id: text, text });
const taken = async (who, chat) => {
    const { status, body } = await human(who).post(`/sessions/${chat.welcome.session}/take`);
    assert.equal(status, 200, JSON.stringify(body));
    return body.handoff;
};
const stale = async () => (await (await fetch(`${gw.url}/metrics`)).text()).split('\n')
    .filter(line => line.startsWith('tandem_stale_outputs_total'))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

/** What the agent held back is answered now, and the gateway has counted it as stale. */
async function released(who) {
    const before = await stale();
    who.release();
    await until(async () => await stale() > before, 'the late answer to be counted', 20000);
}

/* chatwoot/rasa-agent-bot-demo#12 */
test('after a human took over the bot is silent, whatever the customer writes', async () => {
    const { chat, handoff } = await waiting();
    await human().post(`/handoffs/${handoff.id}/accept`);
    const turns = asked(front, chat).length;
    for (const text of ['hello?', 'are you a bot?', 'I want a human']) await chat.say(text);
    await say('mia', handoff.id, 'I am Mia.');
    await said(chat, 'I am Mia.');
    await until(async () => (await human().get(`/handoffs/${handoff.id}`)).body.transcript
        .some(m => m.text === 'I want a human'), 'the words at the desk', 20000);
    assert.equal(asked(front, chat).length, turns);
    assert.deepEqual(texts(chat, 'agent'), []);
    await human().post(`/handoffs/${handoff.id}/close`, {});
    chat.close();
});

/* chatwoot/chatwoot PR 13673 */
test('an answer that was under way when the human took over is not sent: no leak, and counted',
     async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('be slow');
    await until(() => front.held.length > 0, 'the question', 20000);
    const id = await taken('mia', chat);
    await say('mia', id, 'Mia speaks.');
    await said(chat, 'Mia speaks.');
    await released(front);
    await say('mia', id, 'And again.');
    await said(chat, 'And again.');
    assert.deepEqual((await replayed(gw, chat)).filter(t => t === 'too late'), []);
    await human().post(`/handoffs/${id}/close`, {});
    chat.close();
});

/* chatwoot/chatwoot PR 14876 */
test('a human cannot write over the bot: only notes, until they have taken over', async () => {
    const { chat, handoff } = await waiting();
    const refused = await say('noah', handoff.id, 'over the bot');
    assert.equal(refused.status, 403);
    assert.equal(refused.body.error.code, 'not_yours');
    const note = await human('noah').post(`/handoffs/${handoff.id}/note`, { text: 'I know them' });
    assert.equal(note.status, 200);
    await human('noah').post(`/handoffs/${handoff.id}/accept`);
    assert.equal((await say('noah', handoff.id, 'now it is mine')).status, 200);
    await said(chat, 'now it is mine');
    const all = await replayed(gw, chat);
    assert.equal(all.some(t => t === 'over the bot' || t === 'I know them'), false);
    await human('noah').post(`/handoffs/${handoff.id}/close`, {});
    chat.close();
});

/* fazer-ai/agents#717 */
test('nothing of a late answer acts: no state, no second handoff, not only no text', async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('be slow');
    await until(() => front.held.length > 0, 'the question', 20000);
    const id = await taken('mia', chat);
    await released(front);
    assert.equal((await human().list()).some(h => h.session === chat.welcome.session), false);
    await say('mia', id, 'I have answered that.');
    assert.equal((await human().post(`/handoffs/${id}/return`, { note: 'mine' })).status, 200);
    await chat.say('what now?');
    await said(chat, 're: what now?');
    assert.deepEqual(asked(front, chat).at(-1).state ?? {}, {});
    chat.close();
});

/* fazer-ai/agents#15 */
test('what the bot says while it hands over is heard, before the word of the handoff', async () => {
    const chat = await Chat.open(gw, 'web');
    front.answers = { messages: [{ text: 'I have noted A-10023.' }], decision: 'escalate',
                      escalate: { code: 'refund_dispute' } };
    await chat.say('scripted');
    await said(chat, 'I have noted A-10023.');
    await until(() => texts(chat, 'system').length > 0, 'the word of the handoff', 20000);
    const order = chat.frames.filter(f => f.type === 'message').map(f => f.author.kind);
    assert.deepEqual(order, ['agent', 'system']);
    chat.send({ type: 'leave' });
    chat.close();
});

/* RocketChat/hubot-natural#51, RocketChat/Rocket.Chat PR 23404 */
test('who forwarded a customer to a queue hears and says nothing there any more', async () => {
    const { chat, handoff } = await waiting();
    const mia = human();
    await mia.listen();
    await mia.post(`/handoffs/${handoff.id}/accept`);
    assert.equal((await mia.post(`/handoffs/${handoff.id}/transfer`, { queue: 'other' })).status, 200);
    const next = await until(async () => (await human('noah').list())
        .find(h => h.session === chat.welcome.session), 'the forwarded one', 20000);
    await human('noah').post(`/handoffs/${next.id}/accept`);
    mia.events.length = 0;
    await chat.say('only for Noah');
    await until(async () => (await human('noah').get(`/handoffs/${next.id}`)).body.transcript
        .some(m => m.text === 'only for Noah'), 'the words', 20000);
    assert.equal(mia.events.some(e => e.type === 'handoff.message' || e.type === 'typing'), false);
    assert.equal((await say('mia', handoff.id, 'me too')).status, 409);
    assert.equal((await say('mia', next.id, 'me too')).status, 403);
    assert.equal((await replayed(gw, chat)).includes('me too'), false);
    await human('noah').post(`/handoffs/${next.id}/close`, {});
    mia.close();
    chat.close();
});

/* rapidpro/rapidpro#1484, #1127 */
test('a flow whose answer comes by itself is refused while a human has the customer', async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('later, please: late');
    const turn = (await until(() => asked(front, chat)[0], 'the question', 20000)).turn;
    const post = () => fetch(`${gw.url}/api/v1/turns/${turn}/answer`, {
        method: 'POST', headers: { Authorization: `Bearer ${SECRET}` },
        body: JSON.stringify({ messages: [{ text: 'from the flow' }] }),
    });
    const id = await taken('mia', chat);
    const late = await post();
    assert.ok(late.status >= 400 && late.status < 500, `${late.status}`);
    await say('mia', id, 'from Mia');
    await said(chat, 'from Mia');
    assert.deepEqual((await replayed(gw, chat)).filter(t => t.startsWith('from')), ['from Mia']);
    await human().post(`/handoffs/${id}/close`, {});
    chat.close();
});

/* pipecat-ai/pipecat#4979, PR 4691; microsoft/agent-framework#4695 */
test('from agent to agent: the one before is off before the next is on, and one answers', async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('be slow');
    await until(() => front.held.length > 0, 'the question', 20000);
    ctl('pass', chat.welcome.session, 'second');
    await said(chat, 're: be slow'); // by the one that has it now
    front.release();
    await chat.say('who is it?');
    await said(chat, 're: who is it?');
    assert.deepEqual(await replayed(gw, chat), ['re: be slow', 're: who is it?']);
    assert.equal(asked(front, chat).length, 1);
    chat.close();
});

/* SAP-archive/SAPConversationalAI#64 */
test('who answers while one waits is said in the conf, and seen: the agent, or nobody', async () => {
    const { chat: silent, handoff: a } = await waiting();
    const turns = asked(front, silent).length;
    await silent.say('a clear question');
    const pending = await silent.next(f => f.type === 'owner' && f.state === 'pending');
    assert.equal(pending.owner.kind, 'none');

    const { chat, handoff: b } = await waiting('a human, to open');
    await chat.say('another clear question');
    await said(chat, 're: another clear question');
    const shown = chat.frames.filter(f => f.type === 'owner').at(-1);
    assert.deepEqual([shown.state, shown.owner.kind], ['pending', 'agent']);
    assert.equal(asked(front, silent).length, turns);
    await human().post(`/handoffs/${b.id}/accept`);
    await chat.next(f => f.type === 'owner' && f.owner.kind === 'human');
    await chat.say('now for Mia alone');
    await say('mia', b.id, 'yes');
    await said(chat, 'yes');
    assert.equal(texts(chat).some(t => t.includes('now for Mia alone')), false);
    for (const one of [silent, chat]) one.send({ type: 'leave' });
    await until(async () => !(await human().list()).some(h => h.id === a.id), 'the leaving', 20000);
    for (const one of [silent, chat]) one.close();
});

/* livekit/agents PR 5210 */
test('no answer rests on what was known before the human: the next turn has it all', async () => {
    const chat = await Chat.open(gw, 'web');
    await chat.say('be slow');
    await until(() => front.held.length > 0, 'the question', 20000);
    const id = await taken('mia', chat);
    await say('mia', id, 'It is the blue one.');
    await said(chat, 'It is the blue one.');
    await chat.say('thank you');
    await until(async () => (await human().get(`/handoffs/${id}`)).body.transcript
        .some(m => m.text === 'thank you'), 'the words', 20000);
    await human().post(`/handoffs/${id}/return`, { note: 'blue' });
    await released(front);
    await chat.say('and the price?');
    const turn = await until(() => asked(front, chat).find(t => t.messages
        .some(m => m.text === 'and the price?')), 'the turn', 20000);
    const known = [...turn.history, ...turn.messages].map(m => m.text);
    assert.ok(known.includes('It is the blue one.'), JSON.stringify(known));
    assert.ok(known.includes('thank you'), JSON.stringify(known));
    assert.equal(turn.messages.filter(m => m.text === 'and the price?').length, 1);
    assert.deepEqual((await replayed(gw, chat)).filter(t => t === 'too late'), []);
    chat.close();
});
