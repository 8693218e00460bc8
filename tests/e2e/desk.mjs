/**
 * desk.mjs - the built-in desk as its humans use it, over /desk/v1 only: events both ways of listening,
 * the team, canned replies, notes and tags, transfers, files, typing, the wrap-up, the lease, those who
 * watch, take over and review, and what a crash leaves of it all.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Desk } from '../lib/desk.mjs';
import { Front, replayed, said } from '../lib/front.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { chromiumPath, launchChromium, peer } from '../lib/peers.mjs';

const PDF = Buffer.concat([Buffer.from('%PDF-1.4\n'), Buffer.alloc(3000, 32), Buffer.from('%%EOF\n')]);
const replies = [{ key: 'hi', title: 'Hello', text: 'Good day, {name}!' },
                 { key: 'moin', title: 'Hallo', text: 'Guten Tag!', language: 'de' }];
let gw, front, dir;

const conf = () => front.conf(`[desk support]
type    = web
allow   = name, order_id
replies = ${dir}/replies.json
[desk apart]
type    = web
path    = /apart/v1/
isolate = yes
[queue billing]
desk = support
[queue far]
desk = apart
[queue second]
desk = support
[queue short]
desk     = support
lease    = 3s
on_lease = requeue
[human mia]
name      = Mia
token     = token-mia
[human noah]
name      = Noah
token     = token-noah
[human ada]
name      = Ada
token     = token-ada
supervise = yes
`);

before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'replies-'));
    writeFileSync(join(dir, 'replies.json'), JSON.stringify(replies));
    front = await Front.start();
    gw = await Gateway.start({ conf: conf() });
});

after(async () => {
    await gw?.close();
    await front?.stop();
    rmSync(dir, { recursive: true, force: true });
});

const human = (name = 'mia') => new Desk(gw, `token-${name}`);
const waiting = (text, hello) => front.waiting(gw, human(), text, hello);

/** A customer whom this human has. */
async function live(name = 'mia', text) {
    const one = await waiting(text);
    assert.equal((await human(name).post(`/handoffs/${one.handoff.id}/accept`)).status, 200);
    return one;
}

async function returned(who, handoff) {
    const { status, body } = await who.post(`/handoffs/${handoff.id}/return`, {});
    assert.equal(status, 200, JSON.stringify(body));
}

test('server-sent events open by a ticket, once, and go on where they stopped', async () => {
    const mia = human(), again = human();
    const { body: { ticket, expires_in_s: s } } = await mia.post('/tickets');
    assert.equal(s, 30);
    assert.deepEqual(await mia.stream({ ticket }), { status: 200, type: 'text/event-stream' });
    assert.equal((await mia.event('welcome')).human, 'mia');
    assert.equal((await again.stream({ ticket })).status, 401);

    const first = await waiting();
    assert.equal((await mia.event('handoff.offered')).handoff, first.handoff.id);
    mia.close();
    await until(() => mia.lastId, 'the number of an event');
    const second = await waiting();
    await again.stream({ last: mia.lastId });
    const missed = await again.event('handoff.offered');
    assert.equal(missed.handoff, second.handoff.id);
    assert.equal(Number(again.lastId) >= missed.event, true);
    again.close();

    const other = human();
    await other.stream({ last: '1' });
    await other.event('resync');
    other.close();
    for (const { chat, handoff } of [first, second]) {
        await human().post(`/handoffs/${handoff.id}/accept`);
        await returned(human(), handoff);
        chat.close();
    }
});

test('both ways of listening hear the same events', async () => {
    const ws = human(), sse = human();
    await ws.listen();
    await sse.stream();
    await sse.event('welcome');
    const { chat, handoff } = await live();
    await chat.say('the same words');
    await until(() => ws.events.some(e => e.message?.text === 'the same words') &&
                      sse.events.some(e => e.message?.text === 'the same words'), 'the words');
    await returned(human(), handoff);
    await ws.event('handoff.ended');
    await sse.event('handoff.ended');
    ws.close();
    sse.close();
    chat.close();
});

