/** log.ts - what was said, as a list that is read out once and stays where its reader is. */
import { h, icon } from '../shared/dom';
import { markdown, safeUrl } from '../shared/markdown';
import { fill, initial, moment, oneLine, sized } from '../shared/text';
import { FILE, SPARK } from './icons';
import type { Attachment, Choice, Message, Own } from './talk';
import type { Words } from './words';

type Kind = 'me' | 'agent' | 'human' | 'system';

const NEAR_END = 60; // px

export class Log {
    readonly element: HTMLElement;
    readonly latest: HTMLButtonElement;
    private readonly list = h('ol');
    private readonly empty: HTMLElement;
    private readonly items = new Map<string, HTMLElement>();
    private draft: { turn: string; text: string; element: HTMLElement } | null = null;
    private replaced = ''; // the turn whose message has come: a late part of it is nothing new
    private drawing = 0;
    private readonly upto = { delivered: 0, read: 0 }; // seq: the other side is so far
    private isStuck = true; // to the end: it stays there when there is less room

    constructor(private readonly words: Words, private readonly language: string,
                private readonly chosen: (choice: Choice) => void) {
        this.empty = h('p', { class: 'empty', hidden: true }, words.begin);
        this.element = h('div', { class: 'log', role: 'log', 'aria-label': words.log, tabindex: 0 },
                         this.list, this.empty);
        this.latest = h('button', { class: 'latest', type: 'button', hidden: true,
                                    click: () => this.scroll(true) }, words.fresh);
        this.element.addEventListener('scroll', () => {
            this.isStuck = this.isAtEnd();
            if (this.isStuck) this.latest.hidden = true;
        }, { passive: true });
        new ResizeObserver(() => { if (this.isStuck) this.scroll(false); }).observe(this.element);
    }

    get isEmpty(): boolean { return this.items.size === 0; }

    showEmpty(): void { this.empty.hidden = !this.isEmpty; }

    clear(): void {
        this.dropDraft();
        this.list.replaceChildren();
        this.items.clear();
        this.upto.delivered = this.upto.read = 0;
        this.latest.hidden = true;
    }

    /** The customer's own; again when it is accepted. */
    own(message: Own): void {
        const isAtEnd = this.isAtEnd();
        let item = this.items.get(message.id);
        if (!item) {
            const text = h('p', { dir: 'auto' }, message.text);
            item = this.add('me', '', message.id, message.at ?? new Date().toISOString(), text);
            this.showFiles(item, message.attachments);
            this.retireChoices();
        }
        const isSent = message.seq !== undefined;
        item.classList.toggle('sending', !isSent);
        if (isSent) {
            item.dataset.seq = String(message.seq);
            this.place(item);
        }
        this.state(item, isSent ? this.far(message.seq!) : this.words.sending);
        this.scroll(!isSent, isAtEnd);
    }

    refused(id: string, why: string): void {
        const item = this.items.get(id);
        if (!item) return;
        item.classList.replace('sending', 'failed');
        this.state(item, fill(this.words.unsent, { why }));
    }

    /** All that the customer said up to this one is so far; it never goes back. */
    receipt(of: number, status: string): void {
        if (status !== 'delivered' && status !== 'read') return;
        const { upto } = this, since = upto[status];
        if (of <= since) return;
        upto[status] = of;
        for (const item of this.list.querySelectorAll<HTMLElement>('[data-seq]')) {
            const seq = Number(item.dataset.seq);
            if (seq > since && seq <= of) this.state(item, this.far(seq));
        }
    }

    private far(seq: number): string {
        const { words, upto } = this;
        return seq <= upto.read ? words.read : seq <= upto.delivered ? words.delivered : words.sent;
    }

    /** Was it new? */
    message({ id, author, at, text, attachments, choices }: Message): boolean {
        if (this.items.has(id)) return false;
        if (this.draft) this.replaced = this.draft.turn;
        const isAtEnd = this.isAtEnd();
        this.dropDraft();
        const item = this.add(author.kind, author.name, id, at, text ? markdown(text) : null);
        this.retireChoices();
        this.showFiles(item, attachments);
        if (choices?.length) this.offer(item, choices);
        this.scroll(false, isAtEnd);
        return true;
    }

    note(text: string): void {
        const isAtEnd = this.isAtEnd();
        this.add('system', '', `note ${performance.now()}`, null, h('p', { dir: 'auto' }, text));
        this.scroll(false, isAtEnd);
    }

