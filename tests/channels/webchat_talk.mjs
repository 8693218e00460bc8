/** webchat_talk.mjs - web chat as npm ws speaks it (W19 to W28), its limits, and crashes. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { Gateway, sleep, until } from '../lib/gateway.mjs';
import { peer } from '../lib/peers.mjs';
import { Raw, frame, handshake } from '../lib/raw.mjs';

const { WebSocket } = peer('ws') ?? {};
if (!WebSocket) {
    console.log('ok 1 - web chat with npm ws # SKIP it is not installed in the build directory');
    process.exit(0);
}

const conf = `
[channel web]
type = webchat
agent = e
rate = 0
replay = 6
[channel fast]
type = webchat
agent = e
rate = 3/10s
[channel hasty]
type = webchat
agent = e
hello_timeout = 300ms
ping = 400ms
pong_timeout = 200ms
[channel narrow]
type = webchat
agent = e
rate = 0
send_buffer = 64K
[channel brief]
type = webchat
agent = e
token_ttl = 1s
[agent e]
type = echo
`;
const gw = await Gateway.start({ conf });

/** A customer with npm ws. */
class Customer {
    static async open(hello = {}, channel = 'web', gateway = gw) {
        const url = `${gateway.wsUrl}/chat/${channel}`;
        const one = new Customer(new WebSocket(url, 'tandem.chat.v1'));
        await new Promise((done, fail) => one.ws.once('open', done).once('error', fail));
        if (hello) {
            one.send({ type: 'hello', ...hello });
            one.welcome = await one.next('welcome');
        }
        return one;
    }

    constructor(ws) {
        this.ws = ws;
        this.frames = [];
        this.at = 0;
        ws.on('message', data => this.frames.push(JSON.parse(data)));
        ws.on('error', () => {});
        ws.on('close', code => { this.code = code; });
    }

    /** The code, once it is closed. */
    get closed() { return until(() => this.code, 'a close'); }

    send(object) { this.ws.send(typeof object === 'string' ? object : JSON.stringify(object)); }

    /** The next frame of this type, passing over others. */
    async next(type, ms = 5000) {
        return until(() => {
            while (this.at < this.frames.length) {
                const f = this.frames[this.at++];
                if (f.type === type) return f;
            }
            if (this.code) throw new Error(`closed with ${this.code} instead of ${type}`);
        }, `a ${type}`, ms);
    }

    async say(text, id = randomUUID()) {
        this.send({ type: 'message', id, text });
        return (await this.next('accepted')).seq;
    }

    /** Says it and waits for the echo agent's answer. */
    async talk(text) {
        const seq = await this.say(text);
        return { seq, answer: await this.next('message') };
    }

    /** What has a place in the session, as this socket saw it. */
    events() { return this.frames.filter(f => f.seq && !['welcome', 'accepted'].includes(f.type)); }

    async end() {
        this.ws.close(1000);
        return this.closed;
    }
}

const rising = seqs => seqs.every((seq, i) => i === 0 || seq > seqs[i - 1]);
const seqs = customer => customer.events().map(f => f.seq);

after(async () => {
    await gw.close();
});

test('W19 without a hello the end is 4408', async () => {
    const one = await Customer.open(null, 'hasty');
    const since = Date.now();
    assert.equal(await one.closed, 4408);
    assert.ok(Date.now() - since < 8000, 'not after its own hello_timeout'); // the default is 10s
});

test('W20 a bad token is 4401', async () => {
    const good = await Customer.open();
    for (const resume of ['x', good.welcome.resume.slice(0, -1), `${good.welcome.resume}A`,
        good.welcome.resume.replace(/^./, c => (c === 'A' ? 'B' : 'A'))]) {
        const one = await Customer.open(null);
        one.send({ type: 'hello', resume });
        assert.equal(await one.closed, 4401, resume);
    }
    await good.end();
});

test('W20 a token of another channel is 4401', async () => {
    const good = await Customer.open();
    const one = await Customer.open(null, 'fast');
    one.send({ type: 'hello', resume: good.welcome.resume });
    assert.equal(await one.closed, 4401);
    await good.end();
});

