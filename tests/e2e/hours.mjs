/** hours.mjs - out of hours: the same on every channel, said once, in the customer's language. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Agent } from '../lib/agent.mjs';
import { Chat } from '../lib/chat.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';
import { Provider } from '../lib/provider.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const TAGE = ['Sonntag', 'Montag', 'Dienstag', 'Mittwoch', 'Donnerstag', 'Freitag', 'Samstag'];
const opens = new Date(Date.now() + 3 * 86400000).getUTCDay(); // far from any midnight
let gw, agent, provider, smsc;

before(async () => {
    [agent, provider, smsc] = await Promise.all([Agent.start(), Provider.start(),
        smpp && Smsc.start()]);
    await agent.script('hand', ['body:{"decision":"escalate","escalate":' +
        '{"reason":"agent_requested","text":"refund of order 1041"}}']);
    const queue = (name, hours) =>
        `[queue ${name}]\ndesk = support\nhours = ${hours}\n`;
    const web = (name, to) =>
        `[channel ${name}]\ntype = webchat\nagent = a\nqueue = ${to}\nrate = 0\ndisclose_ai = yes\n`;
    gw = await Gateway.start({
        tandem: { business: 'Havn' },
        conf: web('web', 'closed') + web('never', 'never') + web('open', 'open') + web('calls', 'calls') +
            provider.conf('hook', 'agent = a\nqueue = closed\n') +
            (smsc?.conf('sms', 'agent = a\nqueue = closed\n') ?? '') +
            `[agent a]\ntype = http\nurl = ${agent.url('hand')}\n` +
            '[desk support]\ntype = web\n' +
            queue('closed', `${DAYS[opens].slice(0, 3)} 09:00-17:00 UTC`) +
            queue('calls', `${DAYS[opens].slice(0, 3)} 09:00-17:00 UTC`) + 'fallback = callback\n' +
            queue('never', 'never') + queue('open', 'always'),
    });
});
after(async () => {
    await gw?.close();
    await agent?.stop();
    provider?.stop();
    await smsc?.stop();
});

/** Everything the customer hears until nothing more comes. */
async function heard(chat) {
    await until(() => texts(chat).length >= 2, 'the greeting and one answer', 20000);
    await sleep(500);
    return texts(chat);
}

const texts = chat => chat.frames.filter(f => f.type === 'message' && f.from !== 'customer')
    .map(f => f.text);

test('web chat: the next opening is said, once, and nobody is promised', async () => {
    const chat = await Chat.open(gw, 'web', { hello: { locale: 'en-GB' } });
    await chat.say('I want my money back');
    const said = await heard(chat);
    assert.match(said[0], /AI assistant/);
    assert.equal(said.length, 2, said.join(' | '));
    assert.match(said[1], new RegExp(`want my money back.*not here.*${DAYS[opens]} at 9:00`));
    chat.destroy();
});

test('in the language of the customer', async () => {
    const chat = await Chat.open(gw, 'web', { hello: { locale: 'de-AT' } });
    await chat.say('Ich will mein Geld zurück');
    const said = await heard(chat);
    assert.equal(said.length, 2, said.join(' | '));
    assert.match(said[1], new RegExp(`nicht da.*am ${TAGE[opens]} um 9 Uhr`));
    chat.destroy();
});

test('where it never opens no time is named', async () => {
    const chat = await Chat.open(gw, 'never', { hello: { locale: 'en' } });
    await chat.say('I want my money back');
    const said = await heard(chat);
    assert.equal(said.length, 2, said.join(' | '));
    assert.match(said[1], /not here right now/);
    assert.doesNotMatch(said[1], /We are back/);
    chat.destroy();
});

test('an open queue does not say that it is closed', async () => {
    const chat = await Chat.open(gw, 'open', { hello: { locale: 'en' } });
    await chat.say('I write to an open queue');
    await until(async () => (await agent.seen('hand')).some(q => q.raw.includes('an open queue')),
                'the question to the agent', 20000);
    await sleep(1000);
    const said = texts(chat);
    assert(!said.some(text => /not here|nobody/i.test(text)), said.join(' | '));
    chat.destroy();
});

test('who is promised a call on a page is asked where, and hears once that it is noted', async () => {
    const chat = await Chat.open(gw, 'calls', { hello: { locale: 'en' } });
    await chat.say('I want my money back');
    const said = await heard(chat);
    assert.equal(said.length, 2, said.join(' | '));
    assert.match(said[1], new RegExp(`get back to you by ${DAYS[opens]}.*Where can we reach you`));
    await chat.say('+45 12 34 56 78');
    await until(() => texts(chat).length >= 3, 'the thanks', 20000);
    await sleep(500);
    assert.equal(texts(chat).length, 3, texts(chat).join(' | '));
    assert.match(texts(chat)[2], /reach you at \+45 12 34 56 78/);
    const promised = chat.frames.find(f => f.type === 'promise');
    chat.destroy();
    const { resume, seq } = chat.welcome; // who comes back knowing all of it hears what is owed still
    const back = await Chat.open(gw, 'calls', { hello: { resume, last_seq: seq + 1000 } });
    const again = await back.next(f => f.type === 'promise' && f.seq === undefined);
    assert.deepEqual([again.id, again.what, again.due, again.state], [promised.id, promised.what, promised.due, 'made']);
    back.destroy();
});

test('a channel of a provider: the same', async () => {
    const from = '+4512345678';
    await provider.say(gw, 'hook', from, 'I want my money back');
    await until(() => provider.heard(from).length >= 2, 'two posts to the provider', 20000);
    await sleep(500);
    const said = provider.heard(from);
    assert.equal(said.length, 2, said.join(' | '));
    assert.match(said[1], new RegExp(`not here.*${DAYS[opens]} at 9:00`));
});

test('SMS: the same, and each fits one part', { skip: !smpp && 'npm smpp is not installed' },
     async () => {
    await smsc.bound();
    assert.equal((await smsc.say('I want my money back')).command_status, 0);
    await smsc.submitted(2);
    await sleep(500);
    const said = smsc.heard();
    assert.equal(said.length, 2, said.join(' | '));
    assert.match(said[0], /AI assistant/);
    assert.match(said[1], new RegExp(`not here.*${DAYS[opens]} at 9:00`));
});
