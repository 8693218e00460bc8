/**
 * chatwoot_standin.mjs - a desk whose humans work in Chatwoot, against a stand-in for it that is
 * written from its public API documents (tests/lib/chatwoot_standin.mjs).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { ChatwootStandIn } from '../lib/chatwoot_standin.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const ESCALATE = 'body:' + JSON.stringify({
    decision: 'escalate', escalate: { code: 'refund_dispute', text: 'over the limit' },
    summary: 'Wants 40 euros back.', entities: { order_id: 'A-10023' },
});
let gw, agent, chatwoot;

before(async () => {
    agent = await Agent.start();
    chatwoot = await ChatwootStandIn.start({ account: 3, inbox: 7, token: 'access',
                                             secret: 'webhooks' });
    gw = await Gateway.start({ conf: `
[agent bot]
type = http
url = ${agent.url('bot')}
breaker_failures = 0
[channel web]
type = webchat
agent = bot
rate = 0
[desk helpdesk]
type = chatwoot
url = ${chatwoot.url}
account = 3
inbox = 7
token = access
secret = webhooks
allow = order_id
[queue billing]
desk = helpdesk
` });
    chatwoot.hook = `${gw.url}/hooks/helpdesk`;
});
after(async () => {
    await gw?.close();
    await agent?.stop();
    chatwoot?.stop();
});

const said = (chat, text) => until(() => chat.frames.find(f => f.type === 'message' &&
                                                                f.text === text), text, 20000);
const count = (chat, text) =>
    chat.frames.filter(f => f.type === 'message' && f.text === text).length;
const owner = (chat, kind) => until(() => chat.frames.findLast(f => f.type === 'owner')
    ?.owner.kind === kind, `${kind} to be the owner`, 20000);
const incoming = c => c.messages.filter(m => m.message_type === 0);

/** A customer whose handoff is a conversation there: { chat, conversation }. */
async function waiting() {
    await agent.script('bot', [ESCALATE, 'ok']);
    const chat = await Chat.open(gw, 'web');
    await chat.say('my money back, please');
    const conversation = await until(() => chatwoot.conversations.find(c =>
        c.custom_attributes.tandem_session_id === chat.welcome.session &&
        c.messages.length > 0), 'the conversation', 20000);
    return { chat, conversation };
}

test('the package comes as a private note and as attributes, once', async () => {
    const { chat, conversation } = await waiting();
    assert.equal(conversation.status, 'open');
    assert.equal(conversation.custom_attributes.tandem_reason_code, 'refund_dispute');
    assert.equal(conversation.custom_attributes.tandem_entities_order_id, 'A-10023');
    assert.equal(conversation.messages.length, 1);
    assert.equal(conversation.messages[0].private, true);
    assert.match(conversation.messages[0].content, /\*\*summary\*\*: Wants 40 euros back\./);
    const texts = chat.frames.filter(f => f.type === 'message').map(f => f.text);
    assert.match(texts[0], /checking/);
    assert.equal(new Set(texts).size, texts.length); // and perhaps that it waits: each once
    chat.close();
});

test('messages go both ways, a human is who is assigned, and "resolved" gives back', async () => {
    const { chat, conversation } = await waiting();
    await chat.say('It was the blue one.');
    await until(() => incoming(conversation).some(m => m.content === 'It was the blue one.'),
                'what the customer added', 20000);
    assert.equal((await chatwoot.assign(conversation, 'Mia')).status, 200);
    await owner(chat, 'human');
    assert.equal((await chatwoot.write(conversation, 'Mia', 'Hello, Mia here.')).status, 200);
    assert.deepEqual((await said(chat, 'Hello, Mia here.')).author, { kind: 'human', name: 'Mia' });

    const again = chatwoot.newest; // the same delivery once more
    assert.equal((await chatwoot.told(conversation, again, { name: 'Mia', type: 'user' })).status, 200);
    await chatwoot.write(conversation, 'Mia', 'only for us', { private: true });
    await chatwoot.write(conversation, 'Mia', 'See the photo.',
                         { attachments: [{ file_type: 'image', data_url: 'https://c.example/1.png' }] });
    await said(chat, 'See the photo.\nhttps://c.example/1.png');
    assert.equal(count(chat, 'Hello, Mia here.'), 1);
    assert.equal(count(chat, 'only for us'), 0);
    assert.equal(incoming(conversation).length, 1);

    assert.equal((await chatwoot.status(conversation, 'resolved')).status, 200);
    await owner(chat, 'agent');
    await chat.say('thanks');
    await until(async () => (await agent.seen('bot')).some(q => q.raw.includes('thanks')),
                'the agent to be asked', 20000);
    chat.close();
});

