/**
 * chat.js - the chat page: a talk over tandem.chat.v1, and the page that shows it.
 *
 * A message is kept in sessionStorage from the moment it is written until the server has accepted
 * it, under one id: neither a reload nor a lost connection loses it or sends it twice.
 */

const SUBPROTOCOL = 'tandem.chat.v1';
const ACCEPT_WITHIN = 10000; // ms; later, the connection is taken for dead
const BACKOFF_MAX = 30000;
const TYPING_EVERY = 3000;
// What the listener has a method for.
const EVENTS = ['message', 'delta', 'owner', 'queue', 'typing', 'receipt', 'bye'];

const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(12)),
    byte => byte.toString(16).padStart(2, '0')).join('');

const sized = bytes => bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;

/** A storage that may be forbidden: then it lasts as long as the page. */
class Store {
    constructor(name, prefix) {
        try { this.storage = window[name]; } catch { this.storage = null; }
        this.prefix = prefix;
        this.memory = {};
    }

    get(key) {
        try { return JSON.parse(this.storage.getItem(this.prefix + key)); } catch { /* below */ }
        return this.memory[key] ?? null;
    }

    set(key, value) {
        this.memory[key] = value;
        try {
            if (value === null) this.storage.removeItem(this.prefix + key);
            else this.storage.setItem(this.prefix + key, JSON.stringify(value));
        } catch { /* full or forbidden */ }
    }
}

/** The talk: connection, resume, outbox. Tells its listener, in order and each event once. */
class Talk {
    constructor(url, name, listener) {
        Object.assign(this, { url, listener, socket: null, welcomed: false, lastSeq: 0, tries: 0 });
        this.shared = new Store('localStorage', `tandem.${name}.`);
        this.own = new Store('sessionStorage', `tandem.${name}.`);
        this.tab = this.own.get('tab') ?? fresh();
        this.own.set('tab', this.tab);
        this.resume = this.shared.get('resume');
        this.outbox = this.own.get('outbox') ?? []; // {id, text, choice, files}, not accepted yet
        this.session = null;
        addEventListener('online', () => this.connect());
    }

    connect() {
        clearTimeout(this.timer);
        if (this.socket) return;
        const socket = this.socket = new WebSocket(this.url, SUBPROTOCOL);
        socket.onopen = () => this.write({
            type: 'hello', tab: this.tab, locale: navigator.language,
            timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            ...(this.resume && { resume: this.resume, last_seq: this.lastSeq }),
        });
        socket.onmessage = ({ data }) => this.read(JSON.parse(data));
        socket.onclose = ({ code }) => this.closed(code);
    }

