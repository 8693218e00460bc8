/** hooks.ts - what draws again, and when. */
import { useEffect, useLayoutEffect, useReducer } from 'preact/hooks';
import type { Store } from './store';
import { language, type Language, type Words } from './words';

export function useStore(store: Store): void {
    const [, again] = useReducer<number, void>(n => n + 1, 0);
    useEffect(() => store.subscribe(() => again()), [store]);
}

/** Draws again every so often: for what shows a time. */
export function useClock(ms: number): number {
    const [, again] = useReducer<number, void>(n => n + 1, 0);
    useEffect(() => {
        const timer = setInterval(() => again(), ms);
        return () => clearInterval(timer);
    }, [ms]);
    return Date.now();
}

/** The page is in another language now: all of it is drawn again. */
export function useLanguage(): Language {
    const [, again] = useReducer<number, void>(n => n + 1, 0);
    useEffect(() => {
        const listen = () => again();
        addEventListener('desk-language', listen);
        return () => removeEventListener('desk-language', listen);
    }, []);
    return language;
}

/** Alt and a key, by its place on the keyboard, so that every layout has it. */
export const KEYS: [key: string, what: keyof Words['keys']][] = [
    ['Alt 1 … 9', 'open'], ['Alt M', 'mine'], ['Alt W', 'waiting'], ['Alt A', 'accept'], ['Alt R', 'write'],
    ['Alt N', 'note'], ['Alt C', 'replies'], ['/', 'slash'], ['Alt U', 'attach'], ['Alt H', 'earlier'],
    ['Alt T', 'transfer'], ['Alt B', 'giveBack'], ['Alt X', 'close'], ['Alt G', 'move'], ['Alt K', 'keep'], ['Alt P', 'presence'],
    ['Alt /', 'keys'],
];

export function useKeys(act: (code: string) => boolean): void {
    useLayoutEffect(() => { // before anybody sees what the keys are about
        const listen = (event: KeyboardEvent) => {
            if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
            if (act(event.code)) event.preventDefault();
        };
        addEventListener('keydown', listen);
        return () => removeEventListener('keydown', listen);
    });
}
