/**
 * markdown.ts - a small part of Markdown as DOM nodes, safe by construction: there is no HTML on
 * the way, only createElement() of the few elements below, and text.
 *
 * Paragraphs, lists, quotes, code, bold, italics, headings (as bold lines) and links of https,
 * http, mailto and tel. Everything else is the text it was written as. Every repetition in the
 * patterns is bounded; a text of more than MOST characters is not looked into at all.
 */
import { h } from './dom';

const MOST = 20000;

const INLINE = new RegExp([
    /`([^`\n]{1,1000})`/,
    /\*\*(?=\S)([^*\n]{1,1000})\*\*/,
    /(?<![\w*_])[*_](?=[^\s*_])([^*_\n]{1,1000})[*_](?![\w*_])/,
    /\[([^[\]\n]{1,300})\]\(([a-z]{3,6}:[^\s()<>]{1,2000})\)/,
    /(https?:\/\/[^\s<>"'`]{1,2000})/,
].map(part => part.source).join('|'), 'gi');

/** The address when it is one that may be followed, else null. */
export function safeUrl(address: string): string | null {
    try {
        const url = new URL(address);
        return ['https:', 'http:', 'mailto:', 'tel:'].includes(url.protocol) ? url.href : null;
    } catch {
        return null;
    }
}

function link(address: string, label: string): Node {
    const href = safeUrl(address);

    if (!href) return document.createTextNode(label);
    return h('a', { href, title: address === label ? null : href, target: '_blank',
                    rel: 'noopener noreferrer nofollow' }, label);
}

/** A full stop behind an address is not part of it, nor is a bracket that was opened before it. */
function bare(address: string): Node[] {
    const end = /[.,;:!?)\]}'*_]+$/.exec(address)?.[0] ?? '';
    const url = end ? address.slice(0, -end.length) : address;
    return [link(url, url), document.createTextNode(end)];
}

function inline(text: string, into: Node, depth = 0): void {
    let at = 0;

    for (const match of text.matchAll(INLINE)) {
        const [all, code, bold, italic, label, address, url] = match;
        into.appendChild(document.createTextNode(text.slice(at, match.index)));
        at = match.index + all.length;
        if (code !== undefined) into.appendChild(h('code', {}, code));
        else if (url !== undefined) into.appendChild(wrap(bare(url)));
        else if (label !== undefined) into.appendChild(link(address!, label));
        else {
            const element = h(bold !== undefined ? 'strong' : 'em');
            if (depth < 3) inline((bold ?? italic)!, element, depth + 1);
            else element.append((bold ?? italic)!);
            into.appendChild(element);
        }
    }
    into.appendChild(document.createTextNode(text.slice(at)));
}

function wrap(nodes: Node[]): DocumentFragment {
    const fragment = document.createDocumentFragment();
    fragment.append(...nodes);
    return fragment;
}

const BULLET = /^\s{0,6}[-*\u2022]\s+(?=\S)/, NUMBER = /^\s{0,6}(\d{1,4})[.)]\s+(?=\S)/;
const QUOTE = /^>\s?/, HEADING = /^#{1,4}\s+(?=\S)/, FENCE = /^```/;

const isBlock = (line: string) => !line.trim() ||
    [BULLET, NUMBER, QUOTE, HEADING, FENCE].some(pattern => pattern.test(line));

/** Lines of one paragraph. */
function lines(tag: 'p' | 'blockquote', list: string[]): HTMLElement {
    const block = h(tag, { dir: 'auto' });
    list.forEach((line, i) => {
        if (i > 0) block.append(h('br'));
        inline(line, block);
    });
    return block;
}

/** How many of the lines from `at` on the test holds for. */
function run(all: string[], at: number, holds: (line: string) => boolean): number {
    let n = 0;
    while (at + n < all.length && holds(all[at + n]!)) n++;
    return n;
}

function list(tag: 'ul' | 'ol', all: string[], pattern: RegExp): HTMLElement {
    const items = all.map(line => {
        const item = h('li');
        inline(line.replace(pattern, ''), item);
        return item;
    });
    const start = tag === 'ol' ? Number(pattern.exec(all[0]!)![1]) : 1;
    return h(tag, { dir: 'auto', start: start !== 1 && start }, ...items);
}

/** The text as nodes. */
export function markdown(text: string): DocumentFragment {
    const out = document.createDocumentFragment();
    if (text.length > MOST) {
        out.append(h('p', { dir: 'auto' }, text));
        return out;
    }
    const all = text.replace(/\r\n?/g, '\n').split('\n');
    for (let at = 0; at < all.length;) {
        const line = all[at]!;
        const kind = [BULLET, NUMBER, QUOTE].find(pattern => pattern.test(line));
        if (!line.trim()) {
            at++;
        } else if (FENCE.test(line)) {
            const n = run(all, at + 1, one => !FENCE.test(one));
            out.append(h('pre', { tabindex: 0, dir: 'ltr' }, h('code', {}, all.slice(at + 1, at + 1 + n).join('\n'))));
            at += n + 2;
        } else if (HEADING.test(line)) {
            const heading = h('strong');
            inline(line.replace(HEADING, ''), heading);
            out.append(h('p', { dir: 'auto' }, heading));
            at++;
        } else if (kind) {
            const n = run(all, at, one => kind.test(one)), part = all.slice(at, at + n);
            out.append(kind === QUOTE ? lines('blockquote', part.map(one => one.replace(QUOTE, '')))
                : list(kind === BULLET ? 'ul' : 'ol', part, kind));
            at += n;
        } else {
            const n = 1 + run(all, at + 1, one => !isBlock(one));
            out.append(lines('p', all.slice(at, at + n)));
            at += n;
        }
    }
    return out;
}
