/**
 * sms_http_talk.mjs - a whole conversation by an HTTP provider: an agent, a human, the agent again, one thread from
 * one number; out of hours; who is the same customer; and the gateway killed again and again.
 * TANDEM_FULL=1: killed a hundred times.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Bot } from '../lib/bot.mjs';
import { Chat } from '../lib/chat.mjs';
import { Desk, MIA } from '../lib/desk.mjs';
import { Gateway, sanitized, sleep, srcdir, until } from '../lib/gateway.mjs';
import { ACCOUNT, OURS, SECRET, SmsProvider, TOKEN, api, missing as skip, somebody } from '../lib/sms_provider.mjs';

/** An agent that says what the customer said, asks which, or wants a human. It keeps what it was asked. */
async function agent() {
    const asked = [];
    const bot = await Bot.start((last, res, body) => {
        const texts = body.messages.map(m => m.text ?? ''), text = texts.join(' ');
        asked.push(body);
        return /human|menneske/.test(text)
            ? { decision: 'escalate', messages: [], escalate: { code: 'customer_request', text: 'The customer asks for a human.' } }
            : text.includes('choose')
                ? { messages: [{ text: 'Which one?', choices: [{ title: 'Red', value: 'r' }, { title: 'Blue', value: 'b' }] }] }
                : body.messages.at(-1).choice ? `chosen: ${body.messages.at(-1).choice}`
                    : { messages: Array.from({ length: Math.ceil(texts.length / 5) }, (_, i) =>
                        ({ text: `re: ${texts.slice(5 * i, 5 * i + 5).join(' + ')}` })) };
    });
    return Object.assign(bot, { asked });
}

const conf = (provider, front, keys = '', more = '') => `
${provider.conf('sms', `agent = front\nqueue = help\nwindow = 100\n${keys}`)}
[agent front]
type = http
url  = ${front.url}
${MIA}${more}`;

for (const kind of ['twilio', 'vonage']) {
    test(`by ${kind}, a customer, an agent, a human and the agent again are one thread from one number`, { skip }, async () => {
        const provider = await SmsProvider.start(kind), front = await agent(), who = somebody();
        const gw = await Gateway.start({ conf: conf(provider, front) });
        const mia = new Desk(gw, 'token-mia');
        try {
            await mia.presence();
            await provider.say(gw, who, 'let me choose');
            await provider.hears(who, '1. Red\n2. Blue');
            await provider.say(gw, who, '2');
            await provider.hears(who, 'chosen: b');
            await provider.say(gw, who, 'a human, please');
            const handoff = await mia.waiting();
            assert.equal((await mia.post(`/handoffs/${handoff.id}/accept`)).status, 200);
            assert.ok((await mia.post(`/handoffs/${handoff.id}/messages`, { text: 'Mia here.' }, { 'Idempotency-Key': 'm1' })).status < 300);
            await provider.hears(who, 'Mia here.');
            await provider.say(gw, who, 'thank you, Mia');
            await until(async () => JSON.stringify((await mia.get(`/handoffs/${handoff.id}`)).body ?? '').includes('thank you, Mia'),
                        'what the customer said to Mia', 5000);
            const back = await mia.post(`/handoffs/${handoff.id}/return`, { note: 'done' });
            assert.ok(back.status < 300, JSON.stringify(back));
            await until(async () => (await mia.list('live')).length === 0, 'the return');
            await provider.say(gw, who, 'and now?');
            assert.match((await provider.hears(who, 'and now?')).text, /^re: /);
            assert.deepEqual([...new Set(provider.sent.map(m => `+${m.from.replace('+', '')}>${m.to}`))], [`${OURS}>${who}`]);
        } finally {
            await gw.close();
            await provider.stop();
            front.stop();
        }
    });
}

test('out of hours the customer hears so once, in one part, and nobody is promised', { skip }, async () => {
    const provider = await SmsProvider.start('twilio'), front = await agent(), who = somebody();
    const gw = await Gateway.start({ conf: conf(provider, front).replace('[queue help]', '[queue help]\nhours = never') });
    try {
        await provider.say(gw, who, 'a human, please');
        const said = await provider.hears(who, '');
        assert.ok(said.text.length <= 160, said.text);
        await provider.say(gw, who, 'what else?');
        await provider.hears(who, 're: what else?');
        assert.equal(provider.heard(who).length, 2);
    } finally {
        await gw.close();
        await provider.stop();
        front.stop();
    }
});

test('who says on web chat to be the owner of a number gets nothing of what was said by SMS', { skip }, async () => {
    const provider = await SmsProvider.start('twilio'), front = await agent(), who = somebody();
    const gw = await Gateway.start({ tandem: { admin_token: 'operator' }, conf: conf(provider, front, '',
        '[channel web]\ntype = webchat\nagent = front\nqueue = help\n') });
    try {
        await provider.say(gw, who, 'my secret is 4711');
        await provider.hears(who, 're: my secret is 4711');
        const [{ id }] = JSON.parse(await api(gw, '/sessions')).sessions;
        const chat = await Chat.open(gw, 'web', { hello: { customer: { id: who, name: 'Mallory' } } });
        chat.send({ type: 'message', id: 'm1', text: 'it is me' });
        await chat.message();
        const web = front.asked.findLast(a => a.session.channel === 'web');
        assert.notEqual(web.session.id, id);
        assert.equal(web.session.customer.verified, false);
        assert.ok(!JSON.stringify(web).includes('4711'));
        chat.destroy();
        /* With the token of a link that went to their number they are the same customer in the same session. */
        const made = await (await fetch(`${gw.url}/api/v1/sessions/${id}/bridge`, { method: 'POST',
            headers: { Authorization: 'Bearer operator', 'Content-Type': 'application/json' }, body: '{}' })).json();
        const token = made.token ?? made.bridge;
        assert.ok(token, JSON.stringify(made));
        const over = await Chat.open(gw, 'web', { hello: { bridge: token } });
        over.send({ type: 'message', id: 'm2', text: 'by the link' });
        await until(() => front.asked.some(a => a.messages.some(m => m.text === 'by the link')), 'the turn', 5000);
        const linked = front.asked.find(a => a.messages.some(m => m.text === 'by the link'));
        assert.equal(linked.session.id, id);
        assert.match(JSON.stringify(linked.history), /4711/);
        over.destroy();
    } finally {
        await gw.close();
        await provider.stop();
        front.stop();
    }
});

