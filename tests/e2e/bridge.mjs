/**
 * bridge.mjs - a customer who cannot go on where they are: an operator's token brings them to web chat,
 * and the session, its place in the queue and its epoch stay.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { Agent } from '../lib/agent.mjs';
import { Chat, Socket } from '../lib/chat.mjs';
import { Desk, MIA } from '../lib/desk.mjs';
import { builddir, Gateway, until } from '../lib/gateway.mjs';
import { Provider } from '../lib/provider.mjs';
import { Smsc } from '../lib/smsc.mjs';

const KEY = 'a-key-of-the-provider', TOKEN = 'token-of-operators', PAGE = 'https://shop.example/help';
let gw, agent, provider, smsc, at = 0;

before(async () => {
    agent = await Agent.start();
    await agent.script('bot', [`body:${JSON.stringify({ decision: 'escalate', messages: [],
        escalate: { code: 'customer_request', text: 'They ask for a human.' } })}`]);
    provider = await Provider.start();
    smsc = await Smsc.start();
    gw = await Gateway.start({ tandem: { admin_token: TOKEN }, conf: `
[channel hook]
type = webhook
agent = bot
queue = help
bridge_page = ${PAGE}
verify = bearer
secret = ${KEY}
message_list = /messages/*
url = ${provider.url}/out
[channel short]
type = webhook
agent = bot
queue = help
window = 1s
bridge = sms
bridge_page = ${PAGE}
verify = bearer
secret = ${KEY}
message_list = /messages/*
url = ${provider.url}/out
${smsc.conf('sms', `agent = bot\nqueue = help\nbridge = hook\nbridge_page = ${PAGE}`)}
[channel web]
type = webchat
agent = bot
queue = help
[agent bot]
type = http
url = ${agent.url('bot')}
breaker_failures = 0
${MIA}capacity = 20
` });
});
after(async () => {
    await gw?.close();
    await agent?.stop();
    provider?.stop();
    await smsc?.stop();
});

const says = async (from, text, channel = 'hook') => {
    const res = await fetch(`${gw.url}/hooks/${channel}`, {
        method: 'POST', headers: { Authorization: `Bearer ${KEY}` },
        body: JSON.stringify({ messages: [{ id: `m${++at}`, from, text }] }),
    });
    assert.equal(res.status, 200);
};
const heard = to => provider.heard(to);
const run = (...args) => promisify(execFile)(
    join(builddir, 'tandemctl'), ['-s', join(gw.dir, 'control'), '--json', ...args]);
const ctl = async (...args) => JSON.parse((await run(...args)).stdout);

/** An operator's order by HTTP, with its key. */
async function order(session, what, key) {
    const res = await fetch(`${gw.url}/api/v1/sessions/${session}/${what}`, {
        method: 'POST', headers: { Authorization: `Bearer ${TOKEN}`, 'Idempotency-Key': key },
    });
    return { status: res.status, body: await res.json() };
}

/** How a hello with this token is refused. */
async function refused(bridge) {
    const chat = new Chat(await Socket.open(`${gw.wsUrl}/chat/web`));
    chat.send({ type: 'hello', bridge });
    await until(() => chat.closed, 'the refusal');
    assert.deepEqual(chat.frames.filter(f => f.type === 'welcome'), []);
    return chat.closed;
}

