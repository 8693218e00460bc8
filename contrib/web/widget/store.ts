/** store.ts - a storage of the browser that may be forbidden or full: then it lasts as long as the page. */
export class Store {
    private readonly memory: Record<string, any> = {};
    private readonly storage: Storage | null;

    constructor(name: 'localStorage' | 'sessionStorage', private readonly prefix: string) {
        try { this.storage = window[name]; } catch { this.storage = null; }
    }

    get(key: string): any {
        try {
            const text = this.storage?.getItem(this.prefix + key);
            if (text) return JSON.parse(text);
        } catch { /* forbidden, or not ours */ }
        return this.memory[key] ?? null;
    }

    set(key: string, value: unknown): void {
        this.memory[key] = value;
        try {
            if (value === null) this.storage?.removeItem(this.prefix + key);
            else this.storage?.setItem(this.prefix + key, JSON.stringify(value));
        } catch { /* as above */ }
    }
}
