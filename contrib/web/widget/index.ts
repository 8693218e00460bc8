/**
 * index.ts - <tandem-chat>: the chat of a gateway on any page, by one script tag.
 *
 *   <script src="https://chat.example/widget.js" data-channel="web" async></script>
 *
 * puts it into the lower corner; without data-channel the page places the element itself:
 *
 *   <tandem-chat channel="web" layout="page" heading="Help" style="--tandem-accent: #7a2e8e">
 *
 * Attributes (data-* of the script tag become these):
 *   gateway    where the gateway is; unset: where the script came from
 *   channel    its web chat; unset: web
 *   layout     docked (a button in the corner) or page (fills the element)
 *   side       end or start: which corner
 *   heading    what stands above the conversation
 *   locale     language; unset: of the element, then of the browser
 *   theme      light or dark; unset: as the reader has it
 *   open       docked: the panel is open; comes and goes with it
 *   customer-id, customer-name, customer-email, customer-signature   who it is, signed by the page's server
 * Custom properties: --tandem-accent, -on-accent, -surface, -bubble, -ink, -muted, -line, -good, -bad,
 * -font, -radius, -width, -height, -offset, -z. Events: tandem-unread {detail: n}.
 */
import { h, icon } from '../shared/dom';
import { fill } from '../shared/text';
import { CHAT } from './icons';
import { Panel } from './panel';
import styles from './style.css?inline';
import type { Customer } from './talk';
import { wordsFor } from './words';

const script = document.currentScript as HTMLScriptElement | null;
const home = script?.src || location.href;
const TAG = 'tandem-chat';

let sheet: CSSStyleSheet | null = null;

/** One for all elements, and no inline style: it stands under any content policy. */
function styleSheet(): CSSStyleSheet {
    if (!sheet) {
        sheet = new CSSStyleSheet();
        sheet.replaceSync(styles);
    }
    return sheet;
}

class TandemChat extends HTMLElement {
    private panel: Panel | null = null;
    private launcher: HTMLButtonElement | null = null;
    private readonly look = () => this.panel?.seen();

    connectedCallback(): void {
        if (this.panel) return;
        const { words, language } = wordsFor(this.locales);
        const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
        root.adoptedStyleSheets = [styleSheet()];
        this.panel = new Panel({ url: this.url, customer: this.customer, locale: this.locales[0]! },
                               words, language, {
            heading: this.getAttribute('heading') ?? words.title,
            level: this.isPage ? 'h1' : 'h2',
            close: () => { this.open = false; },
            isSeen: () => this.isShown && document.visibilityState === 'visible' && document.hasFocus(),
            unread: n => this.unread(n, n ? fill(words.unread, { n }) : ''),
        });
        this.panel.element.lang = language;
        root.append(this.panel.element);
        if (!this.isPage) {
            this.launcher = h('button', { class: 'launcher', type: 'button', lang: language,
                                          'aria-label': words.open, title: words.open,
                                          click: () => { this.open = true; } }, icon(CHAT), h('span', { class: 'count', 'aria-live': 'polite' }));
            root.append(this.launcher);
            root.addEventListener('keydown', event => {
                if ((event as KeyboardEvent).key === 'Escape') this.open = false;
            });
        }
        document.addEventListener('visibilitychange', this.look);
        addEventListener('focus', this.look);
        this.show(this.isPage);
        // Who has talked before may be answered while the panel is closed.
        if (this.isShown || this.panel.talk.known) this.panel.start();
    }

    disconnectedCallback(): void {
        queueMicrotask(() => { // it may only have been moved
            if (this.isConnected || !this.panel) return;
            this.panel.talk.end();
            this.panel = this.launcher = null;
            this.shadowRoot!.replaceChildren();
            document.removeEventListener('visibilitychange', this.look);
            removeEventListener('focus', this.look);
        });
    }

    static observedAttributes = ['open'];

    attributeChangedCallback(): void { if (this.panel) this.show(true); }

    get open(): boolean { return this.hasAttribute('open'); }
    set open(on: boolean) { if (!this.isPage) this.toggleAttribute('open', on); }

    private get isPage(): boolean { return this.getAttribute('layout') === 'page'; }
    private get isShown(): boolean { return this.isPage || this.open; }

    private get locales(): string[] {
        const wished = this.getAttribute('locale') ?? this.closest('[lang]')?.getAttribute('lang');
        return [wished, ...navigator.languages].filter((one): one is string => !!one);
    }

    private get url(): string {
        const gateway = new URL(this.getAttribute('gateway') ?? '.', home);
        const url = new URL(`chat/${encodeURIComponent(this.getAttribute('channel') ?? 'web')}`, gateway);
        url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
        return url.href;
    }

    private get customer(): Customer | undefined {
        const of = (name: string) => this.getAttribute(`customer-${name}`) || undefined;
        const customer = { id: of('id'), name: of('name'), email: of('email'), signature: of('signature') };
        return customer.id || customer.name || customer.email ? customer : undefined;
    }

    private show(withFocus: boolean): void {
        this.panel!.element.hidden = !this.isShown;
        if (this.launcher) this.launcher.hidden = this.isShown;
        if (!this.isShown) {
            if (withFocus) this.launcher?.focus();
            return;
        }
        this.panel!.start();
        this.panel!.seen();
        if (withFocus) this.panel!.focus();
    }

    private unread(n: number, words: string): void {
        const count = this.launcher?.querySelector('.count');
        if (count) count.textContent = words;
        this.dispatchEvent(new CustomEvent('tandem-unread', { detail: n, bubbles: true }));
    }
}

if (!customElements.get(TAG)) customElements.define(TAG, TandemChat);

/** data-customer-id comes as customerId. */
function place(from: DOMStringMap): void {
    const element = document.createElement(TAG);
    for (const [name, value] of Object.entries(from))
        element.setAttribute(name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`), value!);
    document.body.append(element);
}

if (script?.dataset.channel) {
    if (document.body) place(script.dataset);
    else addEventListener('DOMContentLoaded', () => place(script.dataset));
}
