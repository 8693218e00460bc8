/**
 * sms_kills.mjs - whole conversations over SMPP, an agent, a human, the agent again, while the gateway
 * is killed at random moments and the SMSC drops, delays, repeats and reorders: nothing that was
 * acknowledged is lost; what comes twice was left open by the wire, and the journal says so, always.
 * 20 kills; TANDEM_FULL=1: 100. TANDEM_SEED: of the dice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Bot } from '../lib/bot.mjs';
import { Desk, MIA } from '../lib/desk.mjs';
import { Gateway, sanitized, sleep, until } from '../lib/gateway.mjs';
import { BadDay } from '../lib/smsc_faults.mjs';
import { Smsc, smpp } from '../lib/smsc.mjs';

const skip = smpp ? false : 'npm smpp is not installed';
const kills = process.env.TANDEM_FULL ? 100 : sanitized ? 5 : 20;
const CUSTOMERS = ['4580000001', '4580000002', '4580000003', '4580000004'];
const SENT = 1, UNCERTAIN = 2;

/** Three parts, with an emoji where the first one ends. */
const long = tag => `${tag} `.padEnd(66, 'я') + '😀' + 'я'.repeat(66) + `конец ${tag}`;
const answerTo = text => text.startsWith('long') ? long(text) : `re: ${text}`;

/** An agent that answers each message with one of its own; what it was asked, and said in each turn. */
async function startAgent() {
    const ids = new Map(), turns = new Map();
    const bot = await Bot.start((_, res, { turn, messages }) => {
        for (const { id, text } of messages) ids.set(text, (ids.get(text) ?? new Set()).add(id));
        const human = messages.find(m => m.text.startsWith('human'));
        const texts = messages.filter(m => m !== human).map(m => answerTo(m.text));
        turns.set(turn, texts);
        return {
            decision: human ? 'escalate' : 'resolve', messages: texts.map(text => ({ text })),
            ...(human && { escalate: { code: 'customer_request', text: 'The customer asks for a human.' } }),
        };
    });
    return Object.assign(bot, { ids, turns });
}

const textOf = s => s.data_coding === 8 ? Buffer.from(s.body).swap16().toString('utf16le') : s.body.toString('latin1');

/** What came, by customer, text and part: key -> pdus, in the order they came. The first part of a long
 *  text names the others. */
function received(submits) {
    const tags = new Map(), keys = new Map();
    const whole = s => `${s.destination_addr}/${s.udh.subarray(3, 5).toString('hex')}`;
    for (const s of submits) if (s.udh.at(-1) === 1) tags.set(whole(s), textOf(s).split(' я')[0]);
    for (const s of submits) {
        const key = `${s.destination_addr}|${s.udh.length ? `${tags.get(whole(s))}|${s.udh.at(-1)}` : textOf(s)}`;
        keys.set(key, [...(keys.get(key) ?? []), s]);
    }
    return keys;
}

/** Mia takes whoever waits, says hello, and gives back who has thanked her; through any crash. */
class Mia {
    constructor(gw, customers) {
        Object.assign(this, { gw, customers, hello: new Map(), isOver: false });
        this.desk = new Desk(gw, 'token-mia');
    }

    async work() {
        while (!this.isOver) {
            await this.once().catch(error => { this.heard(error); });
            await sleep(30);
        }
    }

    /** While the gateway is down nobody answers; a call that it took and never answers is its fault. */
    heard(error) {
        this.wrong = `${error} (${error.cause})`;
        if (error.name === 'TimeoutError') this.unanswered = this.wrong;
    }

    async once() {
        await this.desk.presence();
        for (const { id } of await this.desk.list('queued')) {
            const { status, body } = await this.desk.post(`/handoffs/${id}/accept`);
            if (status >= 300) this.refused = body;
        }
        for (const { id, session } of await this.desk.list('mine')) {
            const key = { 'Idempotency-Key': `hello-${id}` };
            const { status, body } = await this.desk.post(`/handoffs/${id}/messages`, { text: `Mia here (${id})` }, key);
            if (status < 300) this.hello.set(id, { session, seq: body.seq });
            if ([...this.customers].some(c => c.thanked === id))
                await this.desk.post(`/handoffs/${id}/return`, { note: 'done' });
        }
    }
}

class Customer {
    constructor(number, bad, smsc) {
        Object.assign(this, { number, bad, smsc, said: [], talks: 0 });
    }

    async say(text) {
        await this.bad.say(this.number, text);
        this.said.push(text);
    }

    texts() {
        return [...received(this.smsc.submits.filter(s => s.destination_addr === this.number)).keys()]
            .map(key => key.split('|').slice(1).join('|'));
    }

    hears(test, what) {
        return until(() => this.texts().find(test), `"${what}" at ${this.number}`, 40000);
    }

    /** One whole conversation. */
    async talk() {
        const tag = `${this.number.slice(-1)}.${this.talks}`;
        await Promise.all([this.say(`first ${tag}`), this.say(`second ${tag}`)]);
        await this.hears(t => t === `re: first ${tag}`, `re: first ${tag}`);
        await this.hears(t => t === `re: second ${tag}`, `re: second ${tag}`);
        await this.say(`long ${tag}`);
        for (const part of [1, 2, 3]) await this.hears(t => t === `long ${tag}|${part}`, `long ${tag}, part ${part}`);
        const before = new Set(this.texts());
        await this.say(`human ${tag}`);
        const hello = await this.hears(t => t.startsWith('Mia here') && !before.has(t), `Mia after ${tag}`);
        await this.say(`thanks ${tag}`);
        this.thanked = /\((.*)\)/.exec(hello)[1];
        await this.say(`last ${tag}`);
        await until(async () => (await this.mia.desk.list('mine').catch(() => [{ id: this.thanked }]))
            .every(h => h.id !== this.thanked), 'the return', 40000);
        await this.say(`after ${tag}`);
        await this.hears(t => t === `re: after ${tag}`, `re: after ${tag}`);
        this.talks++;
    }
}

