/** hooks.ts - what draws again, and when. */
import { useEffect, useReducer } from 'preact/hooks';
import type { Store } from './store';

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

/** Alt and a key, by its place on the keyboard, so that every layout has it. Shown in `KEYS`. */
export const KEYS: [key: string, code: string, what: string][] = [
    ['Alt 1 … 9', '', 'Open your 1st to 9th conversation'],
    ['Alt M', 'KeyM', 'Your conversations'],
    ['Alt W', 'KeyW', 'Who waits'],
    ['Alt A', 'KeyA', 'Accept what is open, or else the first in the queue'],
    ['Alt R', 'KeyR', 'Write to the customer'],
    ['Alt N', 'KeyN', 'Write a private note'],
    ['Alt C', 'KeyC', 'Canned replies'],
    ['Alt U', 'KeyU', 'Attach files'],
    ['Alt H', 'KeyH', 'Show earlier messages'],
    ['Alt T', 'KeyT', 'Transfer'],
    ['Alt B', 'KeyB', 'Give back to the agent'],
    ['Alt X', 'KeyX', 'Close the conversation'],
    ['Alt K', 'KeyK', 'Keep the customer, when the time runs out'],
    ['Alt P', 'KeyP', 'Available, or away'],
    ['Alt /', 'Slash', 'This list'],
];

export function useKeys(act: (code: string) => boolean): void {
    useEffect(() => {
        const listen = (event: KeyboardEvent) => {
            if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
            if (act(event.code)) event.preventDefault();
        };
        addEventListener('keydown', listen);
        return () => removeEventListener('keydown', listen);
    });
}
