/** composer.ts - where the customer writes: text, files, and who may know that they are writing. */
import { h, icon } from '../shared/dom';
import { fill, oneLine, sized } from '../shared/text';
import { CLIP, CROSS, FILE, SEND } from './icons';
import type { Attachment, Limits } from './talk';
import type { Words } from './words';

const TYPING_EVERY = 3000, STILL_AFTER = 5000; // ms

export interface ComposerHost {
    send(text: string, files: Attachment[]): void;
    typing(on: boolean): void;
    note(text: string): void;
    upload(file: File, progress: (part: number) => void, signal: AbortSignal): Promise<Attachment>;
}

interface Chosen { item: HTMLElement; ready: Promise<void>; known?: Attachment; stop: AbortController }

export class Composer {
    readonly element: HTMLFormElement;
    private readonly text: HTMLTextAreaElement;
    private readonly attach: HTMLButtonElement;
    private readonly input: HTMLInputElement;
    private readonly files: HTMLUListElement;
    private chosen: Chosen[] = [];
    private limits: Limits | null = null;
    private typingAt = 0;
    private still = 0;

    constructor(private readonly words: Words, private readonly language: string,
                private readonly host: ComposerHost) {
        this.text = h('textarea', {
            id: 'text', rows: 1, placeholder: words.placeholder, enterkeyhint: 'send', dir: 'auto',
            'aria-describedby': 'hint', keydown: (event: KeyboardEvent) => this.key(event),
            input: () => this.typed(), paste: (event: ClipboardEvent) => this.pasted(event),
        });
        this.input = h('input', { type: 'file', multiple: true, hidden: true, tabindex: -1,
                                  'aria-label': words.attach, change: () => this.picked() });
        this.attach = h('button', { class: 'round', type: 'button', hidden: true, 'aria-label': words.attach,
                                    title: words.attach, click: () => this.input.click() }, icon(CLIP));
        this.files = h('ul', { class: 'chosen', 'aria-label': words.files, hidden: true });
        this.element = h('form', { class: 'composer', autocomplete: 'off', submit: (event: Event) => {
            event.preventDefault();
            void this.submit();
        } }, this.files, this.attach, this.input, h('label', { class: 'hidden', for: 'text' }, words.label), this.text,
        h('p', { class: 'hidden', id: 'hint' }, words.hint),
        h('button', { class: 'round send', 'aria-label': words.send, title: words.send }, icon(SEND)));
    }

    focus(): void { this.text.focus({ preventScroll: true }); }

    allow(limits: Limits): void {
        this.limits = limits;
        this.text.maxLength = limits.max_text;
        this.attach.hidden = !limits.upload;
    }

    add(files: File[]): void {
        if (!this.limits?.upload) return;
        const most = this.limits.max_attachments, room = most - this.chosen.length;
        if (files.length > room) this.host.note(fill(this.words.many, { n: most }));
        for (const file of files.slice(0, room)) this.choose(file);
    }

    private key(event: KeyboardEvent): void {
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        void this.submit();
    }

    private async submit(): Promise<void> {
        const { chosen } = this;
        this.element.setAttribute('aria-busy', 'true');
        await Promise.all(chosen.map(one => one.ready));
        this.element.removeAttribute('aria-busy');
        const text = this.text.value.trim();
        const files = chosen.map(one => one.known).filter(one => one !== undefined);
        if (chosen !== this.chosen || (!text && !files.length)) return;
        this.text.value = '';
        for (const one of [...chosen]) this.drop(one);
        this.chosen = [];
        this.typed();
        this.host.send(text, files);
        this.focus();
    }

    private picked(): void {
        this.add([...this.input.files!]);
        this.input.value = '';
        this.focus();
    }

    private pasted(event: ClipboardEvent): void {
        const files = [...event.clipboardData?.files ?? []];
        if (!files.length) return;
        event.preventDefault();
        this.add(files);
    }

    private choose(file: File): void {
        const { words } = this, name = oneLine(file.name);
        const bar = h('progress', { max: 1, value: 0, 'aria-label': name });
        const about = h('small', {}, sized(file.size, this.language));
        const item = h('li', {}, icon(FILE), h('span', {}, h('bdi', {}, name), about), bar,
                       h('button', { type: 'button', 'aria-label': fill(words.remove, { name }), click: () => {
                           this.drop(one);
                           this.focus();
                       } }, icon(CROSS)));
        const stop = new AbortController();
        const one: Chosen = { item, stop, ready: this.upload(file, bar, stop.signal).then(known => {
            one.known = known;
            bar.remove();
        }, (error: Error) => {
            bar.remove();
            item.className = 'failed';
            about.textContent = error.message || words.lost;
        }) };
        this.chosen.push(one);
        this.files.append(item);
        this.files.hidden = false;
    }

    private async upload(file: File, bar: HTMLProgressElement, signal: AbortSignal):
        Promise<Attachment> {
        const most = this.limits!.max_attachment;
        if (file.size > most)
            throw new Error(fill(this.words.large, { size: sized(most, this.language) }));
        return this.host.upload(file, part => { bar.value = part; }, signal);
    }

    private drop(one: Chosen): void {
        const i = this.chosen.indexOf(one);
        if (i >= 0) this.chosen.splice(i, 1);
        one.stop.abort();
        one.item.remove();
        this.files.hidden = this.chosen.length === 0;
    }

    private typed(): void {
        this.text.rows = Math.min(5, this.text.value.split('\n').length);
        clearTimeout(this.still);
        const isOn = this.text.value !== '';
        if (isOn) this.still = window.setTimeout(() => this.typing(false), STILL_AFTER);
        if (!isOn || Date.now() - this.typingAt > TYPING_EVERY) this.typing(isOn);
    }

    private typing(on: boolean): void {
        if (on || this.typingAt) this.host.typing(on);
        this.typingAt = on ? Date.now() : 0;
    }
}