test('a desk in a process of its own streams, too', async () => {
    const mia = new Desk(gw, 'token-mia', '/apart/v1');
    const { body: { ticket } } = await mia.post('/tickets');
    assert.deepEqual(await mia.stream({ ticket }), { status: 200, type: 'text/event-stream' });
    const { chat } = await front.waiting(gw, mia, 'a human, to far');
    assert.equal((await mia.event('handoff.offered')).session, chat.welcome.session);
    chat.send({ type: 'leave' });
    await mia.event('handoff.ended');
    mia.close();
    chat.close();
});

test('in a browser, an EventSource and a WebSocket of the page hear what they should',
     { skip: chromiumPath && peer('playwright-core') ? false : 'no browser' }, async () => {
    const browser = await launchChromium();
    const { body: { ticket } } = await human().post('/tickets');
    try {
        const page = await browser.newPage();
        await page.goto(`${gw.url}/chat/`);
        const heard = page.evaluate(query => new Promise((done, fail) => {
            const source = new EventSource(`/desk/v1/events?${query}`);
            source.onmessage = e => JSON.parse(e.data).type === 'handoff.offered' &&
                done([e.data, e.lastEventId]);
            source.onerror = () => fail(new Error('refused'));
        }), `ticket=${ticket}`);
        const socket = page.evaluate(() => new Promise(done => {
            const ws = new WebSocket(`ws://${location.host}/desk/v1/events`, 'tandem.desk.v1');
            ws.onopen = () => ws.send(JSON.stringify({ type: 'hello', token: 'token-mia' }));
            ws.onmessage = e => done(JSON.parse(e.data).type);
        }));
        assert.equal(await socket, 'welcome');
        const { chat, handoff } = await waiting();
        const [data, id] = await heard;
        assert.equal(JSON.parse(data).handoff, handoff.id);
        assert.equal(String(JSON.parse(data).event), id);
        chat.send({ type: 'leave' });
        chat.close();
    } finally {
        await browser.close();
    }
});

test('a human knows their limits, the team and the canned replies', async () => {
    const mia = human();
    await mia.presence();
    const { body: me } = await mia.get('/me');
    assert.equal(me.presence, 'available');
    assert.equal(me.supervise, false);
    assert.equal(me.limits.text, 65536);
    assert.equal(me.limits.presence_s, 90);
    const { body: team } = await mia.get('/team');
    assert.deepEqual(team.queues.map(q => q.name), ['billing', 'second', 'short']);
    assert.equal(team.humans.find(h => h.id === 'mia').presence, 'available');
    assert.equal(team.humans.find(h => h.id === 'noah').presence, 'offline');
    assert.deepEqual((await mia.get('/replies')).body, { replies });
    assert.deepEqual((await mia.get('/replies?q=guten%20tag&language=de-AT')).body,
                     { replies: [replies[1]] });
    assert.deepEqual((await mia.get('/replies?language=en')).body, { replies: [replies[0]] });
});

