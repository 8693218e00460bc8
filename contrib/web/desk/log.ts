/**
 * log.ts - a list of any length of which only what is near the view is in the page.
 *
 * Heights are guessed until an element has been there once. What is above the view keeps its place
 * when it turns out higher than guessed; at the end the view stays at the end.
 */
const GUESS = 68, MARGIN = 800, NEAR_END = 60; // px

export class VirtualLog<Item extends object> {
    private items: Item[] = [];
    private heights = new WeakMap<Item, number>();
    private shown = new Map<Item, HTMLElement>();
    private readonly list = document.createElement('ol');
    private isStuck = true;
    private waiting = 0;

    /** draw: an element for an item, which is kept while it is near; before: the one above it. */
    constructor(private readonly view: HTMLElement, private readonly draw: (item: Item, before: Item | undefined) => HTMLElement,
                private readonly atTop: () => void) {
        view.append(this.list);
        view.addEventListener('scroll', () => {
            const { scrollTop, scrollHeight, clientHeight } = view;
            this.isStuck = scrollHeight - scrollTop - clientHeight < NEAR_END;
            if (scrollTop < MARGIN / 2 && !this.isStuck) this.atTop();
            this.later();
        }, { passive: true });
        new ResizeObserver(() => this.later()).observe(view);
    }

    /** The whole list; an item that was changed is another object or is named in `changed`. */
    set(items: Item[], changed: (item: Item) => boolean): void {
        const first = this.items[0], anchor = this.isStuck || !first || items[0] === first ? null : this.offset(items, first);
        for (const [item, element] of this.shown) {
            if (!changed(item)) continue;
            element.remove();
            this.shown.delete(item);
        }
        this.items = items;
        if (anchor !== null && anchor > 0) {
            this.render();
            this.view.scrollTop += this.offset(items, first!);
        }
        this.render();
    }

    toEnd(): void {
        this.isStuck = true;
        this.render();
    }

    private later(): void {
        this.waiting ||= requestAnimationFrame(() => {
            this.waiting = 0;
            this.render();
        });
    }

    private height(item: Item): number { return this.heights.get(item) ?? GUESS; }

    private offset(items: Item[], until: Item): number {
        let sum = 0;
        for (const item of items) {
            if (item === until) return sum;
            sum += this.height(item);
        }
        return 0;
    }

    private render(): void {
        if (this.isStuck) this.view.scrollTop = this.view.scrollHeight;
        const moved = this.place();
        // What was measured may call for more, once: then all near the view is known.
        if (moved) this.place();
        if (this.isStuck) this.view.scrollTop = this.view.scrollHeight;
    }

    /** Puts in what is near and takes out what is not; did a height turn out otherwise? */
    private place(): boolean {
        const { items, view } = this;
        const total = items.reduce((sum, item) => sum + this.height(item), 0);
        const viewTop = this.isStuck ? Math.max(0, total - view.clientHeight) : view.scrollTop;
        const from = viewTop - MARGIN, to = viewTop + view.clientHeight + MARGIN;
        let top = 0, start = 0;
        while (start < items.length && top + this.height(items[start]!) < from) top += this.height(items[start++]!);
        let bottom = top, end = start;
        while (end < items.length && bottom < to) bottom += this.height(items[end++]!);
        const near = new Set(items.slice(start, end));
        for (const [item, element] of this.shown) {
            if (near.has(item)) continue;
            element.remove();
            this.shown.delete(item);
        }
        this.list.style.paddingTop = `${top}px`;
        this.list.style.paddingBottom = `${Math.max(0, total - bottom)}px`;
        let last: HTMLElement | null = null;
        for (let i = start; i < end; i++) {
            const item = items[i]!;
            let element = this.shown.get(item);
            if (!element) {
                element = this.draw(item, items[i - 1]);
                element.setAttribute('aria-setsize', String(items.length));
                element.setAttribute('aria-posinset', String(i + 1));
                this.shown.set(item, element);
            }
            const wanted: Element | null = last ? last.nextElementSibling : this.list.firstElementChild;
            if (element !== wanted) this.list.insertBefore(element, wanted);
            last = element;
        }
        return this.measure(items, start, end, viewTop);
    }

    private measure(items: Item[], start: number, end: number, viewTop: number): boolean {
        let top = items.slice(0, start).reduce((sum, item) => sum + this.height(item), 0), shift = 0, hasMoved = false;
        const heights = items.slice(start, end).map(item => this.shown.get(item)!.offsetHeight);
        heights.forEach((height, i) => {
            const item = items[start + i]!, guess = this.height(item);
            if (height && height !== guess) {
                if (top + guess <= viewTop) shift += height - guess;
                this.heights.set(item, height);
                hasMoved = true;
            }
            top += guess;
        });
        if (shift && !this.isStuck) this.view.scrollTop += shift;
        return hasMoved;
    }
}
