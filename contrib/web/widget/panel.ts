/** panel.ts - the chat itself: who answers, what was said, what is waited for, where one writes. */
import { h, icon } from '../shared/dom';
import { fill, initial, moment, oneLine } from '../shared/text';
import { Composer } from './composer';
import { CLOCK, DOWN, PERSON, SPARK } from './icons';
import { Log } from './log';
import { rating } from './rating';
import { Talk, type Limits, type Listener, type Message, type Own, type Owner, type Promised, type Stop,
         type Where } from './talk';
import type { Words } from './words';

const TYPING_ENDS = 8000; // ms; who types says so again before

export interface PanelHost {
    heading: string;
    level: 'h1' | 'h2'; // of the heading on its page
    close(): void;
    isSeen(): boolean;  // does somebody look at it?
    unread(n: number): void;
}

export class Panel implements Listener {
    readonly element: HTMLElement;
    readonly talk: Talk;
    private readonly avatar = h('span', { class: 'avatar', 'aria-hidden': 'true' });
    private readonly ownerLine = h('p', { class: 'owner' });
    private readonly connection = h('span', { class: 'connection', role: 'status' });
    private readonly end: HTMLButtonElement;
    private readonly offlineBar: HTMLElement;
    private readonly waitBar: HTMLElement;
    private readonly waitText = h('p');
    private readonly owed = h('div', { class: 'bar owed', role: 'status', hidden: true });
    private readonly promises = new Map<string, HTMLElement>();
    private readonly stopBar: HTMLElement;
    private readonly stopText = h('p');
    private readonly typingLine = h('p', { class: 'typing', 'aria-live': 'polite' });
    private readonly log: Log;
    private readonly composer: Composer;
    private readonly foot: HTMLElement;
    private typingEnds = 0;
    private isPending = false;
    private agent = ''; // who answers, while that is an agent
    private newest = 0;
    private told = 0; // up to here the other side knows that it was read
    private missed = 0;

    constructor(where: Where, private readonly words: Words, private readonly language: string,
                private readonly host: PanelHost) {
        this.log = new Log(words, language, choice => {
            this.log.retireChoices();
            this.talk.send(choice.title, [], choice.value);
            this.composer.focus();
        });
        this.composer = new Composer(words, language, {
            send: (text, files) => this.send(text, files),
            typing: on => this.talk.tell({ type: 'typing', on }),
            note: text => this.log.note(text),
            upload: (...all) => this.talk.upload(...all),
        });
        this.talk = new Talk(where, this);
        const leave = () => {
            this.talk.tell({ type: 'leave' });
            this.composer.focus(); // the button goes away
        };
        this.end = h('button', { class: 'plain', type: 'button', hidden: true, click: leave }, words.end);
        this.offlineBar = h('p', { class: 'bar offline', hidden: true }, words.offline);
        this.waitBar = h('div', { class: 'bar wait', role: 'status', hidden: true }, icon(CLOCK), this.waitText,
                         h('button', { class: 'plain', type: 'button', click: leave }, words.leave));
        this.stopBar = h('div', { class: 'bar', role: 'alert', hidden: true }, this.stopText,
                         h('button', { class: 'plain', type: 'button', click: () => this.goOn() }, words.resume));
        this.foot = h('div', { class: 'foot' }, this.typingLine);
        this.element = this.build();
        for (const { files, ...message } of this.talk.outbox) this.own({ ...message, attachments: files });
    }

    start(): void { this.talk.connect(); }

    focus(): void { this.composer.focus(); }

    /** Somebody looks at it now. */
    seen(): void {
        if (!this.host.isSeen()) return;
        this.missed = 0;
        this.host.unread(0);
        if (this.newest <= this.told) return;
        this.talk.tell({ type: 'read', seq: this.newest });
        this.told = this.newest;
    }

    private build(): HTMLElement {
        const { words, host } = this;
        const close = h('button', { class: 'round close', type: 'button', 'aria-label': words.close,
                                    title: words.close, click: () => host.close() }, icon(DOWN));
        const header = h('header', {}, this.avatar, h('div', { class: 'title' }, h(host.level, { id: 'title' }, host.heading), this.ownerLine),
                         this.connection, this.end, close);
        this.look('none', '');
        return h('section', {
            class: 'panel', 'aria-labelledby': 'title',
            dragover: (event: DragEvent) => event.preventDefault(),
            drop: (event: DragEvent) => {
                event.preventDefault();
                this.composer.add([...event.dataTransfer?.files ?? []]);
            },
        }, header, this.offlineBar, this.waitBar, this.owed, this.stopBar,
        h('div', { class: 'middle' }, this.log.element, this.log.latest), this.foot, this.composer.element);
    }

    private send(text: string, files: Own['attachments']): void {
        this.closeRating(); // a talk that has ended may be taken up again
        this.talk.send(text, files);
    }

    private goOn(): void {
        this.stopBar.hidden = true;
        this.talk.connect();
        this.composer.focus();
    }