test('a customer who waits goes on by web chat: same session, place in the queue and epoch', async () => {
    const mia = new Desk(gw, 'token-mia');
    await says('+452', 'I am before them: a human, please');
    const [first] = await until(async () => (await mia.list()).length === 1 && mia.list(), 'the first', 20000);
    await says('+451', 'a human, please');
    const [, waiting] = await until(async () => (await mia.list()).length === 2 && mia.list(),
                                    'both to wait', 20000);
    assert.notEqual(waiting.session, first.session);
    const before = await ctl('session', waiting.session);

    const void_ = await order(waiting.session, 'bridge', 'order-0');
    assert.equal(void_.status, 200);
    const { token, link } = await ctl('bridge', waiting.session);
    assert.equal(link, `${PAGE}#bridge=${token}`);
    await until(() => heard('+451').some(t => t.includes(link)), 'the customer to hear of it', 20000);
    const { stdout: facts } = await run('journal', waiting.session);
    assert.match(facts, /"type":"bridge"/);
    const { stdout: all } = await run('journal', waiting.session, '--bodies');
    assert.ok(all.includes(`${PAGE}#bridge=${waiting.session}.`), 'the text is kept');
    const { body: seen } = await mia.get(`/handoffs/${waiting.id}`);
    assert.ok(JSON.stringify(seen).includes(`${PAGE}#bridge=`), 'and shown to humans');
    for (const text of [facts, all, JSON.stringify(seen)])
        assert.ok(!text.includes(token.split('.')[1]), 'the secret is for the customer alone');
    assert.equal((await refused(void_.body.token)).code, 4401); // a newer one was made
    const late = await order(waiting.session, 'bridge', 'order-0');
    assert.equal(late.status, 409, 'and the order that made it makes no other');
    assert.match(late.body.error.message, /newer one/);
    assert.equal((await refused(`${first.session}.${token.split('.')[1]}`)).code, 4401);
    assert.equal((await refused('nonsense')).code, 4401);

    await gw.kill();
    await gw.start();
    await mia.ready();
    const chat = await Chat.open(gw, 'web', { hello: { bridge: token } });
    assert.equal(chat.welcome.session, waiting.session);
    assert.ok(await chat.next(f => f.type === 'echo' && f.text === 'a human, please'));
    const now = await ctl('session', waiting.session);
    assert.equal(now.channel, 'web');
    assert.deepEqual([now.epoch, now.owner, now.handoff], [before.epoch, before.owner, before.handoff]);
    assert.deepEqual((await mia.list()).map(h => [h.id, h.session]),
                     [[first.id, first.session], [waiting.id, waiting.session]]);

    await gw.kill();
    await gw.start();
    await mia.ready();
    assert.equal((await refused(token)).code, 4401); // it worked once, and that is on disk
    chat.destroy();
    const again = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume } });
    assert.equal(again.welcome.session, waiting.session);

    const quiet = heard('+451').length;
    assert.equal((await mia.post(`/handoffs/${waiting.id}/accept`)).status, 200);
    assert.ok((await mia.post(`/handoffs/${waiting.id}/messages`, { text: 'Mia here.' },
                              { 'Idempotency-Key': 'm1' })).status < 300);
    await again.next(f => f.type === 'message' && f.text === 'Mia here.');
    await again.say('I came over');
    await until(async () => JSON.stringify((await mia.get(`/handoffs/${waiting.id}`)).body)
        .includes('I came over'), 'the human to have it', 20000);
    assert.equal(heard('+451').length, quiet, 'nothing of it goes to the old address');

    await says('+451', 'hello again'); // the old address begins anew
    const third = await until(async () => (await mia.list()).find(h => h.session !== first.session),
                              'a session of its own', 20000);
    assert.notEqual(third.session, waiting.session);
    assert.ok(!JSON.stringify(again.frames).includes('hello again'));
    again.close();
});

test('what is said next goes to the new channel, also when nothing was started anew', async () => {
    const mia = new Desk(gw, 'token-mia'), known = (await mia.list()).map(h => h.session);
    await says('+453', 'a human, please');
    const { session } = await until(async () => (await mia.list()).find(h => !known.includes(h.session)),
                                    'it to wait', 20000);
    await until(() => heard('+453').length > 0, 'the old channel to be in use', 20000);
    const { token } = await ctl('bridge', session);
    const chat = await Chat.open(gw, 'web', { hello: { bridge: token } });
    await ctl('close', session);
    await chat.next('bye');
    chat.close();
});

