/**
 * scenes_handoff.mjs - what users of other systems complained of: transfers in silence or said
 * twice, humans who see half of what was said, and closed hours that nobody mentions. Each test is
 * one scene, with the thread it was told in.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, replayed, said, texts } from '../lib/front.mjs';
import { Gateway, builddir, until } from '../lib/gateway.mjs';
import { Provider } from '../lib/provider.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = smpp ? false : 'npm smpp is not installed';
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const opens = DAYS[new Date(Date.now() + 3 * 86400000).getUTCDay()]; // far from any midnight
const HOURS = `${opens.slice(0, 3)} 09:00-17:00 UTC`;
const OWN = 'aus Aarhus hat alles gelesen.';
let gw, front, provider, smsc;

const conf = () => front.conf(`
${provider.conf('hook', 'agent = front\nqueue = billing\n')}
${smsc?.conf('sms', 'agent = front\nqueue = billing\n') ?? ''}
[rule stop]
code = legal
when = legal
[desk support]
type = web
[queue billing]
desk = support
[queue open]
desk            = support
agent_meanwhile = yes
[queue closed]
desk  = support
hours = ${HOURS}
[queue mail]
desk           = support
hours          = ${HOURS}
fallback       = mailbox
promise_within = 1h
[human mia]
name     = Mia
token    = token-mia
capacity = 0
`);

before(async () => {
    [front, provider, smsc] = await Promise.all([Front.start(), Provider.start(),
        smpp && Smsc.start()]);
    gw = new Gateway({ conf: conf(), tandem: { texts: 'own.conf' } });
    writeFileSync(join(gw.dir, 'own.conf'), `[texts de]\nlive = [{human}|Jemand] ${OWN}\n`);
    await gw.start();
});

after(async () => {
    await gw?.close();
    await front?.stop();
    provider?.stop();
    await smsc?.stop();
});

const mia = () => new Desk(gw, 'token-mia');
const waiting = (text, hello) => front.waiting(gw, mia(), text, hello);
const ctl = (...args) => execFileSync(join(builddir, 'tandemctl'),
    ['--socket', join(gw.dir, 'control'), ...args], { encoding: 'utf8' });
const asked = chat => front.turns.filter(t => t.session.id === chat.welcome.session);
const say = (id, text) => mia().post(`/handoffs/${id}/messages`, { id: text, text });
const lines = chat => texts(chat, 'system');
const queued = chat => until(async () => (await mia().list())
    .find(h => h.session === chat.welcome.session), 'the handoff', 20000);

async function accepted({ id }) {
    assert.equal((await mia().post(`/handoffs/${id}/accept`)).status, 200);
}

const journal = session => ctl('--json', 'journal', session).trim().split('\n')
    .map(line => JSON.parse(line));

/** All pages of the transcript that this package refers to, the oldest message first. */
async function transcript({ package: { transcript: { url, count } } }) {
    const pages = [];
    for (let next = url; next;) {
        const page = await (await fetch(new URL(next, gw.url))).json();
        pages.unshift(page.transcript);
        next = page.next;
    }
    return { pages, all: pages.flat(), count };
}

const opened = async ({ id }) => (await mia().get(`/handoffs/${id}`)).body;

/* chatwoot/chatwoot#13881, PR 13885 */
test('a transfer is never silent: that one waits and that somebody is there is said', async () => {
    const { chat, handoff } = await waiting();
    await until(() => lines(chat).length === 1, 'that they wait', 20000);
    await accepted(handoff);
    await until(() => lines(chat).length === 2, 'that Mia is there', 20000);
    await say(handoff.id, 'Hello!');
    await said(chat, 'Hello!');
    assert.match(lines(chat)[0], /is in line for a person/);
    assert.match(lines(chat)[1], /^Mia is here now/);
    assert.deepEqual(await replayed(gw, chat), [...lines(chat), 'Hello!']);
    await mia().post(`/handoffs/${handoff.id}/close`, {});
    chat.close();
});