test('the sample conf works: two providers, one brand', { skip }, async () => {
    const [one, two] = [await SmsProvider.start('twilio'), await SmsProvider.start('vonage')], who = somebody();
    const gw = new Gateway({ conf: `${readFileSync(join(srcdir, 'conf/samples/sms_twilio.conf'), 'utf8')}\n[agent front]\ntype = echo\n` });
    for (const [name, text] of Object.entries({ 'twilio.token': TOKEN, 'vonage.secret': TOKEN, 'vonage.signature': SECRET }))
        writeFileSync(join(gw.dir, name), text, { mode: 0o600 });
    gw.options.env = { TANDEM_SECRETS: gw.dir, TWILIO_API: one.url, VONAGE_API: two.url, TWILIO_ACCOUNT: ACCOUNT.twilio };
    try {
        await gw.start();
        await one.say(gw, who, 'by Twilio');
        await one.hears(who, 'by Twilio');
        await two.say(gw, who, 'by Vonage', { to: '447700900000' }, { channel: 'sms_uk' });
        await two.hears(who, 'by Vonage');
    } finally {
        await gw.close();
        await one.stop();
        await two.stop();
    }
});

/** Every reply of every session: its text, and what the journal has of its delivery. */
async function replies(gw) {
    const all = [];
    for (const { id } of JSON.parse(await api(gw, '/sessions?limit=1000')).sessions)
        for (let after = 0, page; (page = (await api(gw, `/sessions/${id}/journal?bodies=1&after=${after}`)).trim());) {
            const records = page.split('\n').map(line => JSON.parse(line));
            all.push(...records.map(r => ({ ...r, session: id })));
            after = records.at(-1).seq;
        }
    return all.filter(r => r.type === 'reply').map(r => ({ text: r.body?.text,
        deliveries: all.filter(d => d.type === 'delivery' && d.session === r.session && d.of === r.seq) }));
}

test('killed again and again, it loses nothing that it has acknowledged, and says what it may have said twice', { skip, timeout: 1800000 }, async t => {
    const kills = process.env.TANDEM_FULL ? 100 : sanitized ? 5 : 20, customers = 4;
    const provider = await SmsProvider.start('twilio'), front = await agent();
    const gw = await Gateway.start({ conf: conf(provider, front, 'timeout = 2s'), tandem: { rules: 'none', admin_token: 'operator' } });
    const acknowledged = new Set();
    let over = false, n = 0, seed = 42;
    const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;

    provider.onSend = () => {
        const dice = random();
        if (dice < 0.01) return { status: 429, body: { code: 20429, message: 'slow' } };
        if (dice < 0.02) return { status: 500, body: {} };
        if (dice < 0.05) return { cut: true };
        return {};
    };
    /* Says the same until it is taken, as a provider that retries; sometimes once more. */
    const speak = async who => {
        for (let i = 0; !over; i++) {
            const text = `m${who.slice(1)}-${i}-${n++}`, fields = provider.message(who, text);
            for (;;) {
                const answer = await provider.hook(gw, fields).catch(() => null);
                if (answer?.status === 200) break;
                await sleep(20 + 50 * random());
            }
            acknowledged.add(text);
            if (random() < 0.1) await provider.hook(gw, fields).catch(() => null);
            await sleep(30 * random());
        }
    };
    try {
        const all = Promise.all(Array.from({ length: customers }, () => speak(somebody())));
        for (let i = 0; i < kills; i++) {
            await sleep(50 + 200 * random());
            await gw.kill();
            await gw.start();
        }
        await sleep(300);
        over = true;
        await all;
        const heard = () => provider.sent.map(m => m.text).join('\n');
        await until(() => [...acknowledged].every(text => heard().includes(text)), 'all answers', 90000)
            .catch(() => assert.deepEqual([...acknowledged].filter(t => !heard().includes(t)), []));
        const times = new Map();
        for (const m of provider.sent)
            for (const text of new Set(m.text.match(/m\d+-\d+-\d+/g) ?? [])) times.set(text, (times.get(text) ?? 0) + 1);
        const doubled = [...times.values()].filter(t => t > 1).length;
        assert.ok(doubled <= 5 * kills * customers, `${doubled} doubled by ${kills} kills`);
        assert.ok(acknowledged.size > 20);
        const twice = (await replies(gw)).filter(r => provider.sent.filter(m => m.text === r.text).length > 1);
        for (const r of twice)
            assert.ok(r.deliveries.some(d => d.maybe_duplicate === 1), `nothing says that it came again: ${JSON.stringify(r)}`);
        t.diagnostic(`${kills} kills, ${acknowledged.size} messages in, ${provider.sent.length} out, ${twice.length} of them twice`);
    } finally {
        over = true;
        await gw.close();
        await provider.stop();
        front.stop();
    }
});