test('who supervises sees what agents do and watches without writing; others may not', async () => {
    const ada = human('ada'), mia = human();
    const chat = await Chat.open(gw, 'web');
    await chat.say('just a question');
    await said(chat, 're: just a question');
    const session = chat.welcome.session;

    for (const path of ['/sessions', `/sessions/${session}`, '/reviews'])
        assert.equal((await mia.get(path)).status, 403, path);
    assert.equal((await mia.post(`/sessions/${session}/watch`)).status, 403);

    const seen = (await ada.get('/sessions')).body.sessions.find(s => s.id === session);
    assert.equal(seen.agent, 'front');
    assert.equal(seen.channel, 'web');
    const { body: open } = await ada.get(`/sessions/${session}`);
    assert.equal(open.handoff, null);
    assert.deepEqual(open.transcript.map(m => m.text), ['just a question', 're: just a question']);

    await ada.listen();
    assert.equal((await ada.post(`/sessions/${session}/watch`)).status, 200);
    await chat.say('another one');
    assert.equal((await ada.event('handoff.message')).message.text, 'another one');
    const answer = (await ada.event('handoff.message')).message;
    assert.deepEqual([answer.author, answer.text], ['agent', 're: another one']);

    const taken = await ada.post(`/sessions/${session}/take`);
    assert.equal(taken.status, 200);
    await ada.post(`/handoffs/${taken.body.handoff}/messages`, { id: 'm', text: 'Ada here.' });
    await said(chat, 'Ada here.');
    assert.equal((await ada.get('/sessions')).body.sessions.some(s => s.id === session), false);
    await returned(ada, { id: taken.body.handoff });
    await ada.post(`/sessions/${session}/watch`, { on: false });
    ada.events.length = 0;
    await chat.say('unwatched');
    await said(chat, 're: unwatched');
    assert.equal(ada.events.some(e => e.type === 'handoff.message'), false);
    ada.close();
    chat.close();
});

test('notes are for humans only; tags stand in the lists', async () => {
    const { chat, handoff } = await live();
    const mia = human(), noah = human('noah');
    const noted = await noah.post(`/handoffs/${handoff.id}/note`, { text: 'a VIP' });
    assert.equal(noted.status, 200);
    assert.equal((await mia.post(`/handoffs/${handoff.id}/tags`, { tags: ['vip', 'refund'] })).status,
                 200);
    const { body } = await mia.get(`/handoffs/${handoff.id}`);
    assert.deepEqual(body.handoff.tags, ['vip', 'refund']);
    const note = body.transcript.find(m => m.author === 'note');
    assert.deepEqual([note.name, note.text, note.seq], ['noah', 'a VIP', noted.body.seq]);
    assert.deepEqual((await mia.list('mine')).find(h => h.id === handoff.id).tags, ['vip', 'refund']);
    const bad = await mia.post(`/handoffs/${handoff.id}/tags`, { tags: 'vip' });
    assert.equal(bad.status, 400);
    assert.match(bad.body.error.message, /tags/);
    await returned(mia, handoff);
    assert.equal((await replayed(gw, chat)).includes('a VIP'), false);
    chat.close();
});

test('a customer is given to another human, and to another queue', async () => {
    const { chat, handoff } = await live();
    const mia = human(), noah = human('noah');
    await noah.listen();
    assert.equal((await mia.post(`/handoffs/${handoff.id}/transfer`, { human: 'noah' })).status, 200);
    const offered = await noah.event('handoff.offered');
    assert.equal(offered.session, chat.welcome.session);
    assert.equal((await mia.post(`/handoffs/${offered.handoff}/accept`)).status, 403);
    assert.equal((await noah.post(`/handoffs/${offered.handoff}/accept`)).status, 200);
    await noah.post(`/handoffs/${offered.handoff}/messages`, { id: 'n1', text: 'Noah here.' });
    await said(chat, 'Noah here.');
    assert.equal((await mia.post(`/handoffs/${handoff.id}/messages`, { id: 'm1', text: 'me?' })).status,
                 409);
    assert.equal((await noah.post(`/handoffs/${offered.handoff}/transfer`,
                                  { queue: 'second', note: 'knows it all' })).status, 200);
    const third = await until(async () => (await mia.list()).find(h => h.session ===
        chat.welcome.session), 'it in the other queue', 20000);
    assert.equal(third.queue, 'second');
    assert.equal((await mia.get(`/handoffs/${third.id}`)).body.package.reason.text, 'knows it all');
    await mia.post(`/handoffs/${third.id}/accept`);
    await returned(mia, third);
    noah.close();
    chat.close();
});