    private closeRating(): void { this.foot.querySelector('.rating')?.remove(); }

    private again(): void {
        this.closeRating();
        this.cleared();
        this.talk.restart();
        this.composer.focus();
    }

    /* ---- What the talk says ---- */

    connecting(): void { this.connection.textContent = this.words.connecting; }

    online(limits: Limits): void {
        this.connection.textContent = this.words.online;
        this.element.classList.add('online');
        this.offlineBar.hidden = this.stopBar.hidden = true;
        this.composer.allow(limits);
        this.log.showEmpty();
        this.seen();
    }

    offline(): void {
        this.element.classList.remove('online');
        this.connection.textContent = this.words.connecting;
        this.offlineBar.hidden = false;
        this.log.dropDraft(); // what comes next will not fit to it
        this.typing('', false);
    }

    stopped(why: Stop): void {
        this.element.classList.remove('online');
        this.connection.textContent = '';
        this.offlineBar.hidden = true;
        this.stopText.textContent = this.words[why];
        this.stopBar.hidden = false;
    }

    over(): void {
        this.cleared();
        this.log.note(this.words.over);
    }

    cleared(): void {
        this.log.clear();
        this.newest = this.told = 0;
        this.promises.clear();
        this.showOwed();
        this.pending(false);
        for (const { files, ...message } of this.talk.outbox) this.own({ ...message, attachments: files });
    }

    own(message: Own): void { this.log.own(message); }

    refused(id: string, why: string): void { this.log.refused(id, why); }

    message(message: Message): void {
        this.typing('', false);
        this.newest = message.seq;
        if (!this.log.message(message)) return;
        if (!this.host.isSeen()) this.host.unread(++this.missed);
        else this.seen();
    }

    delta(turn: string, text: string, isVoid: boolean): void {
        this.typing('', false);
        this.log.delta(turn, text, isVoid, this.agent);
    }

    /** A welcome does not know whether somebody is waited for: what was said last holds. */
    owner({ kind, name }: Owner, isPending: boolean): void {
        const { words } = this;
        this.pending(isPending || (this.isPending && kind === 'none'));
        this.agent = kind === 'agent' ? name : '';
        this.look(kind, name);
        const shown = oneLine(name);
        this.ownerLine.replaceChildren(...kind === 'human' ? [h('bdi', {}, shown || words.person)]
            : kind === 'agent' ? [h('bdi', {}, shown || words.assistant),
                                  shown ? h('span', { class: 'badge' }, words.ai) : '']
            : [this.isPending ? words.waiting : '']);
        this.end.hidden = kind === 'none';
    }

    queue(position?: number, waitS?: number): void {
        const { words } = this;
        this.waitText.textContent = [words.waiting,
            position && fill(words.position, { n: position }),
            waitS && fill(words.wait, { n: Math.ceil(waitS / 60) })].filter(Boolean).join(' \u00b7 ');
        this.pending(true);
    }

    typing(name: string, on: boolean): void {
        clearTimeout(this.typingEnds);
        const shown = oneLine(name) || this.words.person;
        this.typingLine.textContent = on ? fill(this.words.typing, { name: shown }) : '';
        if (on) this.typingEnds = window.setTimeout(() => this.typing('', false), TYPING_ENDS);
    }

    receipt(of: number, status: string): void { this.log.receipt(of, status); }

    promise({ id, what, due, state }: Promised): void {
        const { words } = this;
        const how = state === 'broken' ? words.late : what === 'mailbox' ? words.mailbox : words.callback;
        const text = fill(how, { time: moment(due, this.language) });
        if (state === 'kept' || state === 'void') this.promises.delete(id);
        else if (this.promises.get(id)?.textContent === text) return; // each replay ends with what is owed: not to be read out again
        else this.promises.set(id, h('p', {}, text));
        this.showOwed();
    }

    private showOwed(): void {
        this.owed.replaceChildren(icon(CLOCK), h('div', {}, ...this.promises.values()));
        this.owed.hidden = this.promises.size === 0;
    }

    failed(message: string): void { this.log.note(message); }

    bye(): void {
        this.log.note(this.words.ended);
        this.typing('', false);
        this.owner({ kind: 'none', name: '' }, false);
        this.pending(false);
        this.closeRating();
        this.foot.append(rating(this.words, (score, comment) =>
            this.talk.tell({ type: 'rating', score, comment }), () => this.again()));
        this.log.scroll(false);
    }

    private pending(on: boolean): void {
        this.isPending = on;
        if (!on || this.waitText.textContent === '') this.waitText.textContent = this.words.waiting;
        this.waitBar.hidden = !on;
    }

    private look(kind: Owner['kind'], name: string): void {
        this.avatar.className = `avatar ${kind}`;
        this.avatar.replaceChildren(kind === 'human' ? initial(name) || icon(PERSON) : icon(SPARK));
    }
}