test('W20 a token lives token_ttl past the last use, and use does not use it up', async () => {
    const first = await Customer.open({}, 'brief');
    await first.end();
    for (let i = 0; i < 4; i++) { // the same token again and again
        await sleep(500);
        const again = await Customer.open({ resume: first.welcome.resume }, 'brief');
        assert.equal(again.welcome.session, first.welcome.session);
        await again.end();
    }
    await sleep(1500);
    const late = await Customer.open(null, 'brief');
    late.send({ type: 'hello', resume: first.welcome.resume });
    assert.equal(await late.closed, 4401);
});

test('W21 the second socket of a tab replaces the first, other tabs stay', async () => {
    const a = await Customer.open({ tab: 'a' });
    const b = await Customer.open({ tab: 'b', resume: a.welcome.resume });
    const again = await Customer.open({ tab: 'a', resume: a.welcome.resume });
    assert.equal(await a.closed, 4409);
    const seq = await again.say('hi');
    assert.equal((await b.next('echo')).seq, seq);
    await b.next('message');
    await again.next('message');
    assert.deepEqual([b.code, again.code], [undefined, undefined]);
    assert.equal(again.frames.filter(f => f.type === 'echo').length, 0);
    await b.end();
    await again.end();
});

test('W22 the same id again gets the same seq and does nothing else', async () => {
    const one = await Customer.open();
    const seq = await one.say('once', 'the-id');
    const { text } = await one.next('message');
    for (let i = 0; i < 5; i++) assert.equal(await one.say('once', 'the-id'), seq);
    const again = await Customer.open({ resume: one.welcome.resume });
    assert.equal(await again.say('once', 'the-id'), seq);
    await sleep(300);
    assert.equal(one.frames.filter(f => f.type === 'message').length, 1);
    assert.match(text, /once/);
    assert.equal(again.events().filter(f => f.type === 'echo').length, 1);
    const other = await Customer.open(); // ids are unique in a session only
    await other.say('twice', 'the-id');
    assert.match((await other.next('message')).text, /twice/);
    for (const c of [one, again, other]) await c.end();
});

test('W23 resume with last_seq shows what is after it, in order, then what is new', async () => {
    const one = await Customer.open();
    const { answer } = await one.talk('one');
    const two = await one.talk('two');
    await one.end();
    const again = await Customer.open({ resume: one.welcome.resume, last_seq: answer.seq });
    assert.equal(again.welcome.session, one.welcome.session);
    await again.next('message');
    assert.deepEqual(again.events().map(f => [f.type, f.seq, f.text]),
        [['echo', two.seq, 'two'], ['message', two.answer.seq, two.answer.text]]);
    assert.equal(again.frames.some(f => f.type === 'resync'), false);
    await again.talk('three');
    assert.ok(rising(seqs(again)));
    const whole = await Customer.open({ resume: one.welcome.resume });
    await until(() => whole.events().length >= 6, 'the whole');
    assert.deepEqual(whole.events().slice(0, 2).map(f => f.text), ['one', answer.text]);
    const newest = await Customer.open({ resume: one.welcome.resume, last_seq: whole.welcome.seq });
    await sleep(100);
    assert.deepEqual(newest.events(), []);
    for (const c of [again, whole, newest]) await c.end();
});

test('W24 more than replay events is one resync, then the newest', async () => {
    const one = await Customer.open();
    const all = [];
    for (let i = 0; i < 5; i++) {
        const { seq, answer } = await one.talk(`number ${i}`);
        all.push(seq, answer.seq);
    }
    for (const hello of [{}, { last_seq: all[0] }, { last_seq: 1000000 }]) {
        const again = await Customer.open({ resume: one.welcome.resume, ...hello });
        await until(() => again.events().length >= 6, 'the replay');
        await sleep(50);
        assert.equal(again.frames[1].type, 'resync', JSON.stringify(hello));
        assert.equal(again.frames.filter(f => f.type === 'resync').length, 1);
        assert.deepEqual(seqs(again), all.slice(-6));
        await again.end();
    }
    const again = await Customer.open({ resume: one.welcome.resume, last_seq: all.at(-7) });
    await until(() => again.events().length >= 6, 'the replay');
    assert.equal(again.frames.some(f => f.type === 'resync'), false);
    await again.end();
    await one.end();
});

test('W25 bad JSON and unknown types are errors, and five a minute are 1008', async () => {
    const one = await Customer.open();
    const bad = ['{', '{"type":"dance"}', '[]', '{"type":"message","text":"no id"}', '"x"'];
    for (const frame of bad) {
        one.send(frame);
        const error = await one.next('error');
        assert.equal(error.code, 'bad_request');
        if (frame.includes('dance')) assert.match(error.message, /dance/);
    }
    assert.equal(await one.closed, 1008);
    const other = await Customer.open();
    for (const frame of bad.slice(1)) other.send(frame);
    await other.say('still here');
    await other.end();
});