    /** A part of an answer: a draft that grows, read out only as the message that replaces it. */
    delta(turn: string, text: string, isVoid: boolean, name: string): void {
        if (turn === this.replaced) return;
        if (this.draft?.turn !== turn) this.dropDraft();
        if (isVoid) return this.dropDraft();
        if (!this.draft) {
            const element = this.item('agent', name, null, h('div', { class: 'text' }));
            element.classList.add('draft', 'first', 'last');
            this.draft = { turn, text: '', element: h('div', { 'aria-hidden': 'true', inert: true }, element) };
            element.setAttribute('role', 'presentation');
            this.element.append(this.draft.element);
        }
        this.draft.text += text;
        this.drawing ||= requestAnimationFrame(() => this.draw());
    }

    dropDraft(): void {
        this.draft?.element.remove();
        this.draft = null;
    }

    retireChoices(): void {
        for (const button of this.list.querySelectorAll<HTMLButtonElement>('.choices button:enabled'))
            button.disabled = true;
    }

    scroll(always: boolean, wasAtEnd = true): void {
        if (always || wasAtEnd) this.element.scrollTop = this.element.scrollHeight;
        else this.latest.hidden = false;
        if (always) this.latest.hidden = true;
    }

    private draw(): void {
        this.drawing = 0;
        if (!this.draft) return;
        const isAtEnd = this.isAtEnd();
        this.draft.element.querySelector('.text')!.replaceChildren(markdown(this.draft.text));
        if (isAtEnd) this.scroll(false);
    }

    private isAtEnd(): boolean {
        const { scrollHeight, scrollTop, clientHeight } = this.element;
        return scrollHeight - scrollTop - clientHeight < NEAR_END;
    }

    private add(kind: Kind, name: string, id: string, at: string | null, body: Node | null):
        HTMLElement {
        const text = body && h('div', { class: 'text' }, body);
        const item = this.item(kind, name, at, text);
        this.items.set(id, item);
        this.list.append(item);
        this.empty.hidden = true;
        this.group(item);
        return item;
    }

    private item(kind: Kind, name: string, at: string | null, text: Node | null): HTMLElement {
        const { words } = this, shown = oneLine(name);
        const called = { me: words.you, agent: shown || words.assistant,
                         human: shown || words.person, system: words.note }[kind];
        const who = h('p', { class: 'who' }, h('bdi', {}, called),
                      kind === 'agent' && called !== words.assistant &&
                          h('span', { class: 'badge' }, words.ai));
        const avatar = h('span', { class: 'avatar', 'aria-hidden': 'true' },
                         kind === 'agent' ? icon(SPARK) : kind === 'human' ? initial(called) : null);
        const meta = h('p', { class: 'meta', 'aria-live': 'off' }, at && this.time(at),
                       kind === 'me' && h('span', { class: 'state' }));
        const item = h('li', { class: `item ${kind}` }, avatar,
                       h('div', { class: 'stack' }, who, text, meta));
        item.dataset.who = `${kind} ${name}`;
        return item;
    }

    private time(at: string): HTMLElement {
        return h('time', { datetime: at }, moment(at, this.language));
    }

    /** Files as links: what they hold is never shown inside the page. */
    private showFiles(item: HTMLElement, files: Attachment[] = []): void {
        const meta = item.querySelector('.meta')!;
        for (const { name, size, url } of files) {
            const label = h('span', {}, h('bdi', {}, oneLine(name)),
                            h('small', {}, sized(size, this.language)));
            meta.before(h('a', { class: 'file', href: safeUrl(url), target: '_blank',
                                 rel: 'noopener noreferrer' }, icon(FILE), label));
        }
    }

    private offer(item: HTMLElement, choices: Choice[]): void {
        const buttons = choices.map(choice => {
            const button = h('button', { type: 'button', 'aria-pressed': 'false', click: () => {
                button.setAttribute('aria-pressed', 'true');
                this.chosen(choice);
            } }, choice.title);
            return button;
        });
        item.querySelector('.meta')!.before(h('div', { class: 'choices', role: 'group',
                                                       'aria-label': this.words.choices }, ...buttons));
    }

    private state(item: HTMLElement, text: string): void {
        item.querySelector('.state')!.textContent = text;
    }

    /** What was accepted stands where the server put it: behind all that came before. */
    private place(item: HTMLElement): void {
        const items = [...this.list.children] as HTMLElement[];
        const last = items.findLast(one => !one.classList.contains('sending'));
        if (last === item) return;
        last!.after(item);
        for (const one of items) this.group(one);
    }

    /** A name stands over the first of a run only, a time under the last. */
    private group(item: HTMLElement): void {
        const before = item.previousElementSibling as HTMLElement | null;
        const after = item.nextElementSibling as HTMLElement | null;
        const isFirst = before?.dataset.who !== item.dataset.who;
        item.classList.toggle('first', isFirst);
        before?.classList.toggle('last', isFirst);
        item.classList.toggle('last', after?.dataset.who !== item.dataset.who);
    }
}