/** Every reply of every session: text (of the agent's turns and of Mia), seq, its deliveries. */
async function replies(gw, agent, mia) {
    const get = async path => (await fetch(`${gw.url}/api/v1${path}`, { headers: { Authorization: 'Bearer operator' } })).text();
    const all = [];
    for (const { id } of JSON.parse(await get('/sessions')).sessions) {
        const records = [];
        for (let page; (page = (await get(`/sessions/${id}/journal?after=${records.at(-1)?.seq ?? 0}`)).trim()); )
            records.push(...page.split('\n').map(line => JSON.parse(line)));
        const nth = new Map();
        for (const reply of records.filter(r => r.type === 'reply')) {
            const i = nth.get(reply.turn) ?? 0;
            nth.set(reply.turn, i + 1);
            const hello = [...mia.hello].find(([, h]) => h.session === id && h.seq === reply.seq);
            all.push({ text: hello ? `Mia here (${hello[0]})` : agent.turns.get(reply.turn)?.[i],
                       seq: reply.seq, deliveries: records.filter(r => r.type === 'delivery' && r.of === reply.seq) });
        }
    }
    return all;
}

/** When the journal had it that all of it was sent: from then on it must not leave again. */
const sentAt = reply => reply.deliveries.find(d => d.status === SENT)?.at ?? Infinity;

test(`${kills} kills in the middle of whole conversations`, { skip, timeout: 1800000 }, async t => {
    const smsc = await Smsc.start(), agent = await startAgent();
    const bad = new BadDay(smsc, Number(process.env.TANDEM_SEED ?? 42));
    const gw = await Gateway.start({
        tandem: { rules: 'none', admin_token: 'operator' },
        conf: `${smsc.conf('sms', `agent = front
queue = help
tps = 1000
window = 100
response_timeout = 2s
long_messages = udh16
resend_on_timeout = yes
enquire_link = 500ms`)}
[agent front]
type = http
url = ${agent.url}
${MIA}`,
    });
    const customers = CUSTOMERS.map(number => new Customer(number, bad, smsc));
    const mia = new Mia(gw, customers);
    const cuts = bad.cuts;
    let isOver = false;
    await smsc.bound();
    const working = mia.work();
    const talking = Promise.all(customers.map(async customer => {
        customer.mia = mia;
        do await customer.talk(); while (!isOver);
    }));
    talking.catch(() => {});
    for (let i = 0; i < kills; i++) {
        await sleep(50 + 450 * bad.random());
        gw.signal('SIGKILL');
        cuts.push(Date.now());
        await gw.exited;
        await gw.start();
    }
    isOver = true;
    bad.over();
    const error = await talking.then(() => null, wrong => wrong); // each conversation comes to its end: all was heard
    const atDesk = error && [await mia.desk.list('queued'), await mia.desk.list('mine'), (await mia.desk.get('/me')).body,
                             mia.refused, mia.wrong];
    mia.isOver = true;
    await working;
    assert.equal(error, null, `${error?.message}; at the desk: ${JSON.stringify(atDesk)}`);
    assert.equal(mia.unanswered, undefined, 'each call of the desk is answered, or refused');

    for (const { said } of customers)
        for (const text of said.filter(text => !/^(thanks|last|human)/.test(text)))
            assert.equal(agent.ids.get(text)?.size, 1, `${text}: one message, however often it was said`);

    await sleep(300); // the newest marks
    const journal = await replies(gw, agent, mia);
    let doubled = 0, inFlight = 0;
    const came = new Map(); // reply -> when its parts came
    for (const [key, pdus] of received(smsc.submits)) {
        const said = key.split('|')[1], reply = journal.find(r => r.text === said || r.text?.startsWith(`${said} `));
        if (!reply) continue; // the gateway's own words, the same each time
        const story = `${key}: ${JSON.stringify(reply.deliveries)} came at ${pdus.map(p => p.at)}, cut at ${cuts}`;
        came.set(reply, [...(came.get(reply) ?? []), ...pdus.map(p => p.at)]);
        doubled += pdus.length - 1;
        assert.ok(pdus.every(p => p.at <= sentAt(reply)), `it came again though it was known as sent: ${story}`);
        if (pdus.length > 1)
            assert.ok(reply.deliveries.some(d => d.maybe_duplicate === 1), `nothing says that it came again: ${story}`);
    }
    for (const at of cuts) // parts that had come, of replies of which the journal knew nothing yet
        for (const [reply, times] of came)
            if (!reply.deliveries.some(d => d.status >= SENT && d.at < at)) inFlight += times.filter(time => time < at).length;
    assert.ok(doubled <= inFlight + bad.silent, `${doubled} doubled, ${inFlight} were in flight, ${bad.silent} not answered`);
    assert.ok(journal.every(r => r.deliveries.some(d => d.status >= SENT && d.status !== UNCERTAIN)));
    assert.deepEqual([...new Set(smsc.submits.map(s => s.source_addr))], ['12345']);
    t.diagnostic(`${kills} kills, ${customers.reduce((n, c) => n + c.talks, 0)} conversations, ` +
        `${customers.reduce((n, c) => n + c.said.length, 0)} messages in, ${smsc.submits.length} parts out, ` +
        `lost 0, ${doubled} parts came again of ${inFlight} in flight at a cut and ${bad.silent} not answered`);
    await gw.close();
    await smsc.stop();
    agent.stop();
});