test('W26 over the rate is rate_limited with the time, three times is 4429', async () => {
    const one = await Customer.open({}, 'fast');
    for (let i = 0; i < 3; i++) await one.say('ok');
    for (let i = 0; i < 3; i++) {
        one.send({ type: 'message', id: `m${i}`, text: 'too fast' });
        const error = await one.next('error');
        assert.equal(error.code, 'rate_limited');
        assert.equal(error.id, `m${i}`);
        assert.ok(error.retry_after_ms > 0 && error.retry_after_ms <= 10000);
    }
    assert.equal(await one.closed, 4429);
});

test('W27 a peer that reads nothing gets 1013 and a reset, and nobody else waits', async () => {
    const slow = async () => Number(/^tandem_web_slow_closed_total (\d+)/m
        .exec(await (await fetch(`${gw.url}/metrics`)).text())[1]);
    const before = await slow(), other = await Customer.open({}, 'narrow');
    const tab = await Customer.open({}, 'narrow');
    const deaf = await Raw.open(gw, '/chat/narrow', { hello: { resume: tab.welcome.resume } });
    deaf.socket.pause();
    const big = '😀'.repeat(7900); // echoed to it, and answered in kind
    let slowest = 0, sent = 0;
    for (; sent < 300 && await slow() === before; sent++) {
        await tab.talk(big);
        const since = performance.now();
        await other.say('hello');
        slowest = Math.max(slowest, performance.now() - since);
    }
    assert.equal(await slow(), before + 1, `after ${sent} messages`);
    assert.ok(slowest < 4500, `another customer waited ${slowest} ms`); // not the 5 s that the deaf one gets
    await sleep(6000); // it has 5 s to read its close frame
    deaf.socket.resume();
    const code = await deaf.closed();
    assert.ok(code === 1013 || code === 1006, `closed with ${code}`);
    assert.ok(deaf.ended);
    assert.equal(tab.code, undefined);
    await other.end();
});

test('pings find a peer that is gone', async () => {
    const quiet = await Raw.open(gw, '/chat/hasty', { hello: {} });
    const ping = await quiet.control();
    assert.equal(ping.opcode, 9);
    quiet.send(frame({ opcode: 10, payload: ping.payload }));
    assert.equal((await quiet.control(8000)).opcode, 9); // it was answered: again
    await quiet.gone(8000); // this one is not; the default of pong_timeout is 10s
    const alive = await Customer.open({}, 'hasty'); // npm ws answers pings
    await sleep(1500);
    await alive.say('still here');
    await alive.end();
});

test('a new agent answer reaches every tab, each event once and in order', async () => {
    const first = await Customer.open();
    const tabs = [first];
    for (let i = 0; i < 4; i++) tabs.push(await Customer.open({ resume: first.welcome.resume }));
    await Promise.all(tabs.map(async (tab, i) => {
        for (let n = 0; n < 10; n++) await tab.say(`${i}.${n}`);
    }));
    const shown = tab => tab.events().filter(f => f.type !== 'owner').map(f => f.seq);
    const own = tab => tab.frames.filter(f => f.type === 'accepted').map(f => f.seq);
    // How many answers there are depends on how many questions a turn had.
    const answered = tab => tab.events().filter(f => f.type === 'message')
        .flatMap(f => f.text.split('\n')).length;
    const questions = tab => own(tab).length + tab.events().filter(f => f.type === 'echo').length;
    await until(() => tabs.every(t => questions(t) === 50 && answered(t) === 50),
        'everything', 20000);
    await sleep(100);
    const all = tab => [...new Set([...shown(tab), ...own(tab)])].sort((a, b) => a - b);
    for (const tab of tabs) {
        assert.ok(rising(seqs(tab)), 'out of order');
        assert.equal(all(tab).length, shown(tab).length + own(tab).length);
        assert.deepEqual(all(tab), all(first));
    }
    for (const tab of tabs) await tab.end();
});

