/** webchat_wire.mjs - web chat against peers that break the rules (W01 to W18, W29 to W31). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Gateway, sleep, until } from '../lib/gateway.mjs';
import { Raw, close, frame, handshake, text } from '../lib/raw.mjs';

const gw = await Gateway.start({
    tandem: { header_timeout: '2s' },
    conf: `
[channel web]
type = webchat
agent = e
rate = 0
[channel shop]
type = webchat
agent = e
origins = https://shop.example, http://localhost:3000
[channel small]
type = webchat
agent = e
max_message = 4K
[agent e]
type = echo
`,
});

/** What the listener says to a handshake with these headers. */
const knock = (headers, path = '/chat/web') => Raw.ask(gw, handshake(path, headers));
const open = (path = '/chat/web') => Raw.open(gw, path, { hello: {} });
const message = (id, words) => ({ type: 'message', id, text: words });

/** The bytes end this connection with that code, and nobody else's. */
async function ends(code, ...pieces) {
    const raw = await open();
    for (const bytes of pieces) raw.send(bytes);
    assert.equal(await raw.closed(), code);
    raw.destroy();
}

/** The bytes end it with 1002, or without a word. */
async function breaks(...pieces) {
    const raw = await open();
    for (const bytes of pieces) raw.send(bytes);
    const code = await raw.closed();
    assert.ok(code === 1002 || code === 1006, `closed with ${code}`);
    raw.destroy();
}

async function accepts(raw, id) {
    for (;;) {
        const f = await raw.json();
        if (f.type === 'error') assert.fail(f.message);
        if (f.type === 'accepted') return assert.equal(f.id, id);
    }
}

async function answer(raw) {
    for (;;) {
        const f = await raw.json();
        if (f.type === 'message') return f;
    }
}

after(async () => {
    await gw.close();
});

