/**
 * ledger.mjs - customers on web chat who write down what they were promised, and check it.
 *
 *   const crowd = new Crowd(gw, 'web', { customers: 20, pace: 20 });
 *   crowd.start();                      // they talk, come back after each cut, send again
 *   ... crash and restart gw ...
 *   await crowd.rest();                 // no new messages; all that was sent is accepted
 *   const row = await crowd.verify();   // a full replay of each session against the ledger
 *
 * The agent must answer each message with its own text after a prefix ("re: "). A row: sent, acked,
 * stored (own messages in the replay), delivered (answers that came), lost (accepted and not in the
 * replay, or not answered, or a session that is gone), dup (in a replay twice, answered twice, or a
 * live event seen before), reordered (events or own messages out of order).
 */
import { randomUUID } from 'node:crypto';

import { Socket } from './chat.mjs';
import { sleep, until } from './gateway.mjs';

class Customer {
    constructor(crowd, name) {
        Object.assign(this, { crowd, name, sent: 0, seen: 0, lost: 0, dup: 0, reordered: 0 });
        this.pending = [];         // { n, id, text }: sent, not accepted
        this.accepted = new Map(); // id -> { n, seq, text }
        this.lastAccepted = 0;
    }

    send(object) { this.socket?.send(JSON.stringify(object)); }

    say(message) { this.send({ type: 'message', id: message.id, text: message.text }); }

    fill() { for (let i = this.pending.length; i < this.crowd.window; i++) this.next(); }

    next() {
        if (this.crowd.talking && this.ready && this.pending.length < this.crowd.window) {
            const n = ++this.sent;
            const message = { n, id: randomUUID(), text: `${this.name} ${n}` };
            this.pending.push(message);
            this.say(message);
        }
    }

    /** One connection, from hello to its end. */
    async connect() {
        const socket = this.socket = await Socket.open(
            `${this.crowd.gw.wsUrl}/chat/${this.crowd.channel}`);
        await new Promise(done => {
            socket.onClose = closed => {
                if (closed.code === 4401) this.forget();
                done();
            };
            socket.onText = text => this.take(JSON.parse(text));
            this.send({ type: 'hello', tab: 'a', ...(this.token &&
                { resume: this.token, last_seq: this.seen }) });
        });
        this.ready = false;
        this.socket = null;
    }

    /** The gateway does not know our session: a loss when something was accepted in it. */
    forget() {
        if (this.accepted.size > 0 && !this.gone) {
            this.gone = true;
            this.crowd.say(`${this.name}: the session ${this.session} is gone`);
            this.lost += this.accepted.size;
        }
        this.token = undefined;
        this.seen = this.lastAccepted = 0;
    }

    take(frame) {
        if (frame.type === 'welcome') {
            if (this.session !== frame.session && this.session) this.forget();
            this.session = frame.session;
            this.token = frame.resume;
            this.ready = true;
            for (const message of this.pending) this.say(message);
            this.fill();
        } else if (frame.type === 'accepted') {
            this.onAccepted(frame);
        } else if (frame.type === 'error') {
            this.crowd.refused++;
            const message = this.pending.find(m => m.id === frame.id);
            if (message && frame.code !== 'busy')
                this.crowd.say(`${this.name}: ${frame.code} ${frame.message}`);
            if (message)
                setTimeout(() => this.say(message), Math.min(frame.retry_after_ms ?? 200, 500));
        } else if (frame.seq !== undefined) {
            this.onEvent(frame);
        }
    }

    onAccepted({ id, seq }) {
        const i = this.pending.findIndex(m => m.id === id);
        const before = this.accepted.get(id);
        if (before && before.seq !== seq) {
            this.dup++;
            this.crowd.say(`${this.name}: ${id} was accepted as ${before.seq} and as ${seq}`);
        }
        if (i < 0) return;
        const [message] = this.pending.splice(i, 1);
        this.accepted.set(id, { ...message, seq });
        this.crowd.ackedAt = performance.now();
        if (seq < this.lastAccepted) this.reordered++;
        this.lastAccepted = seq;
        setTimeout(() => this.next(), this.crowd.pace * (0.5 + Math.random()));
    }

    onEvent(frame) {
        if (frame.seq <= this.seen) {
            this.dup++;
            this.crowd.say(`${this.name}: event ${frame.seq} came after ${this.seen}`);
        }
        this.seen = Math.max(this.seen, frame.seq);
    }

    async live() {
        while (!this.crowd.over) {
            try {
                await this.connect();
            } catch { /* it is not up */ }
            if (!this.crowd.over) await sleep(5 + Math.random() * 20);
        }
    }