test('files go both ways', async () => {
    const { chat, handoff } = await live();
    const mia = human();
    const up = await fetch(`${gw.url}/desk/v1/files?name=offer%20one.pdf`, {
        method: 'POST', body: PDF,
        headers: { Authorization: 'Bearer token-mia', 'Content-Type': 'application/pdf' },
    });
    const file = await up.json();
    assert.equal(up.status, 200, JSON.stringify(file));
    assert.equal(file.name, 'offer one.pdf');
    assert.equal((await mia.post(`/handoffs/${handoff.id}/messages`,
                                 { id: 'f1', text: 'The offer', attachments: [file.id] })).status, 200);
    const got = await chat.next(f => f.type === 'message' && f.attachments?.length);
    const bytes = await (await fetch(new URL(got.attachments[0].url, gw.url))).arrayBuffer();
    assert.deepEqual(Buffer.from(bytes), PDF);

    const mine = await fetch(`${gw.url}/chat/web/files?name=bill.pdf`, {
        method: 'POST', body: PDF,
        headers: { Authorization: `Bearer ${chat.welcome.resume}`, 'Content-Type': 'application/pdf' },
    });
    const sent = await mine.json();
    assert.equal(mine.status, 201, JSON.stringify(sent));
    chat.send({ type: 'message', id: 'c-file', text: 'my bill', attachments: [sent.id] });
    const seen = await until(async () => (await mia.get(`/handoffs/${handoff.id}`)).body.transcript
        .find(m => m.text === 'my bill'), 'the file at the desk', 20000);
    const link = seen.attachments[0];
    assert.equal(link.name, 'bill.pdf');
    assert.deepEqual(Buffer.from(await (await fetch(new URL(link.url, gw.url))).arrayBuffer()), PDF);
    await returned(mia, handoff);
    chat.close();
});

test('typing and reading are seen, both ways', async () => {
    const mia = human();
    await mia.listen();
    const { chat, handoff } = await live();
    chat.send({ type: 'typing', on: true });
    assert.equal((await mia.event('typing')).on, true);
    assert.equal((await mia.post(`/handoffs/${handoff.id}/typing`)).status, 200);
    const typing = await chat.next(f => f.type === 'typing' && f.author.kind === 'human');
    assert.equal(typing.on, true);
    await mia.post(`/handoffs/${handoff.id}/messages`, { id: 't1', text: 'Read me.' });
    const message = await chat.next(f => f.type === 'message' && f.text === 'Read me.');
    chat.send({ type: 'read', seq: message.seq });
    await until(async () => (await mia.event('handoff.read')).seq >= message.seq, 'the reading');
    const { body } = await mia.get(`/handoffs/${handoff.id}`);
    assert.ok(body.read >= message.seq, 'also for who opens it later');
    await returned(mia, handoff);
    mia.close();
    chat.close();
});

test('the customer hears that what they said has come and was read, also after a crash', async () => {
    const chat = await Chat.open(gw, 'web'), mia = human(), noah = human('noah');
    const receipt = (of, status) => chat.next(f => f.type === 'receipt' && f.of === of && f.status === status);
    const first = await chat.say('hello');
    await receipt(first, 'delivered');
    await receipt(first, 'read');
    await chat.say('a human, please');
    const handoff = await until(async () => (await mia.list()).find(h => h.session === chat.welcome.session), 'the handoff', 20000);
    await mia.post(`/handoffs/${handoff.id}/accept`);
    const seq = await chat.say('are you there?'), path = `/handoffs/${handoff.id}/read`;
    await receipt(seq, 'delivered');
    assert.equal((await noah.post(path, { seq })).status, 403);
    assert.equal((await mia.post(path, { seq: 'all' })).status, 400);
    assert.equal((await mia.post(path, { seq: seq + 100000 })).status, 400);
    assert.equal((await mia.post(path, { seq })).status, 200);
    await receipt(seq, 'read');
    assert.equal((await mia.post(path, { seq })).status, 200);
    await gw.kill();
    await gw.start();
    await mia.ready();
    const again = await Chat.open(gw, 'web', { hello: { resume: chat.welcome.resume, last_seq: 0 } });
    const told = await again.next('receipt');
    assert.deepEqual([told.of, told.status], [seq, 'read']);
    assert.equal(again.frames.at(-1).type, 'receipt', 'after all that was said');
    await returned(mia, handoff);
    again.close();
});