    closed(code) {
        this.socket = null;
        this.welcomed = false;
        clearTimeout(this.watch);
        if (code === 4401) { // the old talk is over; what was not sent goes into a new one
            this.forget();
            this.listener.restarted();
            return this.connect();
        }
        if (code === 4409 || code === 4400 || code === 1008) return this.listener.stopped(code);
        const wait = code === 4429 ? BACKOFF_MAX : Math.min(BACKOFF_MAX, 400 * 2 ** this.tries++);
        this.listener.offline();
        this.timer = setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2));
    }

    forget() {
        this.resume = this.session = null;
        this.lastSeq = 0;
        this.shared.set('resume', null);
    }

    /** Leaves the old talk and begins another. */
    restart() {
        this.forget();
        this.outbox = [];
        this.save();
        if (this.socket) this.socket.close(1000); // closed() connects again
        else this.connect();
    }

    write(frame) { this.socket.send(JSON.stringify(frame)); }

    /** What may be lost: only while somebody listens. */
    tell(frame) { if (this.welcomed) this.write(frame); }

    send(text, choice, files) {
        const message = { id: fresh(), text, ...(choice !== undefined && { choice }),
                          ...(files?.length && { files }) };
        this.outbox.push(message);
        this.save();
        if (this.welcomed) this.post(message);
        return message;
    }

    post({ id, text, choice, files }) {
        this.write({ type: 'message', id, text: text || undefined, choice,
                     attachments: files?.map(file => file.id) });
        this.watch ??= setTimeout(() => this.hurry(), ACCEPT_WITHIN);
    }

    /** A file to the server; what it says of it, or an error with its sentence. */
    async upload(file) {
        const url = new URL(this.limits.upload, this.url.replace(/^ws/, 'http'));
        url.searchParams.set('name', file.name);
        for (let tries = 0; ; tries++) {
            const res = await fetch(url, { method: 'POST', body: file,
                                           headers: { Authorization: `Bearer ${this.resume}` } });
            const body = await res.json();
            if (res.ok) return body;
            const { message, retry_after_ms: wait } = body.error;
            if (!wait || wait > 10000 || tries === 3) throw new Error(message);
            await new Promise(done => setTimeout(done, wait));
        }
    }

    /** Nothing was accepted for too long: a connection that is half open looks just like this. */
    hurry() {
        this.watch = null;
        if (!this.outbox.length || !this.socket) return;
        this.socket.onclose = this.socket.onmessage = null;
        this.socket.close();
        this.closed(1006);
    }

    save() { this.own.set('outbox', this.outbox); }

    done(id) {
        const i = this.outbox.findIndex(message => message.id === id);
        if (i >= 0) this.outbox.splice(i, 1);
        clearTimeout(this.watch);
        this.watch = this.outbox.length ? setTimeout(() => this.hurry(), ACCEPT_WITHIN) : null;
        this.save();
    }

    read(frame) {
        if (frame.seq !== undefined && frame.type !== 'welcome' && frame.type !== 'accepted') {
            if (frame.seq <= this.lastSeq) return;
            this.lastSeq = frame.seq;
        }
        const { type } = frame;
        if (type === 'welcome') this.welcome(frame);
        else if (type === 'resync') { this.lastSeq = 0; this.listener.cleared(); }
        else if (type === 'accepted' || type === 'echo') {
            if (type === 'accepted') this.lastSeq = Math.max(this.lastSeq, frame.seq);
            this.done(frame.id);
            this.listener.accepted(frame);
        } else if (type === 'error') this.error(frame);
        else if (EVENTS.includes(type)) this.listener[type](frame);
    }

    welcome(frame) {
        if (this.session && this.session !== frame.session) this.listener.cleared();
        this.session = frame.session;
        this.resume = frame.resume;
        this.limits = frame.limits;
        this.shared.set('resume', frame.resume);
        this.welcomed = true;
        this.tries = 0;
        this.listener.welcome(frame);
        for (const message of this.outbox) this.post(message);
    }

    error({ code, message, id, retry_after_ms: wait = 1000 }) {
        const pending = this.outbox.find(one => one.id === id);
        if (!pending) return this.listener.error(message);
        if (code === 'busy' || code === 'rate_limited')
            setTimeout(() => {
                if (this.welcomed && this.outbox.includes(pending)) this.post(pending);
            }, wait);
        else {
            this.done(id);
            this.listener.refused(id, message);
        }
    }
}

/** The page. */
class Page {
    constructor() {
        const by = id => document.getElementById(id);
        for (const id of ['owner', 'connection', 'leave', 'log', 'messages', 'empty', 'typing',
            'latest', 'notice', 'rating', 'again', 'form', 'text', 'send', 'attach', 'file', 'files'])
            this[id + 'El'] = by(id);
        const asked = new URLSearchParams(location.search).get('channel') ?? 'web';
        const channel = /^[\w.-]{1,64}$/.test(asked) ? asked : 'web';
        const url = new URL(channel, location.href);
        url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
        url.search = '';
        this.items = new Map(); // id -> li
        this.chosen = []; // files for the next message: { li, ready (a promise), known }
        this.unread = 0;
        this.talk = new Talk(url.href, channel, this);
        this.listen();
        for (const message of this.talk.outbox) this.mine(message);
        this.talk.connect();
        this.textEl.focus();
    }