test('reconnecting at random, each event comes once and in order', async () => {
    const id = await Customer.open();
    await id.end();
    const { resume } = id.welcome;
    let last = 0, sent = 0;
    const seen = [], own = new Set(), open = new Map();
    for (let round = 0; round < 30; round++) {
        const one = await Customer.open({ resume, last_seq: last, tab: 't' });
        for (const [id_, text] of open) one.send({ type: 'message', id: id_, text });
        for (let n = 0; n < 3; n++) {
            const id_ = `r${round}.${n}`;
            open.set(id_, `text ${sent++}`);
            one.send({ type: 'message', id: id_, text: open.get(id_) });
        }
        await sleep(Math.random() * 30);
        one.ws.terminate();
        await one.closed;
        if (one.frames.some(f => f.type === 'resync')) seen.length = 0;
        for (const f of one.frames) {
            if (f.type === 'accepted' || f.type === 'echo') open.delete(f.id);
            if (f.type === 'accepted') { own.add(f.seq); last = Math.max(last, f.seq); }
            if (['message', 'echo', 'owner', 'bye'].includes(f.type)) {
                seen.push(f.seq);
                last = f.seq;
            }
        }
    }
    const end = await Customer.open({ resume, last_seq: last, tab: 't' });
    for (const [id_, text] of open) end.send({ type: 'message', id: id_, text });
    const accepted = () => end.frames.filter(f => f.type === 'accepted').length;
    await until(() => accepted() >= open.size, 'the rest');
    assert.ok(rising(seen), 'out of order or twice');
    await end.end();
});

test('W28 SIGTERM is 1012 to all, 503 to newcomers, and an end within drain', async () => {
    const own = await Gateway.start({ conf: `${conf}delay = 700ms\n`, tandem: { drain: '15s' } });
    const some = [];
    for (let i = 0; i < 20; i++) some.push(await Customer.open({}, 'web', own));
    await some[0].say('before the end');
    const ended = own.stop('SIGTERM');
    await sleep(150);
    // It refuses, or listens no more.
    const head = await Raw.ask(own, handshake('/chat/web')).catch(() => null);
    if (head) assert.deepEqual([head.status, Number(head.headers['retry-after']) > 0], [503, true]);
    const answer = await some[0].next('message'); // a turn under way is ended
    assert.equal(answer.text, 'before the end');
    for (const one of some) assert.equal(await one.closed, 1012);
    const { code, signal, ms } = await ended;
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
    assert.ok(ms < 14000, `took ${ms} ms`);
    await own.start();
    const back = await Customer.open({ resume: some[0].welcome.resume }, 'web', own);
    assert.equal(back.welcome.session, some[0].welcome.session);
    assert.equal((await back.next('echo')).text, 'before the end');
    await back.end();
    await own.close();
});

test('after kill -9 nothing accepted is lost and nothing comes twice', async () => {
    const one = await Customer.open();
    const ids = [];
    let stop = false;
    const talking = (async () => {
        for (let i = 0; !stop && !one.code; i++) {
            ids.push(`k${i}`);
            one.send({ type: 'message', id: `k${i}`, text: `text ${i}` });
            await sleep(5);
        }
    })();
    await sleep(300);
    await gw.kill();
    stop = true;
    await talking;
    await one.closed;
    await gw.start();
    const accepted = new Map(one.frames.filter(f => f.type === 'accepted').map(f => [f.id, f.seq]));
    const last = Math.max(...one.frames.filter(f => f.type !== 'welcome').map(f => f.seq ?? 0));
    const back = await Customer.open({ resume: one.welcome.resume, last_seq: last });
    assert.equal(back.welcome.session, one.welcome.session);
    for (const id of ids) back.send({ type: 'message', id, text: `text ${id.slice(1)}` });
    const again = () => back.frames.filter(f => f.type === 'accepted');
    await until(() => again().length === ids.length, 'all', 20000);
    for (const f of again()) {
        if (accepted.has(f.id)) assert.equal(f.seq, accepted.get(f.id));
    }
    assert.ok(accepted.size > 5);
    const answers = () => [...one.frames, ...back.frames].filter(f => f.type === 'message');
    const answered = () => answers().flatMap(f => f.text.split('\n')); // many may share one answer
    await until(() => answered().length >= ids.length, 'an answer for each', 20000);
    await sleep(200);
    assert.equal(new Set(answers().map(f => f.seq)).size, answers().length);
    assert.deepEqual(answered().sort(), ids.map(id => `text ${id.slice(1)}`).sort());
    await back.end();
});
