/**
 * store.ts - what the desk knows, and what its human does. One object; whoever draws it subscribes.
 *
 * A conversation is known by its handoff's id everywhere, also while something is under way: what was
 * written for one customer cannot go to another, whichever is looked at meanwhile.
 */
import { fresh } from '../shared/text';
import { Api, Events, Refused, type Attachment, type Event, type Handoff, type Me, type Message,
         type Opened, type Package, type Presence, type Reply, type Session, type Team,
         type Wrapup } from './api';
import * as notify from './notify';
import { fill, t } from './words';

export type View = 'mine' | 'waiting' | 'agents' | 'closed' | 'reviews';

export interface Said extends Message { state?: 'sending' | 'failed'; why?: string; isDelta?: boolean }

export interface File_ { key: string; name: string; size: number; part: number; known?: Attachment; why?: string; stop: AbortController; ready: Promise<void> }

/** A conversation that is looked at, or that this human has. */
export interface Talk {
    id: string;              // of the handoff; of the session while only watched
    session: string;
    kind: 'handoff' | 'watched';
    package: Package | null;
    said: Said[];            // in order of seq; what has none yet at the end
    next: number | null;     // earlier pages are asked for before this
    hidden: number;          // of `said`, those from before the handoff that are not shown yet
    isLoading: boolean;
    draft: string;
    note: string;
    isNote: boolean;         // the composer writes a note
    files: File_[];
    unread: number;
    isTyping: boolean;       // the customer
    readSeq: number;         // the customer has read up to here
    toldSeq: number;         // the customer knows that they are read up to here
    leaseEnds: number;       // ms since the epoch; 0: no warning
    isOurs: boolean;         // this human had it when the lists were last seen
    version: number;         // grows with `said`
}

const AHEAD = 10; // of the queue
const REFRESH_MS = 120, TYPING_EVERY = 3000, TYPING_ENDS = 8000, CUSTOMER_STILL = 8000;

export class Store {
    me!: Me;
    view: View = 'waiting';
    lists: Record<'queued' | 'mine' | 'closed' | 'sample', Handoff[]> = { queued: [], mine: [], closed: [], sample: [] };
    sessions: Session[] = [];
    team: Team = { queues: [], humans: [] };
    replies: Reply[] = [];
    talks = new Map<string, Talk>();
    current: string | null = null;
    isConnected = false;
    error = '';
    spoken = ''; // what a screen reader says now
    private readonly listeners = new Set<() => void>();
    private readonly events: Events;
    private drawing = 0;
    private refreshing = 0;
    private typingAt = new Map<string, number>();
    private stills = new Map<string, number>();
    private known = new Set<string>(); // handoffs that were rung for

    /** Signs in; what is refused is thrown. */
    static async open(token: string, out: (why: string) => void): Promise<Store> {
        const api = new Api(token);
        const me = await api.get<Me>('me');
        const store = new Store(api, out);
        store.me = me;
        store.replies = (await api.get<{ replies: Reply[] }>('replies').catch(() => null))?.replies ?? [];
        await store.refresh();
        if (store.lists.mine.length) store.view = 'mine';
        return store;
    }

    private constructor(private readonly api: Api, private readonly out: (why: string) => void) {
        this.events = new Events(api.token, {
            event: event => this.heard(event),
            connected: on => {
                const was = this.isConnected;
                this.isConnected = on;
                if (on && !was && this.me) this.catchUp();
                this.changed();
            },
            refused: () => this.signOut(t.tokenOver),
        });
    }