test('W01 the handshake of RFC 6455 gets its answer', async () => {
    const head = await Raw.ask(gw, handshake('/chat/web'));
    assert.equal(head.status, 101);
    assert.equal(head.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    assert.equal(head.headers['sec-websocket-protocol'], 'tandem.chat.v1');
    assert.match(head.headers.upgrade, /^websocket$/i);
    assert.match(head.headers.connection, /^upgrade$/i);
    assert.equal(head.headers['sec-websocket-extensions'], undefined);
});

test('W02 no subprotocol, or another one, is 400', async () => {
    for (const protocol of [null, 'tandem.chat.v2', 'chat', 'TANDEM.CHAT.V1'])
        assert.equal((await knock({ 'Sec-WebSocket-Protocol': protocol })).status, 400, protocol);
    const head = await knock({ 'Sec-WebSocket-Protocol': 'chat, tandem.chat.v1' });
    assert.equal(head.status, 101);
    assert.equal(head.headers['sec-websocket-protocol'], 'tandem.chat.v1');
});

test('W03 version 8 is 426, which names 13', async () => {
    const head = await knock({ 'Sec-WebSocket-Version': '8' });
    assert.equal(head.status, 426);
    assert.equal(head.headers['sec-websocket-version'], '13');
});

test('W04 what is not an upgrade is 400', async () => {
    for (const fields of [{ method: 'POST' }, { Upgrade: null }, { Connection: 'keep-alive' },
        { Connection: null }, { 'Sec-WebSocket-Key': null }, { 'Sec-WebSocket-Key': 'short' }])
        assert.equal((await knock(fields)).status, 400,
            JSON.stringify(fields));
});

test('W05 Firefox says Connection: keep-alive, Upgrade', async () => {
    assert.equal((await knock({ Connection: 'keep-alive, Upgrade' })).status, 101);
});

test('W06 an origin that is not listed is 403, and logged once', async () => {
    const status = async origin => (await knock({ Origin: origin }, '/chat/shop')).status;
    assert.equal(await status('https://shop.example'), 101);
    assert.equal(await status('http://localhost:3000'), 101);
    for (const origin of ['https://evil.example', 'https://shop.example.evil.example', 'null',
        'http://shop.example', 'https://shop.example:8443', null])
        assert.equal(await status(origin), 403, String(origin));
    assert.equal((await knock({ Origin: 'https://any.example' })).status, 101);
    await until(() => gw.log.includes('evil.example'), 'the log line');
    assert.equal(gw.log.match(/origins, refused/g).length, 1);
});

test('W07 a frame in the segment of the handshake is read', async () => {
    const raw = await Raw.connect(gw);
    raw.send(Buffer.concat([Buffer.from(handshake('/chat/web')), text({ type: 'hello' }),
        text(message('m1', 'at once'))]));
    assert.equal((await raw.head()).status, 101);
    assert.equal((await raw.json()).type, 'welcome');
    await accepts(raw, 'm1');
    raw.destroy();
});

test('W07 a handshake and frames that come byte by byte are read', async () => {
    const raw = await Raw.connect(gw);
    const bytes = Buffer.concat([Buffer.from(handshake('/chat/web')), text({ type: 'hello' }),
        text(message('m1', 'slow'))]);
    for (const byte of bytes) {
        raw.send(Buffer.from([byte]));
        await new Promise(setImmediate);
    }
    assert.equal((await raw.head()).status, 101);
    assert.equal((await raw.json()).type, 'welcome');
    await accepts(raw, 'm1');
    raw.destroy();
});

test('W08 a frame without a mask is 1002', async () => {
    await breaks(frame({ payload: '{}', masked: false }));
});

test('W09 an RSV bit without an extension is 1002', async () => {
    for (const rsv of [1, 2, 4, 7]) await breaks(frame({ payload: '{}', rsv }));
});

test('W10 a reserved opcode is 1002', async () => {
    for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
        await breaks(frame({ opcode, payload: 'x' }));
});

test('W11 a control frame in parts, or over 125 bytes, is 1002', async () => {
    for (const opcode of [8, 9, 10]) {
        await breaks(frame({ opcode, payload: 'x', fin: false }));
        await breaks(frame({ opcode, payload: Buffer.alloc(126) }));
        await breaks(frame({ opcode, payload: 'x', wide: true }));
    }
});

test('W12 a ping is answered within 100 ms, also inside a message', async () => {
    const raw = await open();
    let fastest = Infinity; // of a few: a busy machine is no fault of it
    for (let n = 0; n < 20; n++) {
        const since = performance.now();
        raw.send(frame({ opcode: 9, payload: 'x' }));
        const pong = await raw.control();
        assert.equal(pong.opcode, 10);
        assert.equal(pong.payload.toString(), 'x');
        fastest = Math.min(fastest, performance.now() - since);
    }
    assert.ok(fastest < 100, `${fastest} ms`);
    raw.send(frame({ payload: '{"type":"message","id":"m1",', fin: false }));
    raw.send(frame({ opcode: 9, payload: Buffer.alloc(125, 'y') }));
    assert.equal((await raw.control()).payload.length, 125);
    raw.send(frame({ opcode: 10, payload: 'nobody asked' }));
    raw.send(frame({ opcode: 0, payload: '"text":"hi"}' }));
    await accepts(raw, 'm1');
    raw.destroy();
});

test('W13 three parts with a ping between are one message', async () => {
    const raw = await open();
    raw.send(frame({ payload: '{"type":"message",', fin: false }));
    raw.send(frame({ opcode: 0, payload: '"id":"m1","te', fin: false }));
    raw.send(frame({ opcode: 9 }));
    raw.send(frame({ opcode: 0, payload: '', fin: false }));
    raw.send(frame({ opcode: 0, payload: 'xt":"in parts"}' }));
    assert.equal((await raw.control()).opcode, 10);
    await accepts(raw, 'm1');
    assert.match((await answer(raw)).text, /in parts/);
    raw.destroy();
});

test('W14 a stray part, and a message within a message, are 1002', async () => {
    await breaks(frame({ opcode: 0, payload: 'x' }));
    await breaks(frame({ opcode: 0, payload: 'x', fin: false }));
    await breaks(frame({ payload: '{', fin: false }), frame({ payload: '{}' }));
});

test('W15 what is not UTF-8 is 1007', async () => {
    for (const hex of ['ff', 'c0af', 'c1bf', 'e08080', 'eda080', 'edbfbf', 'f0808080', 'f4908080',
        'f8a1a1a1a1', '80', 'bf', 'c3', 'e282', 'f09f98',
        'cebae1bdb9cf83cebcceb5eda080656469746564'])
        await ends(1007, frame({ payload: Buffer.from(hex, 'hex') }));
    await ends(1007, frame({ payload: Buffer.from('61c3', 'hex'), fin: false }),
        frame({ opcode: 0, payload: Buffer.from('28', 'hex') }));
    await ends(1007, frame({ payload: Buffer.from('61', 'hex'), fin: false }),
        frame({ opcode: 0, payload: Buffer.from('c3', 'hex') }));
});

test('W15 a character split over parts, and U+FFFF, are taken', async () => {
    const raw = await open();
    const bytes = Buffer.from(JSON.stringify(message('m1', 'æ€😀\uffff\ufffd\u{10ffff}')));
    for (let i = 0; i < bytes.length; i++)
        raw.send(frame({
            opcode: i ? 0 : 1, payload: bytes.subarray(i, i + 1), fin: i === bytes.length - 1,
        }));
    await accepts(raw, 'm1');
    assert.ok((await answer(raw)).text.includes('æ€😀\uffff\ufffd\u{10ffff}'));
    raw.destroy();
});

test('W16 a binary frame is 1003', async () => {
    await ends(1003, frame({ opcode: 2, payload: '{}' }));
    await ends(1003, frame({ opcode: 2, payload: '{', fin: false }));
});

test('W17 more than max_message is 1009, before it is taken into memory', async () => {
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gw.pid}/status`))[1]);
    const before = rss();
    const over = async (...pieces) => {
        const raw = await open('/chat/small');
        for (const bytes of pieces) raw.send(bytes);
        const code = await raw.closed();
        assert.ok(codes.includes(code), `closed with ${code}`);
        raw.destroy();
    };
    const codes = [1009, 1006, 1002]; // 1002: a length with its top bit set is no length

    await over(frame({ payload: Buffer.alloc(4097, ' ') }));
    await over(frame({ payload: Buffer.alloc(100, ' '), length: 2n ** 62n }));
    await over(frame({ payload: Buffer.alloc(100, ' '), length: 2n ** 63n })); // the top bit
    await over(frame({ payload: Buffer.alloc(100, ' '), length: 1 << 30 }));
    await over(...Array.from({ length: 4097 }, (_, i) =>
        frame({ opcode: i ? 0 : 1, payload: ' ', fin: false })));
    assert.ok(rss() - before < 4096, `grew by ${rss() - before} KiB`);
    const raw = await open('/chat/small'); // just not too much
    const rest = JSON.stringify(message('m1', 'z'));
    raw.send(frame({ payload: rest.replace('z', 'z'.repeat(4096 - rest.length + 1)) }));
    await accepts(raw, 'm1');
    raw.destroy();
});

test('W18 a close code that is allowed comes back, another is 1002', async () => {
    for (const code of [1000, 1001, 1003, 1007, 1011, 3000, 3999, 4000, 4999])
        await ends(code, close(code, 'bye'));
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
        await ends(1002, close(code));
    await ends(1005, frame({ opcode: 8 }));
    await ends(1002, frame({ opcode: 8, payload: 'x' }));
    await ends(1007, frame({ opcode: 8, payload: Buffer.from('03e8ff', 'hex') }));
});

test('W18 nothing is read after a close', async () => {
    const raw = await open();
    raw.send(Buffer.concat([close(1000), text(message('late', 'too late')), frame({ opcode: 9 })]));
    assert.equal((await raw.control()).opcode, 8);
    assert.equal(await raw.frame(), null);
});

test('W29 headers that drip are cut off at the total time', async () => {
    const since = Date.now(), raw = await Raw.connect(gw);
    const bytes = handshake('/chat/web', { 'X-Long': 'x'.repeat(4000) });
    const timer = (async () => {
        for (const byte of bytes) {
            if (raw.ended) break;
            raw.send(byte);
            await sleep(20);
        }
    })();
    await raw.gone(20000);
    await timer;
    const took = Date.now() - since;
    assert.ok(took > 1900 && took < 20000, `closed after ${took} ms`); // all of them take over 80 s
});

test('W30 what two readers could understand differently is 400', async () => {
    const get = (...lines) => `GET /healthz HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`;
    const post = (...lines) => `POST /healthz HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`;
    const bad = {
        'two lengths': post('Content-Length: 3', 'Content-Length: 4'),
        'length and chunks': post('Content-Length: 3', 'Transfer-Encoding: chunked'),
        'a bare CR': get('X: a\rb'),
        'a space before the colon': 'GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n',
        'a folded line': get('X: a', ' b'),
        'two hosts': get('Host: b'),
        'no host': 'GET /healthz HTTP/1.1\r\n\r\n',
        'a NUL': get('X: a\0b'),
        'xchunked': post('Transfer-Encoding: xchunked'),
        'a length with a sign': post('Content-Length: +3'),
        'a length in hex': post('Content-Length: 0x3'),
        'the future': 'GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n',
        'no HTTP': 'hello\r\n\r\n',
    };
    for (const [what, bytes] of Object.entries(bad)) {
        const raw = await Raw.connect(gw);
        raw.send(bytes);
        const head = await raw.head();
        assert.ok(head === null || (head.status >= 400 && head.status < 600 && head.status !== 404),
            `${what}: ${head?.status}`);
        await raw.gone(3000);
        raw.destroy();
    }
    assert.equal((await Raw.ask(gw, get('X: fine'))).status, 200);
});

test('W31 9 KiB of headers are 431 or the end', async () => {
    const head = await knock({ 'X-Big': 'x'.repeat(9216) });
    assert.ok(head === null || head.status === 431, `got ${head?.status}`);
    assert.equal((await knock({ 'X-Big': 'x'.repeat(7000) })).status, 101);
});
