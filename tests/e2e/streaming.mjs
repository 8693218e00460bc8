/**
 * streaming.mjs - a whole daemon with agents that answer in parts, or later, or neither: customers
 * see an answer grow and get it once, and never anything of a turn that is over.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { Chat } from '../lib/chat.mjs';
import { Gateway, sleep, until } from '../lib/gateway.mjs';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const SORRY = 'Nobody can answer just now.';
const DEADLINE = 1500;
const NAMES = ['parts', 'cut', 'early', 'drip', 'big', 'stop', 'later', 'never', 'again', 'checked'];

let gw, server;
const seen = {}; // path -> [{ turn, accept, body, res, closed }]

const event = (type, data) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const delta = text => event('delta', { text });
const answer = text => event('answer', { decision: 'resolve', messages: [{ text }] });

/** What each agent does with a request; n: how many it had before. */
const agents = {
    async parts({ res }) {
        for (const text of ['Your pärcel ', 'is on ', 'its way.']) {
            res.write(delta(text));
            await sleep(120);
        }
        res.write('event: answer\ndata: {"messages":[{"text":\ndata: "Your pärcel is on its way."}]}\n\n');
        await sleep(200); // a stream that goes on is not waited for
        res.end(delta('never seen'));
    },
    async checked({ res }) {
        for (const text of ['Your pärcel ', 'is on its way. It', ' comes on Tuesday. I have', ' refunded you.']) {
            res.write(delta(text));
            await sleep(60);
        }
        res.end(answer('Your pärcel is on its way. It comes on Tuesday. I have refunded you.'));
    },
    async cut({ res }) {
        res.write(delta('You will get a full ref') + 'event: delta\ndata: {"te');
        await sleep(200);
        res.destroy();
    },
    async early({ res, body }, n) {
        if (n === 0) {
            res.write('event: delta\ndata: {"te');
            await sleep(50);
            return res.destroy();
        }
        res.end(answer(`re: ${body.messages[0].text}`));
    },
    async drip({ res }) {
        const text = delta('slow').repeat(1000);
        res.write(delta('slow'));
        for (let i = 0; i < text.length && !res.destroyed; i++) {
            res.write(text[i]);
            await sleep(100);
        }
    },
    async big({ res }) {
        const text = delta('x'.repeat(60000));
        res.write(delta('xx'));
        await sleep(300);
        for (let sent = 0; sent < 10 << 20 && !res.destroyed; sent += text.length)
            if (!res.write(text)) await Promise.race([sleep(1000),
                new Promise(done => res.once('drain', done))]);
    },
    async stop({ res, body }) {
        if (body.messages.length > 1) return res.end(answer('both'));
        for (let i = 0; !res.destroyed; i++) {
            res.write(delta(`word${i} `));
            await sleep(30);
        }
    },
    later({ res }) { res.writeHead(202).end(); },
    never({ res }) { res.writeHead(202).end('{}'); },
    again({ res }) { res.writeHead(202).end(); },
};