/* fazer-ai/agents#158 */
test('the lines of a handoff are its own: asked for again, repeated or crashed, it says them once',
     async () => {
    const { chat, handoff } = await waiting('a human, to open');
    const turns = asked(chat).length;
    await chat.say('a human, to open, please!'); // of the agent, who is there meanwhile
    await until(() => asked(chat).length > turns, 'the question', 20000);
    await chat.say('anything');
    await said(chat, 're: anything');
    assert.equal((await mia().list()).filter(h => h.session === chat.welcome.session).length, 1);
    const accept = () => mia().post(`/handoffs/${handoff.id}/accept`, undefined,
                                    { 'Idempotency-Key': 'once' });
    assert.deepEqual([(await accept()).status, (await accept()).status], [200, 200]);
    await gw.kill();
    await gw.start();
    await mia().ready();
    assert.equal((await accept()).status, 200);
    await say(handoff.id, 'Hello!');
    const heard = await until(async () => {
        const all = await replayed(gw, chat);
        return all.includes('Hello!') && all;
    }, 'Mia', 20000);
    assert.equal(heard.filter(t => /in line/.test(t)).length, 1, heard.join(' | '));
    assert.equal(heard.filter(t => /^Mia is here/.test(t)).length, 1, heard.join(' | '));
    await mia().post(`/handoffs/${handoff.id}/close`, {});
});

/* fazer-ai/agents#662, PR 663 */
test('however a transfer comes about, something is said', async () => {
    const escalate = (more = {}) => ({ decision: 'escalate', messages: [], ...more });
    const answers = {
        'nothing but the decision': escalate(),
        'words of its own': escalate({ messages: [{ text: 'I pass you on.' }] }),
        'a code that nobody knows': escalate({ escalate: { code: 'no_such_code' } }),
        'a queue that is not there': escalate({ escalate: { queue: 'no_such_queue' } }),
        'a closed queue': escalate({ escalate: { queue: 'closed' } }),
    };
    const acts = {
        'a rule': chat => chat.say('My lawyer will sue you.'),
        'an operator': chat => ctl('request', chat.welcome.session),
        'a human who takes over': chat => mia().post(`/sessions/${chat.welcome.session}/take`),
    };
    const silent = [];
    for (const [what, act] of [...Object.entries(answers), ...Object.entries(acts)]) {
        const chat = await Chat.open(gw, 'web', { hello: { locale: 'en' } });
        front.answers = answers[what];
        await chat.say(answers[what] ? 'scripted' : 'hello');
        if (!answers[what]) {
            await said(chat, 're: hello');
            await act(chat);
        }
        await until(() => lines(chat).length > 0, what, 5000).catch(() => silent.push(what));
        chat.send({ type: 'leave' });
        chat.close();
    }
    front.answers = null;
    assert.deepEqual(silent, []);
});

/* fazer-ai/agents PR 181 */
test('the line of a handoff goes the way of all that leaves: tried again, and with its receipt',
     { skip }, async () => {
    const from = { source_addr: '4570000001' };
    const refused = [];
    await smsc.bound();
    smsc.onSubmit = pdu => refused.length > 0 ? {}
        : { command_status: refused.push(pdu.short_message.message) && smpp.ESME_RTHROTTLED };
    await smsc.say('a human, please', from);
    const { id, session } = await until(async () => (await mia().list())
        .find(h => h.channel === 'sms'), 'the handoff', 20000);
    await until(() => smsc.heard(from.source_addr).length > 0, 'the line', 20000);
    await accepted({ id });
    await say(id, 'Mia here.');
    await until(() => smsc.heard(from.source_addr).length === 3, 'Mia', 20000);
    const [line, live, own] = smsc.heard(from.source_addr);
    assert.match(line, /in line/);
    assert.match(live, /^Mia is here/);
    assert.equal(own, 'Mia here.');
    assert.deepEqual(refused, [line]);
    for (const pdu of smsc.submits.filter(p => p.destination_addr === from.source_addr))
        await smsc.receipt(pdu.id, 'DELIVRD', { pdu: from });
    await until(() => {
        const all = journal(session);
        return all.filter(r => r.type === 'reply').every(reply =>
            all.findLast(r => r.type === 'delivery' && r.of === reply.seq)?.status === 3);
    }, 'a receipt for each', 20000);
    await mia().post(`/handoffs/${id}/close`, {});
});