test('a wrap-up that is wrong is named by its member; the handoff goes on', async () => {
    const { chat, handoff } = await live();
    const mia = human();
    for (const [wrapup, member] of [
        [{ outcome: 'won' }, /wrapup\.outcome must be resolved, unresolved or spam/],
        [{ escalation: 'too late' }, /wrapup\.escalation must be right/],
        [{ outcome: 'resolved', note: 7 }, /wrapup\.note/], [[], /wrapup must be an object/]]) {
        const { status, body } = await mia.post(`/handoffs/${handoff.id}/close`, { wrapup });
        assert.equal(status, 400);
        assert.equal(body.error.code, 'bad_request');
        assert.match(body.error.message, member);
    }
    assert.equal((await mia.list('mine')).some(h => h.id === handoff.id), true);
    assert.equal((await mia.post(`/handoffs/${handoff.id}/close`, {
        wrapup: { outcome: 'resolved', escalation: 'late', reason_should_be: 'cancel_threat' },
    })).status, 200);
    chat.close();
});

test('a human is warned before the lease ends, extends it, or loses the customer', async () => {
    const mia = human();
    await mia.listen();
    const { chat, handoff } = await live('mia', 'a human, to short please');
    assert.equal(handoff.queue, 'short');
    const warned = await mia.event('handoff.lease');
    assert.equal(warned.handoff, handoff.id);
    assert.ok(warned.ends_in_s >= 1 && warned.ends_in_s <= 3);
    assert.equal((await mia.post(`/handoffs/${handoff.id}/extend`)).status, 200);
    await mia.event('handoff.lease'); // of the new one
    assert.equal((await mia.list('mine')).some(h => h.id === handoff.id), true);
    const ended = await mia.event('handoff.ended');
    assert.equal(ended.outcome, 'requeued');
    const again = await until(async () => (await mia.list()).find(h => h.session ===
        chat.welcome.session), 'it in the queue again', 20000);
    assert.equal((await mia.post(`/handoffs/${handoff.id}/messages`, { text: 'wait' })).status, 409);
    await human('noah').post(`/handoffs/${again.id}/accept`);
    await returned(human('noah'), again);
    mia.close();
    chat.close();
});

test('what ended is known after a crash, with outcome, tags and score; samples are reviewed', async () => {
    const { chat, handoff } = await live();
    const mia = human(), ada = human('ada');
    await mia.post(`/handoffs/${handoff.id}/tags`, { tags: ['odd'] });
    await mia.post(`/handoffs/${handoff.id}/messages`, { id: 'r1', text: 'Done.' });
    await returned(mia, handoff);
    assert.equal((await mia.post(`/handoffs/${handoff.id}/review`, { score: 4 })).status, 403);
    for (const score of [0, 6, 2.5, '3'])
        assert.match((await ada.post(`/handoffs/${handoff.id}/review`, { score })).body.error.message,
                     /score must be a whole number from 1 to 5/);
    assert.equal((await ada.post(`/handoffs/${handoff.id}/review`,
                                 { score: 4, note: 'kind' })).status, 200);
    await chat.say('and a human again');
    const next = await until(async () => (await mia.list()).find(h => h.session ===
        chat.welcome.session), 'the second handoff', 20000);

    const before = (await mia.list('closed')).map(h => [h.id, h.outcome, h.human]);
    const check = async () => {
        const closed = await mia.list('closed');
        const it = closed.find(h => h.id === handoff.id);
        assert.deepEqual([it.state, it.outcome, it.human, it.queue, it.reason, it.channel, it.score],
                         ['closed', 'returned', 'mia', 'billing', 'refund_dispute', 'web', 4]);
        assert.deepEqual(it.tags, ['odd']);
        assert.deepEqual(closed.map(h => [h.id, h.outcome, h.human]), before);
    };
    await check();
    await gw.kill();
    await gw.start();
    await mia.ready();
    await until(async () => (await mia.list('closed')).length >= before.length, 'the list', 20000);
    await check();
    const { body: sample } = await ada.get('/reviews');
    assert.ok(sample.handoffs.length > 0 && sample.handoffs.every(h => h.state === 'closed'));
    const shown = (await ada.get(`/handoffs/${handoff.id}`)).body;
    assert.equal(shown.handoff.score, 4);
    assert.equal(shown.transcript.some(m => m.text === 'Done.'), true);
    assert.equal((await ada.post(`/handoffs/${handoff.id}/review`, { score: 5 })).status, 200);
    assert.equal((await mia.list('closed')).find(h => h.id === handoff.id).score, 5);
    assert.equal((await mia.list()).some(h => h.id === next.id), true);
    await mia.post(`/handoffs/${next.id}/accept`);
    await returned(mia, next);
    chat.close();
});

