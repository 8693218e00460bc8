/**
 * desk_faults.mjs - a foreign desk that does not answer, and a gateway that is killed meanwhile: the
 * queue is kept, the desk gets each thing once by its id, and the customer hears each thing once.
 */
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createDoor } from 'node:net';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Front, replayed, texts } from '../lib/front.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const KEY = Buffer.alloc(32, 7);
const SECRET = `whsec_${KEY.toString('base64')}`;
let gw, front, desk;

/** Takes signed events; `mode` is ok, hang, or down (nothing listens). */
class ForeignDesk {
    constructor() {
        this.posts = [];
        this.mode = 'ok';
        this.held = [];
    }

    async listen(port = 0) {
        this.server = createServer(async (req, res) => {
            let raw = '';
            for await (const chunk of req) raw += chunk;
            this.posts.push({ id: req.headers['webhook-id'], at: Date.now(), ...JSON.parse(raw) });
            if (this.mode === 'hang') this.held.push(res);
            else res.setHeader('Content-Type', 'application/json').end('{}');
        });
        await new Promise(done => this.server.listen(port, '127.0.0.1', done));
        this.port = this.server.address().port;
    }

    async down() {
        this.server.closeAllConnections();
        await new Promise(done => this.server.close(done));
    }

    up() { return this.listen(this.port); }

    /** What the desk's humans do. */
    async op(body) {
        const id = randomUUID(), at = String(Math.floor(Date.now() / 1000));
        const raw = JSON.stringify({ id, ...body });
        const mac = createHmac('sha256', KEY).update(`${id}.${at}.${raw}`).digest('base64');
        const res = await fetch(`${gw.url}/hooks/foreign`, { method: 'POST', body: raw, headers: {
            'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': `v1,${mac}` } });
        return { status: res.status, body: await res.json() };
    }

    of(chat, event) {
        return this.posts.filter(p => p.event === event && p.session === chat.welcome.session);
    }
}

/** Where the desk was nobody answers: whoever comes is counted and sent away. */
class ClosedDoor {
    async listen(port) {
        this.tries = [];
        this.server = createDoor(socket => { this.tries.push(Date.now()); socket.destroy(); });
        await new Promise(done => this.server.listen(port, '127.0.0.1', done));
    }

    open() { return new Promise(done => this.server.close(done)); }
}

const conf = (keys = '') => front.conf(`[desk foreign]
type    = webhook
url     = http://127.0.0.1:${desk.port}/
secret  = ${SECRET}
timeout = 1s
${keys}
[queue foreign]
desk = foreign
offer_timeout = 10min
`, 'foreign');

before(async () => {
    front = await Front.start();
    desk = new ForeignDesk();
    await desk.listen();
    gw = await Gateway.start({ conf: conf('retry = 40ms\nretry_max = 640ms') });
});

after(async () => {
    await gw?.close();
    await front?.stop();
    desk?.server.closeAllConnections();
    desk?.server.close();
});

async function customer() {
    const chat = await Chat.open(gw, 'web');
    await chat.say('I want a human, please');
    return chat;
}

/** It is accepted, spoken to and closed; then each thing was heard once, in this order. */
async function goes_on(chat, handoff) {
    const accepted = await until(async () => {
        const answer = await desk.op({ handoff, op: 'accept', human: 'Fay' });
        return answer.status === 200 && answer;
    }, 'the acceptance', 20000);
    assert.equal(accepted.body.ok, true);
    assert.equal((await desk.op({ handoff, op: 'message', human: 'Fay', text: 'Fay here.' })).status,
                 200);
    await until(async () => (await replayed(gw, chat)).includes('Fay here.'), 'the words', 20000);
    const all = await replayed(gw, chat);
    assert.equal(new Set(all).size, all.length, JSON.stringify(all));
    const at = [/checking/, /in line|waiting/, /Fay is here/, /^Fay here/].map(what =>
        all.findIndex(text => what.test(text)));
    assert.deepEqual([...at].sort((a, b) => a - b), at, JSON.stringify(all));
    assert.ok(!at.includes(-1), JSON.stringify(all));
    assert.equal((await desk.op({ handoff, op: 'close', human: 'Fay' })).status, 200);
}

test('kill -9 while the desk is asked: it is asked again, and the customer hears each thing once',
     async () => {
    desk.mode = 'hang';
    const chat = await customer();
    const first = await until(() => desk.of(chat, 'handoff.offered')[0], 'the offer', 20000);
    await until(() => texts(chat, 'system').some(t => /checking/.test(t)), 'the word', 20000);
    await gw.kill();
    desk.mode = 'ok';
    await gw.start();
    const again = await until(() => desk.of(chat, 'handoff.offered')
        .find(p => p.at > first.at && p !== first), 'the second offer', 20000);
    assert.deepEqual([again.id, again.handoff], [first.id, first.handoff]);
    await goes_on(chat, first.handoff);
});