/* ejadib/handoff-to-human-sample#2; EricDahlvang in microsoft/BotBuilder-Samples PR 2164 */
test('who takes over reads all that was said, by a reference, in pages', async () => {
    const chat = await Chat.open(gw, 'web');
    const says = Array.from({ length: 70 }, (_, i) => `line ${i}`);
    for (const text of says) await chat.say(text);
    await chat.say('and now a human');
    const handoff = await queued(chat);
    await accepted(handoff);
    const { pages, all, count } = await transcript(await opened(handoff));
    assert.deepEqual(all.filter(m => m.author === 'customer').map(m => m.text),
                     [...says, 'and now a human']);
    assert.ok(pages.length >= 2 && pages.every(page => page.length <= 50));
    assert.ok(all.length >= count && count > says.length, `${all.length} of ${count}`);
    await mia().post(`/handoffs/${handoff.id}/close`, {});
    chat.close();
});

/* NousResearch/hermes-agent#90843 */
test('the package is short, and what it leaves out is not lost', async () => {
    const chat = await Chat.open(gw, 'web');
    const detail = `The engraving reads "${'for Dana, with love; '.repeat(150)}" and is wrong.`;
    await chat.say(detail);
    for (let i = 0; i < 10; i++) await chat.say(`line ${i}`);
    await chat.say('so, a human');
    const handoff = await queued(chat), open = await opened(handoff);
    const front_page = JSON.stringify(open.package);
    assert.ok(Buffer.byteLength(front_page) <= 4096, `${Buffer.byteLength(front_page)} bytes`);
    assert.equal(open.package.summary, 'Wants a refund for order A-10023.');
    assert.equal(front_page.includes('with love'), false);
    assert.ok((await transcript(open)).all.some(m => m.text === detail));
    chat.send({ type: 'leave' });
    chat.close();
});

