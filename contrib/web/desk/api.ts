/** api.ts - the desk's HTTP API and its events, as protocols.md §4 has them. No state but the token. */
import { fresh } from '../shared/text';
import { upload, type Attachment } from '../shared/upload';
import { fill, t } from './words';

export type { Attachment };

export interface Me {
    id: string; name: string; presence: Presence; capacity: number; live: number; supervise?: boolean;
}
export type Presence = 'available' | 'away' | 'offline';
export interface Handoff {
    id: string; session: string; queue: string; state: 'queued' | 'live' | 'closed'; since: string;
    reason?: string; priority: number; channel?: string; human?: string; language?: string;
    tags?: string[]; position?: number; outcome?: string; ended?: string; score?: number;
}
export interface Step { step?: string; action?: string; outcome?: string; receipt?: string; at?: string }
export interface Package {
    summary?: string; status?: string; open_question?: string; risk_flags?: string[];
    reason?: { code?: string; class?: string; text?: string; evidence?: { seq: number; quote?: string }[]; also?: string[] };
    intent?: { name?: string; confidence?: number; status?: string };
    customer?: { id?: string; name?: string; tier?: string; verified?: boolean; locale?: string; timezone?: string; fields?: Record<string, string> };
    entities?: Record<string, string>; done?: Step[]; failed?: Step[];
    last_customer_messages?: { seq: number; at?: string; text?: string }[];
    channel?: { name: string; kind?: string; reply_until?: string };
    attachments?: Attachment[]; promises?: { what?: string; by?: string; state?: string; due?: string }[];
    open_intents?: string[]; transcript?: { count: number };
    dropped?: { field: string; reason: string }[];
}
export interface Message {
    seq?: number; id?: string; at: string; author: 'customer' | 'agent' | 'human' | 'system' | 'note';
    name?: string; text?: string; attachments?: Attachment[];
}
export interface Opened { package: Package | null; transcript: Message[]; next: number | null; read?: number; handoff?: Handoff | null }
export interface Session { id: string; agent?: string; channel?: string; language?: string; intent?: string; started?: string; active?: string }
export interface Team {
    queues: { name: string; open: boolean; waiting: number; able: number }[];
    humans: { id: string; name: string; presence: string; live: number; capacity: number }[];
}
export interface Reply { key: string; title: string; text: string; language?: string }
export interface Wrapup { outcome?: string; escalation?: string; reason_should_be?: string; note?: string }
export type Event = { type: string; event?: number; handoff?: string; session?: string } & Record<string, any>;

/** What the gateway refused, in its words; status 0: it was not reached. */
export class Refused extends Error {
    constructor(readonly status: number, message: string, readonly code = '', readonly holder?: string) {
        super(message);
    }
}

const BACKOFF_MAX = 20000; // ms

export class Api {
    private readonly base = new URL('../desk/v1/', location.href);

    constructor(readonly token: string) {}

    get<T>(path: string): Promise<T> { return this.call('GET', path); }

    put<T>(path: string, body: unknown): Promise<T> { return this.call('PUT', path, body); }

    /** The same key again does nothing again: it may be repeated when nothing was heard. */
    post<T = { ok: boolean; handoff?: string; seq?: number }>(path: string, body: unknown = {}, key = fresh()): Promise<T> {
        return this.call('POST', path, body, { 'Idempotency-Key': key });
    }

    upload(file: File, progress: (part: number) => void, signal: AbortSignal): Promise<Attachment> {
        return upload(new URL('files', this.base), file, this.token, progress, signal);
    }

    private async call<T>(method: string, path: string, body?: unknown, headers = {}): Promise<T> {
        const answer = await fetch(new URL(path, this.base), {
            method, headers: { Authorization: `Bearer ${this.token}`, ...headers },
            body: body === undefined ? null : JSON.stringify(body), cache: 'no-store',
        }).catch(() => { throw new Refused(0, t.notReached); });
        const said = await answer.json().catch(() => null);
        if (answer.ok && said) return said;
        const { message = fill(t.answered, { status: answer.status }), code, holder } = said?.error ?? {};
        throw new Refused(answer.status, message, code, holder);
    }
}

export interface Listener { event(event: Event): void; connected(on: boolean): void; refused(): void }

/** The events, for as long as it is not closed; each once and in order, also over a break. */
export class Events {
    private socket: WebSocket | null = null;
    private last: number | undefined;
    private tries = 0;
    private timer = 0;
    private readonly wake = () => this.open();

    constructor(private readonly token: string, private readonly listener: Listener) {
        addEventListener('online', this.wake);
        this.open();
    }

    close(): void {
        removeEventListener('online', this.wake);
        clearTimeout(this.timer);
        if (this.socket) this.socket.onclose = this.socket.onmessage = null;
        this.socket?.close();
    }

    private open(): void {
        clearTimeout(this.timer);
        if (this.socket) return;
        const url = new URL('../desk/v1/events', location.href);
        url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
        const socket = this.socket = new WebSocket(url, 'tandem.desk.v1');
        socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', token: this.token, last: this.last }));
        socket.onmessage = ({ data }) => this.read(JSON.parse(data));
        socket.onclose = ({ code }) => this.closed(code);
    }

    private read(event: Event): void {
        if (event.type === 'welcome') {
            this.last ??= event.event;
            this.tries = 0;
            this.listener.connected(true);
            return;
        }
        if (event.type === 'resync') this.last = undefined;
        else if (event.event !== undefined) this.last = Math.max(this.last ?? 0, event.event);
        this.listener.event(event);
    }

    private closed(code: number): void {
        this.socket = null;
        this.listener.connected(false);
        if (code === 4401 || code === 4400) return this.listener.refused();
        const wait = Math.min(BACKOFF_MAX, 400 * 2 ** this.tries++);
        this.timer = window.setTimeout(() => this.open(), wait * (0.5 + Math.random() / 2));
    }
}