    answered(frames) {
        const texts = new Set(frames.filter(f => f.type === 'message').map(f => f.text));
        return [...this.accepted.values()].every(m => texts.has(this.crowd.prefix + m.text));
    }

    /** Everything the gateway has of this session, once all is answered. */
    async replay() {
        const frames = [];
        const socket = await Socket.open(`${this.crowd.gw.wsUrl}/chat/${this.crowd.channel}`);
        socket.onText = text => frames.push(JSON.parse(text));
        socket.send(JSON.stringify({ type: 'hello', tab: 'b', resume: this.token, last_seq: 0 }));
        const settled = () => frames.some(f => f.type === 'welcome') && this.answered(frames);
        await until(settled, 'all answers', this.crowd.patience).catch(() => {});
        await sleep(20); // what comes twice comes now
        socket.destroy();
        return frames;
    }

    async verify(row) {
        row.sent += this.sent;
        row.acked += this.accepted.size;
        if (this.accepted.size > 0 && !this.gone) this.compare(await this.replay(), row);
        row.lost += this.lost;
        row.dup += this.dup;
        row.reordered += this.reordered;
        Object.assign(this, { lost: 0, dup: 0, reordered: 0 });
    }

    compare(frames, row) {
        const welcome = frames.find(f => f.type === 'welcome');
        const events = frames.filter(f => f.seq !== undefined && f.type !== 'welcome');
        const mine = new Map(), answers = new Map();
        let last = 0, lastN = 0;
        const wrong = (what, text) => {
            row[what]++;
            this.crowd.say(`${this.name}: ${text}`);
        };
        if (frames.some(f => f.type === 'resync')) wrong('lost', 'not the whole session was replayed');
        if (welcome?.session !== this.session) wrong('lost', 'another session was resumed');
        for (const f of events) {
            if (f.seq <= last) wrong('reordered', `${f.seq} stands after ${last}`);
            last = f.seq;
            if (f.type === 'echo') {
                if (mine.has(f.id)) wrong('dup', `${f.text} is there twice`);
                const n = Number(f.text.split(' ')[1]);
                if (n < lastN && this.crowd.ordered)
                    wrong('reordered', `message ${n} stands after ${lastN}`);
                lastN = n;
                mine.set(f.id, f);
                row.stored++;
            } else if (f.type === 'message') {
                if (answers.has(f.text)) wrong('dup', `the answer ${f.text} is there twice`);
                answers.set(f.text, f);
                row.delivered++;
            }
        }
        for (const [id, m] of this.accepted) {
            if (mine.get(id)?.seq !== m.seq)
                wrong('lost', `${m.text} was accepted as ${m.seq}, there is ${mine.get(id)?.seq}`);
            if (!answers.has(this.crowd.prefix + m.text)) wrong('lost', `${m.text} has no answer`);
        }
    }
}

export class Crowd {
    /** pace: ms between a customer's messages; window: how many may wait for their `accepted`. */
    constructor(gw, channel, { customers = 20, pace = 20, window = 1, prefix = 're: ' } = {}) {
        Object.assign(this, { gw, channel, pace, window, prefix, ordered: true, patience: 10000 });
        this.customers = Array.from({ length: customers }, (_, i) => new Customer(this, `c${i}`));
        this.refused = this.complaints = 0;
    }

    /** The first few complaints are worth reading. */
    say(text) {
        if (this.complaints++ < 10) console.error(text);
    }

    start() {
        this.talking = true;
        this.over = false;
        this.lives = this.customers.map(c => c.live());
    }

    get accepted() { return this.customers.reduce((sum, c) => sum + c.accepted.size, 0); }

    get pending() { return this.customers.reduce((sum, c) => sum + c.pending.length, 0); }

    /** Nobody says anything new; waits until all that was said is accepted. */
    async rest(ms = 10000) {
        this.talking = false;
        await until(() => this.pending === 0, 'acceptance of everything', ms);
    }

    talk() {
        this.talking = true;
        for (const c of this.customers) c.fill();
    }

    async stop() {
        this.over = true;
        this.talking = false;
        for (const c of this.customers) c.socket?.destroy();
        await Promise.all(this.lives ?? []);
    }

    /** The gateway runs and everyone rests. */
    async verify(row = emptyRow()) {
        await Promise.all(this.customers.map(c => c.verify(row)));
        return row;
    }
}

export const emptyRow = () =>
    ({ sent: 0, acked: 0, stored: 0, delivered: 0, lost: 0, dup: 0, reordered: 0, recovery_ms: 0 });

const columns = ['sent', 'acked', 'stored', 'delivered', 'lost', 'dup', 'reordered', 'recovery_ms'];

export function printRow(name, row) {
    console.log(`# ${name}: ${columns.map(c => `${c} ${Math.round(row[c])}`).join(', ')}`);
}