test('who writes instead of another takes over, and a bot of theirs does not', async () => {
    const { chat, conversation } = await waiting();
    const first = conversation.custom_attributes.tandem_handoff_id;
    await chatwoot.write(conversation, 'Mia', 'I have it.');
    await said(chat, 'I have it.');
    assert.equal((await chatwoot.write(conversation, 'Ben', 'Now I do.')).status, 200);
    assert.equal((await said(chat, 'Now I do.')).author.name, 'Ben');
    await until(() => conversation.custom_attributes.tandem_handoff_id !== first, 'the new name', 20000);
    assert.equal(conversation.custom_attributes.tandem_reason_code, 'refund_dispute');
    assert.equal(conversation.status, 'open');
    await chatwoot.told(conversation, { id: 9999, content: 'I am a bot', message_type: 1,
                                        content_attributes: {} }, { name: 'B', type: 'agent_bot' });
    await chatwoot.write(conversation, 'Ben', 'Still me.');
    await said(chat, 'Still me.');
    assert.equal(count(chat, 'I am a bot'), 0);
    chat.close();
});

test('the customer leaves: the conversation is resolved; a human who writes there takes over', async () => {
    const { chat, conversation } = await waiting();
    chat.send({ type: 'leave' });
    await until(() => conversation.status === 'resolved', 'the end', 20000);
    assert.equal(conversation.messages.filter(m => /is over \(left\)/.test(m.content)).length, 1);
    assert.equal((await chatwoot.assign(conversation, 'Mia')).status, 200); // too late: nothing
    assert.notEqual(chat.frames.findLast(f => f.type === 'owner').owner.kind, 'human');
    assert.equal((await chatwoot.write(conversation, 'Mia', 'Wait, I can help.')).status, 200);
    await said(chat, 'Wait, I can help.');
    await owner(chat, 'human');
    chat.close();
});

test('refusals and lost answers: nothing is doubled or lost, and after a restart it is found again', async () => {
    const failed = new Set();
    const once = request => {
        const key = `${request.method} ${request.path.replace(/\d+/g, 'n')}`;
        return !failed.has(key) && failed.add(key);
    };
    chatwoot.fail = request => (once(request) ? 503 : 0);
    const lost = new Set();
    chatwoot.lose = request => request.method === 'POST' && request.path.endsWith('/messages') &&
        !lost.has(request.body.content) && lost.add(request.body.content);
    const { chat, conversation } = await waiting();
    await chat.say('one');
    await chat.say('two');
    await until(() => incoming(conversation).some(m => m.content === 'two'), 'both', 30000);
    await chatwoot.assign(conversation, 'Mia');
    await owner(chat, 'human');
    await gw.kill();
    await gw.start();
    const again = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume, last_seq: 0 } });
    await again.say('three');
    await until(() => incoming(conversation).some(m => m.content === 'three'), 'three', 30000);
    chatwoot.fail = chatwoot.lose = null;
    assert.equal((await chatwoot.write(conversation, 'Mia', 'I read you.')).status, 200);
    await said(again, 'I read you.');
    await sleep(300);
    assert.deepEqual(incoming(conversation).map(m => m.content), ['one', 'two', 'three']);
    assert.equal(conversation.messages.filter(m => m.private).length, 1);
    assert.equal(chatwoot.conversations.filter(c => c.custom_attributes.tandem_session_id ===
        chat.welcome.session).length, 1);
    again.close();
});

test('a webhook with another key, or of another conversation, does nothing', async () => {
    const { chat, conversation } = await waiting();
    const payload = { event: 'message_created', id: 1, content: 'forged', message_type: 'outgoing',
                      sender: { name: 'X' }, conversation: chatwoot.shown(conversation) };
    assert.equal((await chatwoot.deliver(payload, 'guess')).status, 401);
    assert.equal((await chatwoot.deliver({ ...payload, conversation: { id: 4, custom_attributes: {} } }))
        .status, 200);
    assert.equal((await chatwoot.deliver([1])).status, 400);
    await chatwoot.write(conversation, 'Mia', 'real');
    await said(chat, 'real');
    assert.equal(count(chat, 'forged'), 0);
    chat.close();
});