test('the same key gets the same answer, also after a crash, and is of one human and path', async () => {
    const { chat, handoff } = await live();
    const mia = human(), key = { 'Idempotency-Key': randomUUID() };
    const path = `/handoffs/${handoff.id}/messages`;
    const first = await mia.post(path, { text: 'once' }, key);
    assert.deepEqual((await mia.post(path, { text: 'once' }, key)).body, first.body);
    const taken = await mia.post(`/sessions/${chat.welcome.session}/take`, {}, key);
    assert.equal(taken.status, 200); // another path: another key
    await gw.kill();
    await gw.start();
    assert.deepEqual((await until(async () => {
        const answer = await mia.post(path, { text: 'once' }, key);
        return answer.status === 200 && answer;
    }, 'the answer after the crash')).body, first.body);
    assert.equal((await human('noah').post(path, { text: 'once' }, key)).status, 403);
    for (let i = 0; i < 40; i++) { // more than a session remembers
        const said = await mia.post(path, { text: `later ${i}` }, { 'Idempotency-Key': randomUUID() });
        assert.equal(said.status, 200);
    }
    assert.deepEqual((await mia.post(path, { text: 'once' }, key)).body, first.body);
    await gw.kill();
    await gw.start();
    await mia.ready();
    assert.deepEqual((await mia.post(path, { text: 'once' }, key)).body, first.body);
    const end = { 'Idempotency-Key': randomUUID() };
    const back = await mia.post(`/handoffs/${handoff.id}/return`, { note: 'n' }, end);
    assert.equal(back.status, 200);
    assert.deepEqual((await mia.post(`/handoffs/${handoff.id}/return`, { note: 'n' }, end)).body,
                     back.body);
    assert.equal((await replayed(gw, chat)).filter(t => t === 'once').length, 1);
    chat.close();
});

test('what is wrong is said in a sentence, with a code', async () => {
    const mia = human();
    for (const [method, path, body, status, code] of [
        ['GET', '/handoffs/nonsense', undefined, 404, 'not_found'],
        ['GET', '/handoffs?state=all', undefined, 400, 'bad_request'],
        ['GET', '/nothing', undefined, 404, 'not_found'],
        ['POST', '/handoffs/01ARZ3NDEKTSV4RRFFQ69G5FAV/accept', {}, 404, 'not_found'],
        ['POST', '/sessions/01ARZ3NDEKTSV4RRFFQ69G5FAV/take', {}, 404, 'not_found'],
        ['PUT', '/me/presence', { state: 'busy' }, 400, 'bad_request']]) {
        const answer = await mia.request(method, path, body);
        assert.equal(answer.status, status, `${method} ${path}`);
        assert.equal(answer.body.error.code, code);
        assert.match(answer.body.error.message, /\w+ \w+/);
    }
    const none = await new Desk(gw, 'wrong').get('/me');
    assert.equal(none.status, 401);
});
