/**
 * chat.mjs - a customer on web chat (tandem.chat.v1), on a WebSocket of our own: no package needed.
 *
 *   const chat = await Chat.open(gw, 'web');            // hello, welcome
 *   const seq = await chat.say('Where is my parcel?');  // sent and accepted
 *   const reply = await chat.message();                 // the next message frame
 *   chat.frames, chat.sent, chat.closed ({ code, reason } once it is)
 *   chat.close(); chat.destroy();                       // politely; like a cut cable
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { request } from 'node:http';

const TEXT = 1, CLOSE = 8, PING = 9, PONG = 10;

function frame(opcode, payload) {
    const n = payload.length, mask = randomBytes(4);
    const head = Buffer.alloc(n < 126 ? 2 : n < 65536 ? 4 : 10);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | (n < 126 ? n : n < 65536 ? 126 : 127);
    if (n >= 65536) head.writeBigUInt64BE(BigInt(n), 2);
    else if (n >= 126) head.writeUInt16BE(n, 2);
    const masked = Buffer.from(payload);
    for (let i = 0; i < n; i++) masked[i] ^= mask[i & 3];
    return Buffer.concat([head, mask, masked]);
}

/** A client WebSocket: on(text), on close. Frames from a server are never masked. */
export class Socket {
    static open(url, { protocol = 'tandem.chat.v1', headers = {} } = {}) {
        const key = randomBytes(16).toString('base64');
        const req = request(url.replace(/^ws/, 'http'), {
            headers: {
                Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
                'Sec-WebSocket-Key': key, 'Sec-WebSocket-Protocol': protocol, ...headers,
            },
        });
        return new Promise((done, fail) => {
            req.on('error', fail);
            req.on('response', res => {
                res.resume();
                fail(Object.assign(new Error(`HTTP ${res.statusCode}`),
                                   { status: res.statusCode }));
            });
            req.on('upgrade', (res, socket, head) => {
                const want = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
                    .digest('base64');
                if (res.headers['sec-websocket-accept'] !== want)
                    return fail(new Error('wrong Sec-WebSocket-Accept'));
                done(new Socket(socket, head));
            });
            req.end();
        });
    }

    constructor(socket, head) {
        this.socket = socket;
        this.buffer = head;
        this.parts = [];
        this.onText = () => {};
        this.onClose = () => {};
        socket.setNoDelay(true);
        socket.on('data', data => {
            this.buffer = this.buffer.length ? Buffer.concat([this.buffer, data]) : data;
            while (this.read());
        });
        socket.on('error', () => {});
        socket.on('close', () => {
            this.closed ??= { code: 1006, reason: '' };
            this.onClose(this.closed);
        });
        queueMicrotask(() => { while (this.read()); });
    }

    /** Takes one frame out of the buffer. */
    read() {
        const b = this.buffer;
        if (b.length < 2) return false;
        let n = b[1] & 0x7f, at = 2;
        if (n === 126) {
            if (b.length < 4) return false;
            n = b.readUInt16BE(2);
            at = 4;
        } else if (n === 127) {
            if (b.length < 10) return false;
            n = Number(b.readBigUInt64BE(2));
            at = 10;
        }
        if (b.length < at + n) return false;
        const payload = b.subarray(at, at + n), opcode = b[0] & 15;
        this.buffer = b.subarray(at + n);
        if (opcode <= TEXT) {
            this.parts.push(payload);
            if (b[0] & 0x80)
                this.onText(Buffer.concat(this.parts.splice(0)).toString());
        } else if (opcode === PING) {
            this.socket.write(frame(PONG, payload));
        } else if (opcode === CLOSE) {
            this.closed ??= { code: n >= 2 ? payload.readUInt16BE(0) : 1005,
                              reason: payload.subarray(2).toString() };
            this.socket.end(frame(CLOSE, payload.subarray(0, 2)));
        }
        return true;
    }

    send(text) { this.socket.write(frame(TEXT, Buffer.from(text))); }

    close(code = 1000) {
        const payload = Buffer.alloc(2);
        payload.writeUInt16BE(code);
        this.socket.write(frame(CLOSE, payload));
    }

    destroy() { this.socket.destroy(); }
}

export class Chat {
    /** hello: fields of the hello frame; origin and the like go into headers. */
    static async open(gw, channel, { hello = {}, headers } = {}) {
        const chat = new Chat(await Socket.open(`${gw.wsUrl}/chat/${channel}`, { headers }));
        chat.send({ type: 'hello', ...hello });
        chat.welcome = await chat.next('welcome');
        return chat;
    }

    constructor(socket) {
        this.socket = socket;
        this.frames = [];
        this.sent = [];
        this.taken = new Set();
        this.waiters = [];
        socket.onText = text => {
            const f = { ...JSON.parse(text), received: performance.now() };
            this.frames.push(f);
            this.wake();
        };
        socket.onClose = closed => {
            this.closed = closed;
            this.wake();
        };
    }

    wake() { for (const waiter of this.waiters.splice(0)) waiter(); }

    send(object) {
        this.sent.push(object);
        this.socket.send(JSON.stringify(object));
    }

    /** The oldest frame of this type (or for which the function holds) that was not taken yet. */
    async next(what, ms = 10000) {
        const fits = typeof what === 'function' ? what : f => f.type === what;
        for (const end = Date.now() + ms; ;) {
            const found = this.frames.find(f => !this.taken.has(f) && fits(f));
            if (found) {
                this.taken.add(found);
                return found;
            }
            if (this.closed)
                throw new Error(`closed with ${this.closed.code} ${this.closed.reason}`);
            const left = end - Date.now();
            if (left <= 0) throw new Error(`no ${what} within ${ms} ms`);
            let timer;
            await Promise.race([new Promise(done => this.waiters.push(done)),
                new Promise(done => { timer = setTimeout(done, left); })]);
            clearTimeout(timer);
        }
    }

    message(ms) { return this.next('message', ms); }

    /** Sends and waits until it is accepted; gives the seq. */
    async say(text, id = randomUUID(), ms) {
        this.send({ type: 'message', id, text });
        const f = await this.next(x => ['accepted', 'error'].includes(x.type) && x.id === id, ms);
        if (f.type === 'error') throw Object.assign(new Error(f.message), f);
        return f.seq;
    }

    close() { this.socket.close(); }

    destroy() { this.socket.destroy(); }
}
