/**
 * talk.ts - a talk over tandem.chat.v1: connection, resume, outbox. No element is touched here.
 *
 * A message is kept in sessionStorage from the moment it is written until the server has accepted
 * it, under one id: neither a reload nor a lost connection loses it or sends it twice. The listener
 * is told each event once and in order.
 */
import { fresh } from '../shared/text';
import { upload, type Attachment } from '../shared/upload';
import { Store } from './store';

export type { Attachment };

const SUBPROTOCOL = 'tandem.chat.v1';
const ACCEPT_WITHIN = 10000; // ms; later, the connection is taken for dead
const BACKOFF_MAX = 30000;
const TAKEN_OVER = 3; // so often in a row another socket may take this one's place

export interface Choice { title: string; value: string }
export interface Author { kind: 'agent' | 'human' | 'system'; name: string }
export interface Owner { kind: 'agent' | 'human' | 'none'; name: string }
export interface Limits {
    max_text: number; upload?: string; max_attachment: number; max_attachments: number;
}
/** What a customer has said; without seq it is not accepted yet. */
export interface Own {
    id: string; text: string; choice?: string; attachments?: Attachment[]; seq?: number; at?: string;
}
export interface Message {
    seq: number; id: string; at: string; author: Author; text: string; choices?: Choice[];
    attachments?: Attachment[];
}
/** Owed to the customer until it is kept or void; broken: its time is over. */
export interface Promised { id: string; what: string; due: string; state: 'made' | 'kept' | 'broken' | 'void' }
export interface Customer { id?: string; name?: string; email?: string; signature?: string }

/** Why there is no connection and none is tried. */
export type Stop = 'elsewhere' | 'refused';

export interface Listener {
    connecting(): void;
    online(limits: Limits): void;
    offline(): void;
    stopped(why: Stop): void;
    over(): void;    // the earlier talk is not known any more; a new one begins
    cleared(): void; // what was shown is to be forgotten; what follows is the whole
    own(message: Own): void; // new, or accepted now
    refused(id: string, why: string): void;
    message(message: Message): void;
    delta(turn: string, text: string, isVoid: boolean): void;
    owner(owner: Owner, isPending: boolean): void;
    queue(position?: number, waitS?: number): void;
    typing(name: string, on: boolean): void;
    receipt(of: number, status: string): void;
    promise(promise: Promised): void;
    failed(message: string): void; // an error that is about nothing in particular
    bye(): void;
}

interface Pending { id: string; text: string; choice?: string; files?: Attachment[] }
type Frame = { type: string; [field: string]: any };

export interface Where { url: string; customer?: Customer; locale: string }

export class Talk {
    limits: Limits | null = null;
    outbox: Pending[];
    private readonly shared: Store;
    private readonly own: Store;
    private socket: WebSocket | null = null;
    private welcomed = false;
    private lastSeq = 0;
    private tries = 0;
    private takenOver = 0;
    private tab: string;
    private resume: string | null = null;
    private bridge: string | null = null; // a talk from elsewhere that goes on here
    private session: string | null = null;
    private timer = 0;
    private watch = 0;
    private readonly wake = () => { if (this.started) this.connect(); };
    private started = false;

    constructor(private readonly where: Where, private readonly listener: Listener) {
        // Another customer on the same machine must not find this one's talk.
        const prefix = `tandem ${where.url} ${where.customer?.id ?? ''} `;
        this.shared = new Store('localStorage', prefix);
        this.own = new Store('sessionStorage', prefix);
        this.tab = this.own.get('tab') ?? this.newTab();
        this.outbox = this.own.get('outbox') ?? [];
        this.bridge = /^#bridge=(\w+\.\w+)/.exec(location.hash)?.[1] ?? null;
        addEventListener('online', this.wake);
    }

    /** Was there a talk before, here or in another tab? */
    get known(): boolean { return this.bridge !== null || this.shared.get('resume') !== null || this.outbox.length > 0; }

    connect(): void {
        clearTimeout(this.timer);
        this.started = true;
        if (this.socket) return;
        this.listener.connecting();
        const socket = this.socket = new WebSocket(this.where.url, SUBPROTOCOL);
        socket.onopen = () => this.hello();
        socket.onmessage = ({ data }) => this.read(JSON.parse(data));
        socket.onclose = ({ code }) => this.closed(code);
    }

    /** Leaves the connection alone for good. */
    end(): void {
        this.started = false;
        removeEventListener('online', this.wake);
        clearTimeout(this.timer);
        clearTimeout(this.watch);
        if (this.socket) {
            this.socket.onclose = this.socket.onmessage = this.socket.onopen = null;
            this.socket.close();
        }
        this.socket = null;
        this.welcomed = false;
    }

    /** Leaves the old talk and begins another. */
    restart(): void {
        this.forget();
        this.outbox = [];
        this.save();
        if (this.socket) this.socket.close(1000); // closed() connects again
        else this.connect();
    }

    send(text: string, files: Attachment[] = [], choice?: string): void {
        const message: Pending = { id: fresh(), text, ...(choice !== undefined && { choice }),
                                   ...(files.length && { files }) };
        this.outbox.push(message);
        this.save();
        this.listener.own({ ...message, attachments: files });
        if (this.welcomed) this.post(message);
    }

    /** What may be lost: said only while somebody listens. */
    tell(frame: Frame): void { if (this.welcomed) this.write(frame); }

