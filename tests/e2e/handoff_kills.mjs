/**
 * handoff_kills.mjs - kill -9 in each phase of a handoff: customers in all of them at once, and for
 * those who do something the kill comes while it is under way. Afterwards each of them has heard what
 * is true, once, and what was asked of the desk is done once.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, replayed, texts } from '../lib/front.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const CHECKING = /checking who can help/, LINE = /in line for a person|waiting for/, LIVE = /Mia is here now/;
const RETURNED = /has finished here/, CLOSED = /has closed this conversation/;
const PROMISED = /will get back to you/, LEFT = /have left the line/, WORDS = /^here is Mia$/;
const KNOWN = [CHECKING, LINE, LIVE, RETURNED, CLOSED, PROMISED, LEFT, WORDS];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const rounds = process.env.TANDEM_FULL ? 40 : 2;
let gw, front, foreign, hang, mia, noah;

before(async () => {
    front = await Front.start();
    foreign = createServer(async (req, res) => {
        for await (const chunk of req) void chunk;
        if (!hang) res.setHeader('Content-Type', 'application/json').end('{}');
    });
    await new Promise(done => foreign.listen(0, '127.0.0.1', done));
    gw = await Gateway.start({ conf: front.conf(`[desk support]
type = web
[desk far]
type = webhook
url = http://127.0.0.1:${foreign.address().port}/
secret = whsec_${Buffer.alloc(32, 7).toString('base64')}
retry = 50ms
retry_max = 200ms
[queue line]
desk = support
[queue away]
desk = far
offer_timeout = 10min
[queue shut]
desk = support
hours = ${DAYS[new Date(Date.now() + 3 * 86400000).getUTCDay()]} 09:00-17:00 UTC
fallback = callback
[human mia]
name = Mia
token = token-mia
desks = support
capacity = 0
[human noah]
name = Noah
token = token-noah
desks = support
`, 'line') });
    mia = new Desk(gw, 'token-mia');
    noah = new Desk(gw, 'token-noah');
    await mia.presence();
});

after(async () => {
    await gw?.close();
    await front?.stop();
    foreign?.closeAllConnections();
    foreign?.close();
});

const heard = (chat, what) => until(() => texts(chat).some(t => what.test(t)), `${what}`, 20000);

async function asks(queue, first) {
    const chat = await Chat.open(gw, 'web');
    await chat.say(`I want a human to ${queue}`);
    await heard(chat, first);
    return { chat };
}

async function queued() {
    const { chat } = await asks('line', LINE);
    const { id } = (await mia.list()).find(h => h.session === chat.welcome.session);
    return { chat, id };
}

async function live() {
    const it = await queued();
    assert.equal((await mia.post(`/handoffs/${it.id}/accept`)).status, 200);
    await heard(it.chat, LIVE);
    return it;
}

async function declined() {
    const it = await queued();
    assert.equal((await mia.post(`/handoffs/${it.id}/decline`, { reason: 'not now' })).status, 200);
    return it;
}

/** Mia has said that she does not want it: it is Noah's to take. */
async function not_hers({ id }) {
    const has = async human => (await human.list()).some(h => h.id === id);
    assert.deepEqual([await has(mia), await has(noah)], [false, true], 'who is shown it');
}

/** Of the human at the desk: sent, and sent again with its key when nobody knows whether it was done. */
const does = (make, verb, body, expect) => ({ make, expect, async act(it) {
    const key = { 'Idempotency-Key': randomUUID() };
    it.again = async () => (await mia.post(`/handoffs/${it.id}/${verb}`, body, key)).status;
    await it.again().catch(() => {});
} });

const phases = {
    checking: { make: () => asks('away', CHECKING), expect: [CHECKING, LINE] },
    queued: { make: queued, expect: [LINE] },
    declined: { make: declined, expect: [LINE], check: not_hers },
    accepting: does(queued, 'accept', undefined, [LINE, LIVE]),
    live: { make: live, expect: [LINE, LIVE] },
    speaking: does(live, 'messages', { text: 'here is Mia' }, [LINE, LIVE, WORDS]),
    transferring: does(live, 'transfer', { queue: 'line' }, [LINE, LIVE, LINE]),
    returning: does(live, 'return', { note: 'done' }, [LINE, LIVE, RETURNED]),
    closing: does(live, 'close', {}, [LINE, LIVE, CLOSED]),
    promised: { make: () => asks('shut', PROMISED), expect: [PROMISED] },
    leaving: { make: queued, expect: [LINE, LEFT],
               act: it => it.chat.say('stop waiting').catch(() => {}) },
};

/** What of it the customer has heard, in order. */
const told = async it => (await replayed(gw, it.chat))
    .map(text => KNOWN.find(what => what.test(text))).filter(Boolean).map(String);

for (let round = 1; round <= rounds; round++) {
    test(`killed in each phase, everybody hears once what is true (${round})`, async () => {
        hang = true;
        const all = await Promise.all(Object.entries(phases).map(async ([name, phase]) =>
            ({ name, phase, ...await phase.make() })));
        const acts = all.map(it => it.phase.act?.(it));
        await sleep(Math.random() * 12); // somewhere in the middle of what they do
        await gw.kill();
        hang = false;
        await gw.start();
        await Promise.all(acts.filter((_, i) => all[i].name !== 'leaving'));
        await mia.ready();
        await mia.presence();
        for (const it of all) {
            if (it.again)
                await until(async () => (await it.again()) === 200, `${it.name}: the same again`, 20000);
            if (it.name === 'leaving' && !(await told(it)).includes(String(LEFT))) {
                const chat = await Chat.open(gw, 'web', { hello: { resume: it.chat.welcome.resume } });
                await chat.say('stop waiting');
                chat.close();
            }
        }
        for (const it of [...all, ...all]) { // and nothing comes after it
            const expect = it.phase.expect.map(String);
            let now;
            await until(async () => (now = await told(it)).length >= expect.length, it.name, 20000)
                .catch(() => {});
            assert.deepEqual(now, expect, it.name);
            await it.phase.check?.(it);
        }
        all.forEach(it => it.chat.destroy());
    });
}