    subscribe(listener: () => void): () => void {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    changed(): void {
        this.drawing ||= requestAnimationFrame(() => {
            this.drawing = 0;
            for (const listener of this.listeners) listener();
        });
    }

    /** At once: what is typed next must already find it so. */
    now(): void {
        cancelAnimationFrame(this.drawing);
        this.drawing = 0;
        for (const listener of this.listeners) listener();
    }

    signOut(why = ''): void {
        this.events.close();
        for (const talk of this.talks.values()) for (const file of talk.files) file.stop.abort();
        this.out(why);
    }

    get talk(): Talk | null { return this.current ? this.talks.get(this.current) ?? null : null; }

    /** Of any list. */
    handoff(id: string): Handoff | undefined {
        return [...this.lists.mine, ...this.lists.queued, ...this.lists.closed, ...this.lists.sample].find(one => one.id === id);
    }

    isMine(id: string): boolean { return this.lists.mine.some(one => one.id === id); }

    name(talk: Talk | undefined | null): string { return talk?.package?.customer?.name || t.customer; }

    /* ---- What the human does ---- */

    async presence(state: Presence): Promise<void> {
        await this.attempt(() => this.api.put('me/presence', { state }));
        await this.refresh();
    }

    show(view: View): void {
        this.view = view;
        void (view === 'reviews' ? this.sample() : this.refresh());
        this.changed();
    }

    /** Others that have ended, for who supervises to look at. */
    async sample(): Promise<void> {
        const got = await this.attempt(() => this.api.get<{ handoffs: Handoff[] }>('reviews'));
        if (got) this.lists.sample = got.handoffs;
        this.changed();
    }

    /** Looks at a handoff, whatever its state. */
    async open(handoff: Handoff): Promise<void> {
        this.current = handoff.id;
        this.now();
        if (!this.talks.has(handoff.id)) await this.load(handoff.id, handoff.session);
        this.seen();
    }

    async watch(session: Session): Promise<void> {
        this.current = session.id;
        const talk = this.ensure(session.id, session.id, 'watched');
        const opened = await this.attempt(() => this.api.get<Opened>(`sessions/${session.id}`));
        if (opened) this.take(talk, opened, 0);
        await this.attempt(() => this.api.post(`sessions/${session.id}/watch`, { on: true }));
    }

    async unwatch(session: string): Promise<void> {
        this.talks.delete(session);
        if (this.current === session) this.current = null;
        this.changed();
        await this.attempt(() => this.api.post(`sessions/${session}/watch`, { on: false }));
    }

    async takeOver(session: string): Promise<void> {
        const done = await this.attempt(() => this.api.post(`sessions/${session}/take`));
        if (!done?.handoff) return;
        this.talks.delete(session);
        await this.mineNow(done.handoff, session);
    }

    async accept(id: string): Promise<void> {
        const handoff = this.handoff(id);
        const done = await this.attempt(() => this.api.post(`handoffs/${id}/accept`));
        if (done) await this.mineNow(id, handoff?.session ?? '');
        else await this.refresh();
    }

    async decline(id: string): Promise<void> {
        if (await this.attempt(() => this.api.post(`handoffs/${id}/decline`, { reason: 'declined' })))
            this.forget(id);
        await this.refresh();
    }

    /** What is in the composer, to the customer whose composer it is. */
    async send(talk: Talk): Promise<void> {
        if (talk.isNote) return this.addNote(talk);
        await Promise.all(talk.files.map(file => file.ready));
        const text = talk.draft.trim(), attachments = talk.files.map(file => file.known).filter(one => one !== undefined);
        if (!text && !attachments.length) return;
        talk.draft = '';
        talk.files = [];
        this.typing(talk, false);
        const said: Said = { id: fresh(), at: new Date().toISOString(), author: 'human', name: this.me.name,
                             text, attachments, state: 'sending' };
        this.add(talk, said);
        await this.post(talk, said);
    }

    /** Again, under the same id: it is there once, whatever was heard of the first time. */
    async post(talk: Talk, said: Said): Promise<void> {
        said.state = 'sending';
        this.touch(talk);
        try {
            const done = await this.api.post(`handoffs/${talk.id}/messages`, {
                id: said.id, ...(said.text && { text: said.text }),
                ...(said.attachments?.length && { attachments: said.attachments.map(one => one.id) }),
            }, said.id);
            delete said.state;
            if (done.seq) said.seq = done.seq;
            talk.said = talk.said.filter(one => one === said || one.seq !== said.seq || !said.seq);
            talk.leaseEnds = 0;
            this.sort(talk);
        } catch (error) {
            said.state = 'failed';
            said.why = (error as Error).message;
        }
        this.touch(talk);
    }

    private async addNote(talk: Talk): Promise<void> {
        const text = talk.note.trim();
        const done = text && await this.attempt(() => this.api.post(`handoffs/${talk.id}/note`, { text }));
        if (!done) return;
        talk.note = '';
        this.add(talk, { seq: done.seq, at: new Date().toISOString(), author: 'note', name: this.me.id, text });
    }

    write(talk: Talk, text: string): void {
        if (talk.isNote) talk.note = text;
        else {
            talk.draft = text;
            this.typing(talk, text !== '');
        }
        this.changed();
    }

    attach(talk: Talk, files: File[]): void {
        for (const file of files.slice(0, 10 - talk.files.length)) {
            const one: File_ = { key: fresh(), name: file.name, size: file.size, part: 0, stop: new AbortController(),
                                 ready: Promise.resolve() };
            talk.files.push(one);
            one.ready = this.api.upload(file, part => {
                one.part = part;
                this.changed();
            }, one.stop.signal).then(known => { one.known = known; },
                (error: Error) => { one.why = error.message || t.lost; })
                .finally(() => this.changed());
        }
        this.changed();
    }

    detach(talk: Talk, file: File_): void {
        file.stop.abort();
        talk.files = talk.files.filter(one => one !== file);
        this.changed();
    }

    async transfer(id: string, to: { queue?: string; human?: string }, note: string): Promise<boolean> {
        return this.end(id, `handoffs/${id}/transfer`, { ...to, ...(note && { note }) });
    }

    async giveBack(id: string, note: string, wrapup: Wrapup): Promise<boolean> {
        return this.end(id, `handoffs/${id}/return`, { ...(note && { note }), wrapup });
    }

    async close(id: string, wrapup: Wrapup): Promise<boolean> {
        return this.end(id, `handoffs/${id}/close`, { wrapup });
    }

    async tag(handoff: Handoff, tags: string[]): Promise<void> {
        if (await this.attempt(() => this.api.post(`handoffs/${handoff.id}/tags`, { tags }))) await this.refresh();
    }

    /** What a supervisor thinks of how it went: 1 to 5. */
    async review(handoff: Handoff, score: number, note: string): Promise<boolean> {
        const done = await this.attempt(() => this.api.post(`handoffs/${handoff.id}/review`, { score, ...(note && { note }) }));
        if (!done) return false;
        for (const one of [...this.lists.closed, ...this.lists.sample]) if (one.id === handoff.id) one.score = score;
        await this.refresh();
        return true;
    }

    /** Who is in a web chat already need not go there. */
    canMove(talk: Talk): boolean { return talk.package?.channel?.kind !== 'webchat'; }

    /** The customer gets the link; nobody else sees it. */
    async move(talk: Talk): Promise<boolean> {
        if (await this.attempt(() => this.api.post(`handoffs/${talk.id}/bridge`))) this.say(fill(t.moved, { name: this.name(talk) }));
        return true;
    }

    async extend(talk: Talk): Promise<void> {
        if (!await this.attempt(() => this.api.post(`handoffs/${talk.id}/extend`))) return;
        talk.leaseEnds = 0;
        this.changed();
    }

    /** The page of messages before those that are there; first those that are there but not shown. */
    async earlier(talk: Talk): Promise<void> {
        if (talk.hidden > 0) {
            talk.hidden = 0;
            return this.touch(talk);
        }
        if (talk.next === null || talk.isLoading) return;
        talk.isLoading = true;
        const path = talk.kind === 'watched' ? 'sessions' : 'handoffs';
        const page = await this.attempt(() => this.api.get<Opened>(`${path}/${talk.id}?before=${talk.next}`));
        talk.isLoading = false;
        if (page) {
            talk.next = page.next;
            this.merge(talk, page.transcript);
        }
        this.touch(talk);
    }

    seen(): void {
        const { talk } = this;
        if (talk && document.visibilityState === 'visible') talk.unread = 0;
        if (talk) this.tellRead(talk);
        this.changed();
    }

    private isLookedAt(talk: Talk): boolean {
        return this.current === talk.id && document.visibilityState === 'visible' && document.hasFocus();
    }

    /** What this human has before their eyes the customer sees as read. */
    private tellRead(talk: Talk): void {
        if (!this.isMine(talk.id) || !this.isLookedAt(talk)) return;
        const newest = talk.said.findLast(one => one.author === 'customer' && one.seq)?.seq ?? 0, told = talk.toldSeq;
        if (newest <= told) return;
        talk.toldSeq = newest;
        this.api.post(`handoffs/${talk.id}/read`, { seq: newest }).catch(() => { talk.toldSeq = told; });
    }

    /** For those who hear the page. */
    say(text: string): void {
        this.spoken = text;
        this.changed();
    }

    dismiss(): void {
        this.error = '';
        this.changed();
    }

    /* ---- What the gateway says ---- */

    private heard(event: Event): void {
        const talk = event.handoff ? this.talks.get(event.handoff) : undefined;
        switch (event.type) {
        case 'resync': return void this.catchUp();
        case 'handoff.offered': return this.refreshSoon();
        case 'handoff.accepted':
            if (event.human !== this.me.id) this.gone(event.handoff!, fill(t.hasTaken, { name: this.colleague(event.human) }));
            return this.refreshSoon();
        case 'handoff.message':
        case 'handoff.delta': return this.message(event, talk);
        case 'handoff.ended':
            this.ended(event, talk);
            return this.refreshSoon();
        case 'handoff.lease':
            if (talk) {
                talk.leaseEnds = Date.now() + event.ends_in_s * 1000;
                this.say(fill(t.waitedLong, { name: this.name(talk) }));
                notify.ring(fill(t.waitedLong, { name: this.name(talk) }), talk.id);
            }
            break;
        case 'handoff.read':
            if (talk) talk.readSeq = Math.max(talk.readSeq, event.seq);
            break;
        case 'typing':
            if (talk) this.customerTypes(talk, event.on);
            break;
        case 'queue':
        case 'presence': return this.refreshSoon();
        }
        if (talk) this.touch(talk);
    }

    private message(event: Event, talk: Talk | undefined): void {
        const at = talk ?? (event.session ? this.talks.get(event.session) : undefined);
        if (!at) {
            if (event.handoff && this.isMine(event.handoff)) void this.load(event.handoff, event.session ?? '');
            return;
        }
        const said: Said = { ...event.message, isDelta: event.type === 'handoff.delta' };
        if (!this.add(at, said)) return;
        this.customerTypes(at, false);
        const isLookedAt = this.isLookedAt(at);
        if (said.author !== 'customer' || at.kind === 'watched') return;
        if (!isLookedAt) {
            at.unread++;
            notify.ring(`${this.name(at)}: ${said.text ?? t.sentFile}`, at.id);
        }
        this.say(`${this.name(at)}: ${said.text ?? t.sentFile}`);
    }

    private ended(event: Event, talk: Talk | undefined): void {
        if (!talk?.isOurs) return;
        talk.isOurs = false;
        const why: Record<string, string> = {
            requeued: t.silentQueue,
            left: t.customerLeft, expired: t.silent,
        };
        talk.leaseEnds = 0;
        if (why[event.outcome]) this.error = `${this.name(talk)}: ${why[event.outcome]}`;
    }

    /** It belongs to a colleague now, while it was looked at. */
    private gone(id: string, why: string): void {
        if (this.current !== id) return;
        this.say(why);
        this.error = why;
    }

    colleague(id: string): string { return this.team.humans.find(one => one.id === id)?.name ?? id; }

    private customerTypes(talk: Talk, on: boolean): void {
        clearTimeout(this.stills.get(talk.id));
        talk.isTyping = on;
        if (on) this.stills.set(talk.id, window.setTimeout(() => this.customerTypes(talk, false), CUSTOMER_STILL));
        this.changed();
    }

    private typing(talk: Talk, on: boolean): void {
        const at = this.typingAt.get(talk.id) ?? 0, now = Date.now();
        if (on ? now - at < TYPING_EVERY : !at || now - at > TYPING_ENDS) return;
        if (on) this.typingAt.set(talk.id, now);
        else this.typingAt.delete(talk.id);
        this.api.post(`handoffs/${talk.id}/typing`, { on }).catch(() => {});
    }

    /* ---- Lists and conversations ---- */

    private refreshSoon(): void {
        this.refreshing ||= window.setTimeout(() => {
            this.refreshing = 0;
            void this.refresh();
        }, REFRESH_MS);
    }

    /** What cannot be asked for now is asked for when the events are back. */
    async refresh(): Promise<void> {
        try {
            await this.ask();
        } catch (error) {
            if (!(error instanceof Refused)) throw error;
            if (error.status === 401) this.signOut(t.tokenOver);
        }
    }

    private async ask(): Promise<void> {
        const list = (state: string) => this.api.get<{ handoffs: Handoff[] }>(`handoffs?state=${state}`);
        const [queued, mine, me, team] = await Promise.all([list('queued'), list('mine'), this.api.get<Me>('me'),
            this.api.get<Team>('team').catch(() => this.team)]);
        this.lists = { ...this.lists, queued: queued.handoffs, mine: mine.handoffs };
        this.me = me;
        this.team = team;
        if (this.view === 'closed') this.lists.closed = (await list('closed')).handoffs;
        if (this.view === 'agents')
            this.sessions = (await this.api.get<{ sessions: Session[] }>('sessions')).sessions;
        this.ringForNew();
        this.lookAhead();
        this.changed();
    }

    /** Who waits is known by name and need before they are chosen; who has gone is forgotten. */
    private lookAhead(): void {
        const { queued, mine } = this.lists, near = [...mine, ...queued.slice(0, AHEAD)];
        const wanted = new Set([...near.map(one => one.id), this.current]);
        for (const talk of this.talks.values())
            if (talk.kind === 'handoff' && !wanted.has(talk.id)) this.talks.delete(talk.id);
        for (const one of near) if (!this.talks.has(one.id)) void this.load(one.id, one.session);
        for (const one of mine) this.talks.get(one.id)!.isOurs = true;
    }

    private ringForNew(): void {
        const fresh = this.lists.queued.filter(one => !this.known.has(one.id));
        for (const one of fresh) this.known.add(one.id);
        if (!fresh.length || this.me.presence !== 'available' || !this.isConnected) return; // not at sign-in
        const first = fresh[0]!;
        this.say(fill(t.newInQueue, { n: fresh.length, queue: first.queue }));
        notify.ring(fill(t.waitingIn, { queue: first.queue }), first.id);
    }

    private async catchUp(): Promise<void> {
        await this.refresh();
        for (const talk of this.talks.values()) {
            const path = talk.kind === 'watched' ? 'sessions' : 'handoffs';
            const opened = await this.api.get<Opened>(`${path}/${talk.id}`).catch(() => null);
            if (!opened) continue;
            talk.readSeq = Math.max(talk.readSeq, opened.read ?? 0);
            this.merge(talk, opened.transcript);
            this.touch(talk);
        }
    }

    private async mineNow(id: string, session: string): Promise<void> {
        this.view = 'mine';
        this.current = id;
        await Promise.all([this.refresh(), this.load(id, session)]);
        this.say(fill(t.youHave, { name: this.name(this.talk) }));
    }

    private async end(id: string, path: string, body: unknown): Promise<boolean> {
        if (!await this.attempt(() => this.api.post(path, body))) return false;
        this.forget(id);
        await this.refresh();
        return true;
    }

    private forget(id: string): void {
        this.talks.delete(id);
        if (this.current === id) this.current = this.lists.mine.find(one => one.id !== id)?.id ?? null;
        this.changed();
    }

    private ensure(id: string, session: string, kind: Talk['kind']): Talk {
        let talk = this.talks.get(id);
        if (!talk) {
            talk = { id, session, kind, package: null, said: [], next: null, hidden: 0, isLoading: true, draft: '',
                     note: '', isNote: false, files: [], unread: 0, isTyping: false, readSeq: 0, toldSeq: 0, leaseEnds: 0, isOurs: false, version: 0 };
            this.talks.set(id, talk);
        }
        this.changed();
        return talk;
    }

    private async load(id: string, session: string): Promise<void> {
        const talk = this.ensure(id, session, 'handoff');
        const opened = await this.api.get<Opened>(`handoffs/${id}`).catch(() => null);
        if (!opened) return void this.talks.delete(id); // it is over, or asked for again with the lists
        const since = Date.parse(this.handoff(id)?.since ?? '') || 0;
        this.take(talk, opened, since);
    }

    /** since: what was said before that is not shown at first: the package tells of it. */
    private take(talk: Talk, opened: Opened, since: number): void {
        talk.isLoading = false;
        talk.package = opened.package;
        talk.next = opened.next;
        talk.readSeq = Math.max(talk.readSeq, opened.read ?? 0);
        this.merge(talk, opened.transcript);
        talk.hidden = talk.said.filter(one => Date.parse(one.at) < since).length;
        this.touch(talk);
    }

    private merge(talk: Talk, list: Message[]): void {
        const seqs = new Set(talk.said.map(one => one.seq)), ids = new Map(talk.said.map(one => [one.id, one]));
        for (const one of list) {
            const own = one.id ? ids.get(one.id) : undefined;
            if (own && !own.seq) {
                own.seq = one.seq;
                delete own.state;
            } else if (!seqs.has(one.seq)) talk.said.push(one);
        }
        this.sort(talk);
    }

    private sort(talk: Talk): void {
        talk.said.sort((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity) || a.at.localeCompare(b.at));
    }

    /** Was it new? */
    private add(talk: Talk, said: Said): boolean {
        if (said.seq !== undefined) {
            for (let i = talk.said.length - 1; i >= 0 && (talk.said[i]!.seq ?? Infinity) >= said.seq; i--)
                if (talk.said[i]!.seq === said.seq) return false;
        }
        const last = talk.said.at(-1);
        talk.said.push(said);
        if (last && (last.seq ?? Infinity) > (said.seq ?? Infinity)) this.sort(talk);
        this.touch(talk);
        return true;
    }

    private touch(talk: Talk): void {
        talk.version++;
        this.tellRead(talk);
        this.changed();
    }

    /** null: it was refused, and the human is told why. */
    private async attempt<T>(what: () => Promise<T>): Promise<T | null> {
        try {
            return await what();
        } catch (error) {
            if (!(error instanceof Refused)) throw error;
            if (error.status === 401) this.signOut(t.tokenOver);
            this.error = error.holder ? `${error.message} (${this.colleague(error.holder)})` : error.message;
            this.changed();
            return null;
        }
    }
}
