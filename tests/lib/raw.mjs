/**
 * raw.mjs - a peer that breaks the rules: bytes on a TCP connection, frames bit by bit.
 *
 *   const raw = await Raw.open(gw, '/chat/web');          // handshake done, 101
 *   raw.send(frame({ opcode: 1, payload: '{}', rsv: 4 }));
 *   const { opcode, payload } = await raw.frame();
 *   const code = await raw.closed();                      // 1006: dropped; 1005: empty close
 */
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='; // RFC 6455, 1.3

/** fields: what to add or replace; null leaves the header out. */
export function handshake(path, { method = 'GET', ...fields } = {}) {
    const headers = {
        Host: 'localhost', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Key': KEY,
        'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Protocol': 'tandem.chat.v1', ...fields,
    };
    return `${method} ${path} HTTP/1.1\r\n` + Object.entries(headers)
        .filter(([, value]) => value !== null).map(([k, v]) => `${k}: ${v}\r\n`).join('') + '\r\n';
}

/** length: what the header claims; wide: the 64-bit form whatever the length. */
export function frame(bits) {
    const { opcode = 1, payload = '', fin = true, rsv = 0, masked = true, length, wide } = bits;
    const body = Buffer.from(payload), n = BigInt(length ?? body.length);
    const size = n < 126n && !wide ? 2 : n < 65536n && !wide ? 4 : 10;
    const head = Buffer.alloc(size);
    head[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
    head[1] = (masked ? 0x80 : 0) | (size === 2 ? Number(n) : size === 4 ? 126 : 127);
    if (size === 4) head.writeUInt16BE(Number(n), 2);
    if (size === 10) head.writeBigUInt64BE(n, 2);
    if (!masked) return Buffer.concat([head, body]);
    const mask = randomBytes(4);
    for (let i = 0; i < body.length; i++) body[i] ^= mask[i & 3];
    return Buffer.concat([head, mask, body]);
}

export const text = object => frame({ payload: JSON.stringify(object) });

export function close(code, reason = '') {
    const payload = Buffer.alloc(2 + reason.length);
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    return frame({ opcode: 8, payload });
}

export class Raw {
    static connect(gw) {
        const raw = new Raw(connect(gw.port, '127.0.0.1'));
        return new Promise((done, fail) => {
            raw.socket.once('connect', () => done(raw));
            raw.socket.once('error', fail);
        });
    }

    static async open(gw, path, { hello, ...fields } = {}) {
        const raw = await Raw.connect(gw);
        raw.send(handshake(path, fields));
        const head = await raw.head();
        if (head.status !== 101) throw new Error(`the handshake got ${head.status}`);
        if (hello) {
            raw.send(text({ type: 'hello', ...hello }));
            raw.welcome = await raw.json();
        }
        return raw;
    }

    /** What a server says to these bytes: { status, headers, body }. */
    static async ask(gw, bytes) {
        const raw = await Raw.connect(gw);
        raw.send(bytes);
        const head = await raw.head();
        raw.socket.destroy();
        return head;
    }

    constructor(socket) {
        this.socket = socket;
        this.buffer = Buffer.alloc(0);
        this.ended = false;
        socket.setNoDelay(true);
        const wake = () => this.wake?.();
        socket.on('data', data => { this.buffer = Buffer.concat([this.buffer, data]); wake(); });
        socket.on('error', () => {});
        for (const end of ['end', 'close']) socket.on(end, () => { this.ended = true; wake(); });
    }

    send(bytes) { if (!this.socket.destroyed) this.socket.write(bytes); }

    async wait(take, ms) {
        for (const end = Date.now() + ms; ;) {
            const got = take();
            if (got !== undefined) return got;
            if (this.ended) return null;
            const left = end - Date.now();
            if (left <= 0) throw new Error(`nothing within ${ms} ms`);
            await new Promise(done => { this.wake = done; setTimeout(done, left).unref(); });
        }
    }

    /** The head of the answer; null when the connection was dropped without one. */
    head(ms = 5000) {
        return this.wait(() => {
            const at = this.buffer.indexOf('\r\n\r\n');
            if (at < 0) return undefined;
            const [line, ...rest] = this.buffer.subarray(0, at).toString().split('\r\n');
            this.buffer = this.buffer.subarray(at + 4);
            const headers = Object.fromEntries(rest.map(one => {
                const colon = one.indexOf(':');
                return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
            }));
            return { status: Number(line.split(' ')[1]), headers };
        }, ms);
    }

    /** The next frame; null when the connection has ended. */
    frame(ms = 5000) {
        return this.wait(() => {
            const b = this.buffer;
            if (b.length < 2) return undefined;
            let n = b[1] & 0x7f, at = 2;
            if (b[1] & 0x80) throw new Error('the server masks');
            if (n >= 126) {
                const wide = n === 127;
                at = wide ? 10 : 4;
                if (b.length < at) return undefined;
                n = wide ? Number(b.readBigUInt64BE(2)) : b.readUInt16BE(2);
            }
            if (b.length < at + n) return undefined;
            this.buffer = b.subarray(at + n);
            return { fin: b[0] >> 7, rsv: b[0] >> 4 & 7, opcode: b[0] & 15,
                     payload: b.subarray(at, at + n) };
        }, ms);
    }

    /** The next frame that is not text. */
    async control(ms) {
        for (;;) {
            const f = await this.frame(ms);
            if (f?.opcode !== 1) return f;
        }
    }

    /** The object in the next text frame. */
    async json(ms) {
        const f = await this.frame(ms);
        if (f?.opcode !== 1) throw new Error(`opcode ${f?.opcode} ${f?.payload.toString('hex')}`);
        return JSON.parse(f.payload);
    }

    /** The code of the close frame, after whatever else comes; 1005: empty; 1006: dropped. */
    async closed(ms = 5000) {
        for (const end = Date.now() + ms; ;) {
            const f = await this.frame(Math.max(1, end - Date.now()));
            if (f === null) return 1006;
            if (f.opcode === 8) return f.payload.length < 2 ? 1005 : f.payload.readUInt16BE(0);
        }
    }

    /** The connection ends (FIN or reset) within this time. */
    async gone(ms = 5000) {
        const since = Date.now();
        await this.wait(() => { this.buffer = Buffer.alloc(0); return undefined; }, ms);
        return Date.now() - since;
    }

    destroy() { this.socket.destroy(); }
}