    /** A file to the server; what it says of it, or an error with its sentence. Progress: 0 to 1. */
    upload(file: File, progress: (part: number) => void, signal: AbortSignal): Promise<Attachment> {
        const url = new URL(this.limits!.upload!, this.where.url.replace(/^ws/, 'http'));
        return upload(url, file, this.resume!, progress, signal);
    }

    private newTab(): string {
        const tab = fresh();
        this.own.set('tab', tab);
        return tab;
    }

    private hello(): void {
        if (!this.session) this.resume = this.shared.get('resume');
        this.write({
            type: 'hello', tab: this.tab, locale: this.where.locale,
            timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            ...(this.where.customer && { customer: this.where.customer }),
            ...(this.bridge ? { bridge: this.bridge }
                : this.resume && { resume: this.resume, last_seq: this.lastSeq }),
        });
    }

    private closed(code: number): void {
        this.socket = null;
        this.welcomed = false;
        clearTimeout(this.watch);
        this.watch = 0;
        if (code === 4401 && this.bridge) { // used already, or too late
            this.crossed();
            return this.connect();
        }
        if (code === 4401) { // the old talk is over; what was not sent goes into a new one
            const was = this.resume !== null;
            this.forget();
            if (was) {
                this.listener.over();
                return this.connect();
            }
        }
        if (code === 4409) return this.replaced();
        if (code === 4400 || code === 4401 || code === 1008) return this.listener.stopped('refused');
        const wait = code === 4429 ? BACKOFF_MAX : Math.min(BACKOFF_MAX, 400 * 2 ** this.tries++);
        this.listener.offline();
        this.timer = window.setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2));
    }

    /** A tab that was duplicated has this one's name: there is room for both under two names. */
    private replaced(): void {
        if (this.takenOver++ >= TAKEN_OVER) return this.listener.stopped('elsewhere');
        this.tab = this.newTab();
        this.connect();
    }

    /** It works once: a page that is loaded again goes on with what it knows. */
    private crossed(): void {
        this.bridge = null;
        history.replaceState(history.state, '', location.pathname + location.search);
    }

    private forget(): void {
        this.resume = this.session = null;
        this.lastSeq = 0;
        this.shared.set('resume', null);
    }

    private write(frame: Frame): void { this.socket!.send(JSON.stringify(frame)); }

    private post({ id, text, choice, files }: Pending): void {
        this.write({ type: 'message', id, text: text || undefined, choice,
                     attachments: files?.map(file => file.id) });
        this.watch ||= window.setTimeout(() => this.hurry(), ACCEPT_WITHIN);
    }

    /** Nothing was accepted for too long: a connection that is half open looks just like this. */
    private hurry(): void {
        this.watch = 0;
        if (!this.outbox.length || !this.socket) return;
        this.socket.onclose = this.socket.onmessage = null;
        this.socket.close();
        this.closed(1006);
    }

    private save(): void { this.own.set('outbox', this.outbox); }

    private done(id: string): Pending | undefined {
        const i = this.outbox.findIndex(message => message.id === id);
        const [message] = i >= 0 ? this.outbox.splice(i, 1) : [];
        clearTimeout(this.watch);
        this.watch = this.outbox.length ? window.setTimeout(() => this.hurry(), ACCEPT_WITHIN) : 0;
        this.save();
        return message;
    }

    private read(frame: Frame): void {
        const { type, seq } = frame;
        if (type === 'accepted') {
            this.lastSeq = Math.max(this.lastSeq, seq);
            const message = this.done(frame.id);
            if (message) this.listener.own({ ...message, attachments: message.files, seq });
            return;
        }
        if (seq !== undefined && type !== 'welcome') {
            if (seq <= this.lastSeq) return;
            this.lastSeq = seq;
        }
        this.dispatch(frame);
    }

    private dispatch(frame: Frame): void {
        const { listener } = this;
        switch (frame.type) {
        case 'welcome': return this.welcome(frame);
        case 'resync':
            this.lastSeq = 0;
            return listener.cleared();
        case 'echo':
            this.done(frame.id);
            return listener.own(frame as unknown as Own);
        case 'message': return listener.message(frame as unknown as Message);
        case 'delta': return listener.delta(frame.turn, frame.text, !!frame.void);
        case 'owner': return listener.owner(frame.owner, frame.state === 'pending');
        case 'queue': return listener.queue(frame.position, frame.wait_s);
        case 'typing': return listener.typing(frame.author?.name ?? '', frame.on);
        case 'receipt': return listener.receipt(frame.of, frame.status);
        case 'promise': return listener.promise(frame as unknown as Promised);
        case 'error': return this.error(frame);
        case 'bye': return listener.bye();
        }
    }

    private welcome(frame: Frame): void {
        if (this.bridge) this.crossed();
        if (this.session && this.session !== frame.session) {
            this.lastSeq = 0;
            this.listener.cleared();
        }
        this.session = frame.session;
        this.resume = frame.resume;
        this.limits = frame.limits;
        this.shared.set('resume', frame.resume);
        this.welcomed = true;
        this.tries = 0;
        this.listener.online(frame.limits);
        this.listener.owner(frame.owner, frame.state === 'pending');
        for (const message of this.outbox) this.post(message);
    }

    private error({ code, message, id, retry_after_ms: wait = 1000 }: Frame): void {
        const pending = this.outbox.find(one => one.id === id);
        if (!pending) return this.listener.failed(message);
        if (code === 'busy' || code === 'rate_limited') {
            setTimeout(() => {
                if (this.welcomed && this.outbox.includes(pending)) this.post(pending);
            }, wait);
        } else {
            this.done(id);
            this.listener.refused(id, message);
        }
    }
}
