/**
 * disclosure.mjs - that an AI answers is said by default: once at the first contact, before the
 * agent says anything, whatever the channel; and once after a human.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, replayed, said, texts } from '../lib/front.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { Provider } from '../lib/provider.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = smpp ? false : 'npm smpp is not installed';
const AI = /\bAI assistant\b.*\b(person|human)\b/; // and the way to a human
const NUMBER = '4511223344';
let gw, front, provider, smsc, greeting;

const keys = greet => `agent = front\nqueue = help\ngreet = ${greet}\n`;
const web = (name, more) => `[channel ${name}]\ntype = webchat\nrate = 0\n${more}`;

before(async () => {
    [front, provider, smsc, greeting] = await Promise.all([Front.start(), Provider.start(),
        smpp && Smsc.start(), smpp && Smsc.start()]);
    gw = await Gateway.start({ conf: [
        web('web', keys('no')), web('web_greet', keys('yes')),
        web('quiet', `${keys('yes')}disclose_ai = no\n`),
        provider.conf('hook', keys('no')), provider.conf('hook_greet', keys('yes')),
        smsc?.conf('sms', keys('no')), greeting?.conf('sms_greet', keys('yes')),
        `[agent front]\ntype = http\nurl = ${front.url}\n[desk support]\ntype = web\n` +
        '[queue help]\ndesk = support\n[human mia]\nname = Mia\ntoken = token-mia\n',
    ].filter(Boolean).join('') });
});

after(async () => {
    await gw?.close();
    await front?.stop();
    provider?.stop();
    await smsc?.stop();
    await greeting?.stop();
});

/** Two messages of a customer whose first contact this is; `first`: what the agent says before. */
async function twice(say, heard, first = []) {
    const counts = n => until(async () => (await heard()).length >= n, `${n} messages`, 20000);
    await say('one');
    await counts(first.length + 2);
    await say('two');
    await counts(first.length + 3);
    const [line, ...others] = await heard();
    assert.match(line, AI);
    assert.deepEqual(others, [...first, 're: one', 're: two']);
}

/** By one who comes back each time, to a gateway that has crashed meanwhile. */
async function twiceOnWeb(channel, first) {
    const chat = await Chat.open(gw, channel, { hello: { locale: 'en' } });
    const { resume } = chat.welcome;
    await until(() => texts(chat).length === 1 + first.length, 'what comes by itself', 20000);
    await twice(async text => {
        await gw.kill();
        await gw.start();
        const tab = await Chat.open(gw, channel, { hello: { resume } });
        await tab.say(text);
        tab.close();
    }, () => replayed(gw, chat, channel), first);
}

const twiceOnHook = (channel, from) => twice(text => provider.say(gw, channel, from, text),
                                             () => provider.heard(from));

const twiceOnSms = of => twice(async text => {
    await of.bound();
    assert.equal((await of.say(text)).command_status, 0);
}, () => of.heard(NUMBER));

test('web chat: once, as soon as the chat is open', () => twiceOnWeb('web', []));

test('web chat with greet: once, before the greeting', () => twiceOnWeb('web_greet', ['re: ']));

test('a provider: once, before the first answer', () => twiceOnHook('hook', '+4570000001'));

test('a provider with greet: the same, for the customer has written first',
     () => twiceOnHook('hook_greet', '+4570000002'));

test('SMS: once, before the first answer, in one part', { skip }, () => twiceOnSms(smsc));

test('SMS with greet: the same', { skip }, () => twiceOnSms(greeting));

test('where the conf says no, nothing is said of it', async () => {
    const chat = await Chat.open(gw, 'quiet');
    await chat.say('one');
    await said(chat, 're: one');
    assert.deepEqual(texts(chat), ['re: ', 're: one']);
    chat.close();
});

test('after a human it is said again, once', async () => {
    const chat = await Chat.open(gw, 'web', { hello: { locale: 'en' } });
    const mia = new Desk(gw, 'token-mia');
    await chat.say('one');
    await said(chat, 're: one');
    const { body } = await mia.post(`/sessions/${chat.welcome.session}/take`);
    const returned = await mia.post(`/handoffs/${body.handoff}/return`, { note: 'done' });
    assert.equal(returned.status, 200);
    await chat.say('two');
    await said(chat, 're: two');
    const all = (await replayed(gw, chat)).filter(text => /AI assistant/.test(text));
    assert.equal(all.length, 2, all.join(' | '));
    assert.match(all[1], /answering you again/);
    chat.close();
});