test('the desk is away while it is asked: asked until it answers, and the customer is told once',
     async () => {
    await desk.down();
    const chat = await customer();
    await until(() => texts(chat, 'system').some(t => /checking/.test(t)), 'the word', 20000);
    await sleep(1500); // some tries fail
    assert.equal(texts(chat, 'system').length, 1, JSON.stringify(texts(chat)));
    await desk.up();
    const offer = await until(() => desk.of(chat, 'handoff.offered')[0], 'the offer', 20000);
    await goes_on(chat, offer.handoff);
});

test('the desk is away while a customer waits: the queue is kept, what they add arrives in order',
     async () => {
    const chat = await customer();
    const offer = await until(() => desk.of(chat, 'handoff.offered')[0], 'the offer', 20000);
    await until(() => texts(chat, 'system').some(t => /in line|waiting/.test(t)), 'queued', 20000);
    await desk.down();
    const told = texts(chat, 'system').length;
    const words = ['one', 'two', 'three'];
    for (const word of words) await chat.say(word);
    await gw.kill(); // and the gateway, too
    await gw.start();
    await sleep(1000);
    await desk.up();
    await until(() => desk.of(chat, 'handoff.delta').length >= words.length, 'the additions', 30000);
    const ids = new Map(desk.of(chat, 'handoff.delta').map(p => [p.id, p.message.text]));
    assert.deepEqual([...ids.values()], words);
    assert.equal((await replayed(gw, chat)).length, told);
    await goes_on(chat, offer.handoff);
});

/** Three customers, an outage, a kill in the middle of it, and all of them are served. */
async function outage(pause, longest, lasts) {
    const waiting = [await customer(), await customer()];
    const offers = [];
    for (const chat of waiting) {
        offers.push(await until(() => desk.of(chat, 'handoff.offered')[0], 'the offer', 20000));
        await until(() => texts(chat, 'system').some(t => /in line|waiting/.test(t)), 'queued', 20000);
    }
    const told = waiting.map(chat => texts(chat, 'system'));
    const door = new ClosedDoor();
    await desk.down();
    await door.listen(desk.port);
    const until_ = Date.now() + lasts;
    await waiting[0].say('are you there?');
    const steps = [];
    for (let ms = pause; steps.length < 2 || steps.at(-2) < longest; ms *= 2)
        steps.push(Math.min(ms, longest)); // every pause, and the longest twice
    const ends = Date.now() + lasts + 30000;
    await until(() => door.tries.length > steps.length, 'every step', ends - Date.now());
    const gaps = steps.map((_, i) => door.tries[i + 1] - door.tries[i]);
    steps.forEach((ms, i) => assert.ok(gaps[i] >= ms - 20, `${gaps} for ${steps}`));
    await gw.kill();
    const before = door.tries.length;
    await gw.start();
    waiting.push(await customer()); // who comes while nobody can be asked
    await until(() => texts(waiting[2], 'system').some(t => /checking/.test(t)), 'the word', 20000);
    await until(() => door.tries.length > before + 3 && Date.now() >= until_, 'tries', ends - Date.now());
    await door.open();
    await desk.up();
    const delta = await until(() => desk.of(waiting[0], 'handoff.delta')[0], 'the addition', 60000);
    assert.equal(delta.message.text, 'are you there?');
    offers.push(await until(() => desk.of(waiting[2], 'handoff.offered')[0], 'the last offer', 60000));
    for (const [i, chat] of waiting.slice(0, 2).entries())
        assert.deepEqual((await replayed(gw, chat)).filter(t => told[i].includes(t)), told[i]);
    for (const [i, chat] of waiting.entries()) {
        assert.equal(new Set(desk.of(chat, 'handoff.offered').map(p => p.id)).size, 1);
        await goes_on(chat, offers[i].handoff);
    }
}

test('the desk is down beyond its longest pause, and the gateway is killed meanwhile: the queue is kept',
     async () => {
    await outage(40, 640, 0);
});

test('the same for five minutes, with the pauses as they are by themselves',
     { skip: !process.env.TANDEM_FULL, timeout: 900000 }, async () => {
    await gw.kill();
    gw.writeConf(conf());
    await gw.start();
    await outage(500, 30000, 300000);
});