test('a human sends the customer they have over, once, however often they ask', async () => {
    const mia = new Desk(gw, 'token-mia'), known = (await mia.list()).map(h => h.session);
    await says('+454', 'a human, please');
    const { id, session } = await until(
        async () => (await mia.list()).find(h => !known.includes(h.session)), 'it to wait', 20000);
    const make = key => mia.post(`/handoffs/${id}/bridge`, undefined, { 'Idempotency-Key': key });
    assert.equal((await make('early')).status, 403);
    assert.equal((await mia.post(`/handoffs/${id}/accept`)).status, 200);
    const made = await make('b1');
    assert.equal(made.status, 200);
    assert.deepEqual(Object.keys(made.body), ['expires_at'], 'the human does not get the token');
    assert.deepEqual((await make('b1')).body, made.body);
    const links = () => heard('+454').join(' ').match(/#bridge=\S+[0-9a-f]/g) ?? [];
    await until(() => links().length > 0, 'the customer to get the link', 20000);
    const chat = await Chat.open(gw, 'web', { hello: { bridge: links()[0].slice(8) } });
    assert.equal(chat.welcome.session, session);
    assert.deepEqual(chat.welcome.owner, { kind: 'human', name: 'Mia' });
    assert.equal((await mia.post(`/handoffs/${id}/messages`, { text: 'here you are' },
                                 { 'Idempotency-Key': 'm' })).status, 200);
    await chat.next(f => f.type === 'message' && f.text === 'here you are');
    assert.equal(links().length, 1);
    const here = await make('b2'); // from a channel without a page
    assert.deepEqual([here.status, here.body.error.code], [409, 'no_page']);
    assert.equal((await order(session, 'close', 'end')).status, 200);
    assert.equal((await order(session, 'close', 'end')).status, 200);
    assert.equal((await order(session, 'close', 'other')).status, 409);
    const over = await make('b3');
    assert.deepEqual([over.status, over.body.error.code], [409, 'over']);
    chat.close();
});

test('what cannot be bridged is refused with a sentence', async () => {
    const chat = await Chat.open(gw, 'web');
    const session = chat.welcome.session;
    await assert.rejects(ctl('bridge', session, 'javascript:alert(1)'),
                         e => /http\(s\) address of a page/.test(e.stdout + e.stderr));
    const { token } = await ctl('bridge', session);
    await ctl('close', session);
    await assert.rejects(ctl('bridge', session));
    const { code, reason } = await refused(token);
    assert.equal(code, 4401);
    assert.match(reason, /token/);
    chat.close();
});

test('who cannot be reached any more hears by SMS how to go on, once, over restarts', async () => {
    const mia = new Desk(gw, 'token-mia'), known = (await mia.list()).map(h => h.session);
    const number = '+4533445566', sms = () => smsc.heard(number.slice(1));
    const from = Date.now();
    await says(number, 'a human, please', 'short');
    const { id, session } = await until(
        async () => (await mia.list()).find(h => !known.includes(h.session)), 'it to wait', 20000);
    assert.equal((await mia.post(`/handoffs/${id}/accept`)).status, 200);
    const { body: { package: { channel } } } = await mia.get(`/handoffs/${id}`);
    const closes = Date.parse(channel.reply_until);
    assert.ok(closes > from && closes < Date.now() + 2000, channel.reply_until);
    const before = await ctl('session', session);
    await until(() => Date.now() > closes, 'the window to close', 10000);
    const quiet = heard(number).length;
    smsc.onSubmit = () => ({ command_status: 0x14 }); // the queue is full: nothing leaves yet
    for (const text of ['are you there?', 'hello?'])
        assert.equal((await mia.post(`/handoffs/${id}/messages`, { text },
                                     { 'Idempotency-Key': text })).status, 200);
    await until(async () => (await run('journal', session)).stdout.includes('"outcome":3'),
                'the other session to have it', 20000); // told
    await gw.kill();
    smsc.onSubmit = () => ({});
    await gw.start();
    await mia.ready();
    await until(() => sms().length > 0, 'the SMS', 20000);
    const [, link, token] = sms().join('').match(/(https:\S+)#bridge=(\S+)/);
    assert.equal(link, PAGE);
    const chat = await Chat.open(gw, 'web', { hello: { bridge: token } });
    const now = await ctl('session', session);
    assert.equal(chat.welcome.session, session);
    assert.deepEqual([now.channel, now.epoch, now.handoff, now.owner],
                     ['web', before.epoch, before.handoff, before.owner]);
    for (const text of ['are you there?', 'hello?'])
        assert.ok(chat.frames.some(f => f.type === 'message' && f.text === text), text);
    await chat.say('yes, here');
    const notes = await until(async () => {
        const { transcript } = (await mia.get(`/handoffs/${id}`)).body;
        return transcript.some(m => m.text === 'yes, here') && transcript.filter(m => m.author === 'note');
    }, 'the human to have it', 20000);
    assert.deepEqual(notes.map(n => /short cannot reach.* by sms/.test(n.text)), [true]);
    assert.equal(heard(number).length, quiet, 'nothing went where nothing arrives');
    assert.equal(sms().join('').match(/#bridge=/g).length, 1, 'told once');
    const { stdout: all } = await run('journal', session, '--bodies');
    assert.ok(!all.includes(token.split('.')[1]));
    chat.close();
});

test('whose number is dead hears by the other channel how to go on, by a refusal or a receipt', async () => {
    const mia = new Desk(gw, 'token-mia');
    for (const [number, dies] of [['4533445577', () => { smsc.onSubmit = () => ({ command_status: 0x0b }); }],
                                  ['4533445588', () => { smsc.onSubmit = pdu => {
                                      setTimeout(() => smsc.receipt('dead', 'UNDELIV', { err: '027', pdu: { source_addr: pdu.destination_addr } }), 50);
                                      return { message_id: 'dead' };
                                  }; }]]) {
        const known = (await mia.list()).map(h => h.session);
        await smsc.say('a human, please', { source_addr: number });
        const { id } = await until(async () => (await mia.list()).find(h => !known.includes(h.session)), 'it to wait', 20000);
        assert.equal((await mia.post(`/handoffs/${id}/accept`)).status, 200);
        await until(() => smsc.heard(number).length > 0, 'what it said first', 20000);
        dies();
        assert.equal((await mia.post(`/handoffs/${id}/messages`, { text: 'hello?' }, { 'Idempotency-Key': number })).status, 200);
        await until(() => heard(`+${number}`).some(t => t.includes(`${PAGE}#bridge=`)), 'the link by the other channel', 20000);
        smsc.onSubmit = () => ({});
    }
});

test('a bridge of the conf that leads nowhere is refused with its line', async () => {
    const check = async keys => {
        const dir = mkdtempSync(join(tmpdir(), 'tandem-bridge-'));
        writeFileSync(join(dir, 't.conf'), `[tandem]\nstore = memory:\n[channel web]\ntype = webchat\n` +
            `agent = bot\n[channel sms]\ntype = loopback\nagent = bot\n${keys}\n[agent bot]\ntype = echo\n`);
        const { stdout, stderr, code } = await promisify(execFile)(
            join(builddir, 'tandemd'), ['-t', '-c', join(dir, 't.conf')]).catch(e => e);
        rmSync(dir, { recursive: true });
        return code ? stdout + stderr : 'good';
    };
    assert.match(await check('bridge_page = ftp://shop.example'), /t\.conf:9:.*http\(s\) address of a page/s);
    assert.match(await check('bridge_page = http://shop.example/#x'), /http\(s\) address of a page/);
    assert.match(await check('bridge = nowhere'), /no channel of this name/);
    assert.match(await check('bridge = web\nbridge_page = http://shop.example'), /write to a customer first/);
    assert.match(await check('bridge = sms\nbridge_page = http://shop.example'), /must be another channel/);
});