    listen() {
        this.formEl.addEventListener('submit', event => { event.preventDefault(); this.submit(); });
        this.textEl.addEventListener('keydown', event => {
            if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
                event.preventDefault();
                this.submit();
            }
        });
        this.textEl.addEventListener('input', () => this.typed());
        this.attachEl.addEventListener('click', () => this.fileEl.click());
        this.fileEl.addEventListener('change', () => this.choseFiles());
        this.leaveEl.addEventListener('click', () => this.talk.tell({ type: 'leave' }));
        this.againEl.addEventListener('click', () => this.again());
        this.ratingEl.addEventListener('click', ({ target }) => {
            if (target.value) this.rate(target);
        });
        this.noticeEl.querySelector('button').addEventListener('click', () => {
            this.noticeEl.hidden = true;
            this.talk.connect();
            this.textEl.focus();
        });
        this.latestEl.addEventListener('click', () => this.scroll(true));
        this.logEl.addEventListener('scroll', () => {
            if (this.atEnd()) this.latestEl.hidden = true;
        });
        document.addEventListener('visibilitychange', () => this.seen());
        addEventListener('focus', () => this.seen());
    }

    /* ---- What the customer does ---- */

    async submit() {
        const chosen = this.chosen;
        if (chosen.some(one => !one.known)) await Promise.all(chosen.map(one => one.ready));
        const text = this.textEl.value.trim(), files = chosen.map(one => one.known).filter(Boolean);
        if (chosen !== this.chosen || (!text && !files.length)) return;
        this.textEl.value = '';
        for (const one of [...chosen]) this.unchoose(one);
        this.chosen = [];
        this.typed();
        this.ratingEl.hidden = true; // a talk that has ended may be taken up again
        this.retireChoices();
        this.mine(this.talk.send(text, undefined, files));
        this.scroll(true);
        this.textEl.focus();
    }

    choseFiles() {
        const room = this.talk.limits.max_attachments - this.chosen.length;
        const files = [...this.fileEl.files];
        if (files.length > room) this.note(`Only ${this.talk.limits.max_attachments} files go with a message.`);
        for (const file of files.slice(0, room)) this.chooseFile(file);
        this.fileEl.value = '';
        this.textEl.focus();
    }

    chooseFile(file) {
        const { max_attachment: most } = this.talk.limits;
        const li = this.make('li', '', `${file.name} …`), drop = this.make('button', '', '×');
        const one = { li };
        drop.type = 'button';
        drop.setAttribute('aria-label', `Do not send ${file.name}`);
        drop.addEventListener('click', () => { this.unchoose(one); this.textEl.focus(); });
        li.append(drop);
        this.chosen.push(one);
        this.filesEl.append(li);
        this.filesEl.hidden = false;
        const why = file.size > most && `it has more than ${sized(most)}`;
        one.ready = (why ? Promise.reject(new Error(why)) : this.talk.upload(file)).then(known => {
            one.known = known;
            li.firstChild.data = `${known.name}, ${sized(known.size)}`;
        }, error => {
            li.className = 'failed';
            li.firstChild.data = `${file.name}: ${error.message}`;
        });
    }

    unchoose(one) {
        const i = this.chosen.indexOf(one);
        if (i >= 0) this.chosen.splice(i, 1);
        one.li.remove();
        this.filesEl.hidden = this.chosen.length === 0;
    }

    choose(button, choice) {
        button.setAttribute('aria-pressed', 'true');
        this.retireChoices();
        this.mine(this.talk.send(choice.title, choice.value));
        this.scroll(true);
        this.textEl.focus();
    }

    typed() {
        this.textEl.rows = Math.min(6, this.textEl.value.split('\n').length);
        clearTimeout(this.still);
        const on = this.textEl.value !== '';
        if (on) this.still = setTimeout(() => this.typingIs(false), 5000);
        if (!on || Date.now() - (this.typingAt ?? 0) > TYPING_EVERY) this.typingIs(on);
    }

    typingIs(on) {
        if (on || this.typingAt) this.talk.tell({ type: 'typing', on });
        this.typingAt = on ? Date.now() : 0;
    }

    rate(button) {
        this.talk.tell({ type: 'rating', score: Number(button.value) });
        for (const other of this.ratingEl.querySelectorAll('fieldset button'))
            other.disabled = true;
        button.setAttribute('aria-pressed', 'true');
        this.ratingEl.querySelector('legend').textContent = 'Thank you.';
    }

    again() {
        this.cleared();
        this.ratingEl.hidden = true;
        for (const button of this.ratingEl.querySelectorAll('fieldset button')) {
            button.disabled = false;
            button.removeAttribute('aria-pressed');
        }
        this.ratingEl.querySelector('legend').textContent = 'How was it?';
        this.talk.restart();
        this.textEl.focus();
    }

    seen() {
        if (document.visibilityState !== 'visible' || !document.hasFocus()) return;
        this.unread = 0;
        document.title = 'Chat';
        if (this.newest > (this.told ?? 0)) {
            this.talk.tell({ type: 'read', seq: this.newest });
            this.told = this.newest;
        }
    }

    /* ---- What the talk says ---- */

    welcome({ owner, state, limits }) {
        this.connection('Online', 'online');
        this.owner({ owner, state });
        this.noticeEl.hidden = true;
        this.textEl.maxLength = limits.max_text;
        this.attachEl.hidden = !limits.upload;
        this.emptyEl.hidden = this.items.size > 0;
    }

    offline() {
        this.connection('Reconnecting…', 'offline');
        this.dropDraft(); // what comes next will not fit to it
        this.typingEl.textContent = '';
    }

    restarted() {
        this.cleared();
        this.note('Your earlier talk is over. This is a new one.');
    }

    stopped(code) {
        this.connection('Not connected', 'offline');
        this.noticeEl.hidden = false;
        this.noticeEl.querySelector('p').textContent = code === 4409
            ? 'This talk goes on in another tab.' : 'The connection was refused.';
    }

    cleared() {
        this.draft = null;
        this.messagesEl.replaceChildren();
        this.items.clear();
        this.newest = this.told = 0;
        for (const message of this.talk.outbox) this.mine(message);
    }

    /** A part of an answer: a draft that grows, until its message replaces it. */
    delta({ turn, text, void: taken }) {
        if (turn === this.replaced) return;
        if (this.draft?.dataset.turn !== turn) this.dropDraft();
        if (taken) return this.dropDraft();
        if (!this.draft) {
            this.draft = this.add('agent', this.answers ?? '', '', null, `draft ${turn}`);
            this.draft.classList.add('draft');
            this.draft.dataset.turn = turn;
            this.draft.setAttribute('aria-busy', 'true'); // read out once, as the message
            this.typingEl.textContent = '';
        } else this.stick = this.atEnd();
        this.draft.querySelector('.body').append(text);
        this.scroll(false);
    }

    dropDraft() {
        if (!this.draft) return;
        this.items.delete(`draft ${this.draft.dataset.turn}`);
        this.draft.remove();
        this.draft = null;
    }

    message(frame) {
        const { id, author, text, at, choices, attachments, seq } = frame;
        if (this.items.has(id)) return;
        if (this.draft) this.replaced = this.draft.dataset.turn;
        this.dropDraft();
        const item = this.add(author.kind, author.name, text, at, id);
        this.typingEl.textContent = '';
        this.newest = seq;
        this.retireChoices();
        this.show(item, attachments);
        if (choices) this.offer(item, choices);
        if (author.kind !== 'system' && (document.hidden || !document.hasFocus()))
            document.title = `(${++this.unread}) Chat`;
        this.scroll(false);
        this.seen();
    }

    accepted({ id, text, at, type, seq, attachments }) {
        let item = this.items.get(id);
        if (!item) {
            if (type !== 'echo') return;
            item = this.mine({ id, text, files: attachments }, at);
            this.retireChoices();
        }
        item.dataset.seq = seq;
        item.classList.remove('sending');
        this.place(item);
        this.state(item, 'Sent');
        this.scroll(false);
    }

    refused(id, why) {
        const item = this.items.get(id);
        item?.classList.replace('sending', 'failed');
        if (item) this.state(item, `Not sent: ${why}`);
    }

    error(message) { this.note(message); }

    owner({ owner, state }) {
        const { kind, name } = owner;
        this.answers = kind === 'agent' ? name : '';
        this.ownerEl.textContent = state === 'pending' ? 'Waiting for a person to join'
            : kind === 'human' ? `${name || 'A person'} answers`
            : kind === 'agent' ? `${name || 'The assistant'} (assistant) answers` : '';
        this.leaveEl.hidden = kind === 'none' && state !== 'pending';
    }

    queue({ position, wait_s: wait }) {
        const parts = [position && `You are number ${position} in the queue`,
            wait && `about ${Math.ceil(wait / 60)} min`].filter(Boolean);
        if (parts.length) this.ownerEl.textContent = parts.join(', ');
    }

    typing({ author, on }) {
        clearTimeout(this.typingEnds);
        this.typingEl.textContent = on ? `${author.name || 'Somebody'} is typing` : '';
        if (on) this.typingEnds = setTimeout(() => { this.typingEl.textContent = ''; }, 8000);
    }

    receipt({ of, status }) {
        const item = this.messagesEl.querySelector(`[data-seq="${Number(of)}"]`);
        if (item && status === 'read') this.state(item, 'Read');
    }

    bye() {
        this.note('This talk has ended.');
        this.typing({ on: false });
        this.leaveEl.hidden = true;
        this.ratingEl.hidden = false;
        this.ownerEl.textContent = '';
    }

    /* ---- Drawing ---- */

    connection(text, look) {
        this.connectionEl.textContent = text;
        this.connectionEl.className = look;
    }

    mine({ id, text, files }, at) {
        const item = this.items.get(id) ??
            this.show(this.add('me', 'You', text, at ?? new Date().toISOString(), id), files);
        if (!item.querySelector('.state')) item.append(this.make('p', 'state', 'Sending…'));
        if (!at) item.classList.add('sending');
        return item;
    }

    /** Files as links: what they hold is never shown inside this page. */
    show(item, files) {
        for (const { name, size, url } of files ?? []) {
            const link = this.make('a', 'file', `${name} (${sized(size)})`);
            if (/^https?:/.test(url)) link.href = url;
            link.rel = 'noopener noreferrer';
            link.target = '_blank';
            item.querySelector('.body').after(link);
        }
        return item;
    }

    note(text) {
        this.add('system', '', text, null, fresh());
        this.scroll(false);
    }

    add(kind, name, text, at, id) {
        const item = this.make('li', kind);
        item.dataset.who = `${kind} ${name}`;
        const called = name || { agent: 'Assistant', human: 'Person' }[kind] || 'Note';
        item.append(this.make('p', 'who', called), this.make('p', 'body', text));
        if (at) {
            const time = this.make('time', '',
                new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
            time.dateTime = at;
            item.append(time);
        }
        this.stick = this.atEnd();
        this.items.set(id, item);
        this.messagesEl.append(item);
        this.emptyEl.hidden = true;
        this.group(item);
        return item;
    }

    /** What was accepted stands where the server put it: behind all that came before. */
    place(item) {
        const items = [...this.messagesEl.children];
        const last = items.findLast(one => !one.classList.contains('sending'));
        if (last === item) return;
        last.after(item);
        for (const one of items) this.group(one);
    }

    /** A name stands over the first of a run only. */
    group(item) {
        const before = item.previousElementSibling;
        item.classList.toggle('first', before?.dataset.who !== item.dataset.who);
    }

    make(tag, look, text) {
        const element = document.createElement(tag);
        if (look) element.className = look;
        if (text !== undefined) element.textContent = text;
        return element;
    }

    state(item, text) { item.querySelector('.state').textContent = text; }

    offer(item, choices) {
        const group = this.make('div', 'choices');
        group.setAttribute('role', 'group');
        group.setAttribute('aria-label', 'Choices');
        for (const choice of choices) {
            const button = this.make('button', '', choice.title);
            button.type = 'button';
            button.addEventListener('click', () => this.choose(button, choice));
            group.append(button);
        }
        item.append(group);
    }

    retireChoices() {
        for (const button of this.messagesEl.querySelectorAll('.choices button:enabled'))
            button.disabled = true;
    }

    atEnd() {
        const { scrollHeight, scrollTop, clientHeight } = this.logEl;
        return scrollHeight - scrollTop - clientHeight < 60;
    }

    scroll(always) {
        if (always || this.stick) this.logEl.scrollTop = this.logEl.scrollHeight;
        else this.latestEl.hidden = false;
        if (always) this.latestEl.hidden = true;
    }
}

new Page();