/* aws-samples/aws-lex-web-ui#513 */
test('one order, wherever a human reads: in the list, by the link, as events, after a crash',
     async () => {
    const chat = await Chat.open(gw, 'web');
    const parts = Array.from({ length: 5 }, (_, i) => `(${i + 1}/5)`);
    front.answers = { messages: parts.map(text => ({ text })) };
    await chat.say('scripted');
    await said(chat, '(5/5)');
    front.answers = null;
    await chat.say('a human');
    const handoff = await queued(chat), desk = mia();
    await desk.listen();
    await accepted(handoff);
    const more = Array.from({ length: 20 }, (_, i) => `more ${i}`);
    await Promise.all(more.map(text => chat.say(text)));
    const events = () => desk.heard.map(e => e.message?.text).filter(t => t?.startsWith('more'));
    await until(() => events().length === more.length, 'them as events', 20000);
    assert.deepEqual(events(), more);
    desk.close();
    const check = async () => {
        const open = await opened(handoff);
        for (const list of [open.transcript, (await transcript(open)).all]) {
            assert.deepEqual(list.map(m => m.seq), list.map(m => m.seq).toSorted((a, b) => a - b));
            assert.equal(new Set(list.map(m => m.seq)).size, list.length);
            assert.deepEqual(list.map(m => m.text).filter(t => /^(more|\()/.test(t)),
                             [...parts, ...more]);
        }
    };
    await check();
    await gw.kill();
    await gw.start();
    await mia().ready();
    await check();
    await mia().post(`/handoffs/${handoff.id}/close`, {});
});

/* ratiba.pages.dev ADR-0006 (a doc); rcmanaure/langraph-bot-v1#32, #36 */
test('one question to the agent is enough to wait, oldest first; a word is enough to leave',
     async () => {
    const first = await waiting('a human, I am the first');
    const second = await waiting('a human, I am the second');
    const mine = async () => (await mia().list()).map(h => h.id)
        .filter(id => [first, second].some(w => w.handoff.id === id));
    assert.deepEqual([asked(first.chat).length, asked(second.chat).length], [1, 1]);
    assert.deepEqual(await mine(), [first.handoff.id, second.handoff.id]);
    const seen = ctl('handoffs', 'queued').split('\n'); // a table
    const row = handoff => seen.findIndex(line => line.startsWith(handoff.id));
    assert.ok(row(first.handoff) > 0 && row(first.handoff) < row(second.handoff), seen.join('\n'));
    await first.chat.say('Stop waiting');
    await until(() => lines(first.chat).some(t => /left the line/.test(t)), 'the leaving', 20000);
    assert.deepEqual(await mine(), [second.handoff.id]);
    await first.chat.say('so you');
    await said(first.chat, 're: so you');
    second.chat.send({ type: 'leave' });
    for (const { chat } of [first, second]) chat.close();
});

/* RocketChat/Apps.Dialogflow#20, botpress/botpress#4284 */
test('the lines of a handoff are in the customer\'s language, and in the business\'s words',
     async () => {
    const { chat, handoff } = await waiting('einen human, bitte', { locale: 'de-DE' });
    await accepted(handoff);
    await until(() => lines(chat).length === 2, 'both lines', 20000);
    assert.match(lines(chat)[0], /Sie warten auf einen Menschen/);
    assert.equal(lines(chat)[1], `Mia ${OWN}`);
    await mia().post(`/handoffs/${handoff.id}/close`, {});
    chat.close();
});

/* RocketChat/Rocket.Chat.Livechat#665 */
test('out of hours each channel takes the message, says the same, and goes on', { skip },
     async () => {
    const chat = await Chat.open(gw, 'web', { hello: { locale: 'en' } });
    const number = '4570000002';
    const channels = [
        { say: text => chat.say(text), heard: () => texts(chat) },
        { say: text => provider.say(gw, 'hook', number, text),
          heard: () => provider.heard(number) },
        { say: async text => assert.equal(
              (await smsc.say(text, { source_addr: number })).command_status, 0),
          heard: () => smsc.heard(number) },
    ];
    await smsc.bound();
    const [web, hook, sms] = await Promise.all(channels.map(async one => {
        await one.say('a human, to closed');
        await until(() => one.heard().length === 1, 'the truth', 20000);
        await one.say('so you');
        await until(() => one.heard().length === 2, 'the agent', 20000);
        return one.heard();
    }));
    assert.match(web[0], new RegExp(`^Your request about .* is noted, .* back .*${opens} at 9:00`));
    assert.equal(web[1], 're: so you');
    assert.deepEqual(hook, web);
    /* What the customer has just written is not said again where that would take a second part. */
    assert.deepEqual(sms, [web[0].replace(/^Your .* but our/, 'Our'), web[1]]);
    chat.close();
});

/* fazer-ai/agents#153; chattermate/chattermate.chat PR 298; chatwoot/chatwoot#6010 */
test('out of hours a mail is promised to who has an address; who has none hears when to come',
     async () => {
    const nobody = await Chat.open(gw, 'web', { hello: { locale: 'en' } });
    const dana = await Chat.open(gw, 'web', {
        hello: { locale: 'en', customer: { id: 'dana', email: 'dana@example.com' } } });
    for (const chat of [nobody, dana]) {
        await chat.say('a human, to mail');
        await until(() => lines(chat).length === 1, 'the truth', 20000);
        await chat.say('one thing more');
        await said(chat, 're: one thing more');
        assert.equal(lines(chat).length, 1);
    }
    assert.match(lines(nobody)[0], new RegExp(`not here right now. .* back .*${opens} at 9:00`));
    assert.match(lines(dana)[0], new RegExp(`answer by mail by .*${opens} at 10:00`));
    const promises = chat => journal(chat.welcome.session).filter(r => r.type === 'promise').length;
    assert.deepEqual([promises(nobody), promises(dana)], [0, 1]);
    for (const chat of [nobody, dana]) chat.close();
});