before(async () => {
    server = createServer((req, res) => {
        const name = req.url.slice(1), chunks = [];
        res.on('error', () => {});
        req.on('data', chunk => chunks.push(chunk));
        req.on('end', () => {
            const body = JSON.parse(Buffer.concat(chunks)), all = seen[name] ??= [];
            const one = { turn: req.headers['idempotency-key'], accept: req.headers.accept, body, res };
            res.on('close', () => { one.closed = true; });
            if (!['later', 'never', 'again'].includes(name))
                res.setHeader('Content-Type', 'text/event-stream');
            all.push(one);
            agents[name](one, all.length - 1);
        });
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${server.address().port}`;
    const pair = name => `[channel ${name}]\ntype = webchat\nagent = ${name}\nrate = 0\n` +
        `${name === 'stop' ? 'queue_mode = interrupt\n' : ''}\n[agent ${name}]\ntype = http\n` +
        `url = ${url}/${name}\nsecret = ${SECRET}\nbreaker_failures = 0\n` +
        `claims = ${name === 'checked' ? 'checked' : 'trusted'}\n` +
        `deadline = ${['later', 'again', 'parts'].includes(name) ? 15000 : DEADLINE}ms\n`;
    gw = await Gateway.start({
        tandem: { retry: '40ms', attempts: 6, text_unavailable: SORRY },
        conf: NAMES.map(pair).join('\n'),
    });
});

after(async () => {
    await gw?.close();
    server?.closeAllConnections();
    server?.close();
});

async function ask(channel, text = 'hello') {
    const chat = await Chat.open(gw, channel);
    await chat.say(text);
    return chat;
}

const deltas = chat => chat.frames.filter(f => f.type === 'delta');
const messages = chat => chat.frames.filter(f => f.type === 'message').map(f => f.text);

/** Nothing of a turn comes after its message. */
function in_order(chat) {
    const at = chat.frames.findIndex(f => f.type === 'message');
    const turn = deltas(chat)[0]?.turn;
    assert.ok(chat.frames.slice(at).every(f => f.type !== 'delta' || f.turn !== turn));
    for (const f of deltas(chat)) assert.equal(f.seq, undefined);
}

const post = (turn, body, { token = SECRET, method = 'POST', path = 'answer' } = {}) =>
    fetch(`${gw.url}/api/v1/turns/${turn}/${path}`, {
        method, body: method === 'POST' ? (typeof body === 'string' ? body : JSON.stringify(body)) : undefined,
        headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    });
const say = text => ({ messages: [{ text }] });
const asked = (name, n = 1) => until(() => seen[name]?.[n - 1], `question ${n}`);

/* ---- Parts -------------------------------------------------------------------------------- */

test('an answer grows in front of the customer, and its message is the whole', async () => {
    const chat = await ask('parts');
    assert.equal((await chat.message()).text, 'Your pärcel is on its way.');
    assert.ok(deltas(chat).length >= 2, `${deltas(chat).length} parts`);
    assert.equal(deltas(chat).map(f => f.text).join(''), 'Your pärcel is on its way.');
    assert.equal(new Set(deltas(chat).map(f => f.turn)).size, 1);
    assert.equal(deltas(chat)[0].turn, seen.parts[0].turn);
    assert.match(seen.parts[0].accept, /text\/event-stream/);
    await sleep(300);
    in_order(chat);
    assert.deepEqual(messages(chat), ['Your pärcel is on its way.']);

    // Parts are not kept: who comes back gets the message alone.
    const back = await Chat.open(gw, 'parts', { hello: { resume: chat.welcome.resume } });
    await back.message();
    assert.equal(deltas(back).length, 0);
    back.close();
    chat.close();
});

test('where claims are checked whole sentences grow, and one that claims what was not done never shows', async () => {
    const chat = await ask('checked');
    const text = (await chat.message()).text;
    assert.doesNotMatch(text, /refunded/);
    const shown = deltas(chat).map(f => f.text).filter(Boolean);
    assert.ok(shown.length >= 1, `${shown.length} parts`);
    assert.equal('Your pärcel is on its way. It comes on Tuesday. '.indexOf(shown.join('')), 0, shown.join('|'));
    for (const part of shown) assert.match(part, /[.] ?$/);
    chat.close();
});

test('who comes in the middle sees no half of an answer', async () => {
    const chat = await ask('parts');
    await chat.next('delta');
    const other = await Chat.open(gw, 'parts', { hello: { resume: chat.welcome.resume } });
    await Promise.all([chat.message(), other.message()]);
    assert.equal(deltas(other).length, 0);
    other.close();
    chat.close();
});

test('a stream that is cut in the middle of a word is taken back, and not begun anew', async () => {
    const chat = await ask('cut');
    assert.equal((await chat.message()).text, SORRY);
    const shown = deltas(chat);
    assert.deepEqual(shown.map(f => [f.text, f.void]),
                     [['You will get a full ref', undefined], ['', true]]);
    assert.equal(seen.cut.length, 1);
    in_order(chat);
    chat.close();
});

test('a stream that is cut before anything was shown is asked for again', async () => {
    const chat = await ask('early');
    assert.equal((await chat.message()).text, 're: hello');
    assert.equal(seen.early.length, 2);
    assert.equal(seen.early[0].turn, seen.early[1].turn);
    assert.equal(deltas(chat).length, 0);
    chat.close();
});

test('dripping does not stretch the deadline', async () => {
    const since = performance.now();
    const chat = await ask('drip');
    assert.equal((await chat.message()).text, SORRY);
    const ms = performance.now() - since;
    assert.ok(ms > DEADLINE - 200 && ms < 10 * DEADLINE, `${ms} ms`);
    assert.equal(deltas(chat).at(-1).void, true);
    in_order(chat);
    await until(() => seen.drip[0].closed, 'the connection to end');
    chat.close();
});

test('a stream of 10 MB is capped', async () => {
    const chat = await ask('big');
    assert.equal((await chat.message()).text, SORRY);
    const bytes = deltas(chat).reduce((sum, f) => sum + f.text.length, 0);
    assert.ok(bytes > 0 && bytes <= 256 << 10, `${bytes} bytes shown`);
    await until(() => seen.big[0].closed, 'the connection to end');
    in_order(chat);
    chat.close();
});

test('a question in between ends the stream, and both are answered', async () => {
    const chat = await ask('stop');
    await chat.next('delta');
    await chat.say('wait, no');
    assert.equal((await chat.message()).text, 'both');
    await until(() => seen.stop[0].closed, 'the connection to end');
    await sleep(150);
    assert.equal(deltas(chat).at(-1).void, true);
    assert.deepEqual([...new Set(deltas(chat).map(f => f.turn))], [seen.stop[0].turn]);
    assert.deepEqual(messages(chat), ['both']);
    in_order(chat);
    chat.close();
});

/* ---- Later -------------------------------------------------------------------------------- */

test('an answer may come later, once', async () => {
    const chat = await ask('later');
    const { turn } = await asked('later');

    for (const [status, options, body = say('no')] of [
        [401, { token: null }], [401, { token: 'wrong' }], [401, { token: `${SECRET}x` }],
        [405, { method: 'GET' }], [404, { path: 'answers' }],
        [400, {}, '{"messages":7}'], [400, {}, 'not JSON'], [400, {}, '{}']])
        assert.equal((await post(turn, body, options)).status, status, JSON.stringify(options));
    assert.equal((await post('01JD0000000000000000000000', say('no'))).status, 404);
    assert.equal((await post('nonsense', say('no'))).status, 404);
    assert.match((await (await post(turn, '{"messages":7}')).json()).error.message, /'messages'/);

    const taken = await post(turn, say('better late'));
    assert.equal(taken.status, 200);
    assert.deepEqual(await taken.json(), { status: 'taken' });
    assert.equal((await chat.message()).text, 'better late');
    assert.equal((await post(turn, say('twice'))).status, 409);
    assert.equal((await post(turn, say('twice'), { token: 'wrong' })).status, 401);
    await sleep(100);
    assert.deepEqual(messages(chat), ['better late']);
    chat.close();
});

test('of many answers at once one is taken', async () => {
    const chat = await ask('later');
    const { turn } = await asked('later', 2);
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => post(turn, say(`answer ${i}`))));
    const statuses = all.map(r => r.status).sort();

    assert.equal(statuses.filter(s => s === 200).length, 1, statuses.join());
    assert.ok(statuses.every(s => [200, 409, 503].includes(s)), statuses.join());
    await chat.message();
    await sleep(100);
    assert.equal(messages(chat).length, 1);
    chat.close();
});

test('who promised and never answers has had its deadline', async () => {
    const since = performance.now();
    const chat = await ask('never');
    assert.equal((await chat.message()).text, SORRY);
    const ms = performance.now() - since;
    assert.ok(ms > DEADLINE - 200 && ms < 10 * DEADLINE, `${ms} ms`);
    assert.equal((await post(seen.never[0].turn, say('too late'))).status, 409);
    await sleep(100);
    assert.deepEqual(messages(chat), [SORRY]);
    chat.close();
});

test('a promise outlives a crash: the same turn is asked again, and answered once', async () => {
    const chat = await ask('again');
    const { turn } = await asked('again');
    await gw.kill();
    await gw.start();
    let taken = false;
    for (let i = 0; i < 200 && !taken; i++) { // from the first moment on
        const { status } = await post(turn, say('at last'));
        taken = status === 200;
        assert.ok(taken || status === 503, `HTTP ${status}`);
        if (!taken) await sleep(10);
    }
    assert.ok(taken);
    assert.ok(seen.again.every(s => s.turn === turn));
    const back = await Chat.open(gw, 'again', { hello: { resume: chat.welcome.resume } });
    assert.equal((await back.message()).text, 'at last');
    await sleep(100);
    assert.deepEqual(messages(back), ['at last']);
    back.close();
});
