/**
 * words.ts - what desk and report say, in the reader's language: each language is a module of words that is
 * loaded when it is spoken. English comes with the page. And codes of the gateway, and times, as a human
 * reads them.
 */
import type { ComponentChildren } from 'preact';
import { fill, moment } from '../shared/text';
import en from './words/en.json';

export { fill };
export type Words = typeof en;

/** By their own names, as who looks for theirs would. */
export const LANGUAGES = { en: 'English', de: 'Deutsch', es: 'Español', fr: 'Français', da: 'Dansk' };
export type Language = keyof typeof LANGUAGES;

const KEY = 'tandem language';
const modules: Record<Exclude<Language, 'en'>, () => Promise<{ default: Words }>> = {
    da: () => import('./words/da.json'), de: () => import('./words/de.json'),
    es: () => import('./words/es.json'), fr: () => import('./words/fr.json'),
};

export let t: Words = en;
export let language: Language = 'en';

export async function speak(wanted: Language): Promise<void> {
    t = wanted === 'en' ? en : (await modules[wanted]()).default;
    language = wanted;
    document.documentElement.lang = wanted;
}

/** What was chosen here before, else the first of the browser's that is known. */
export function preferred(): Language {
    const wished = [localStorage.getItem(KEY), ...navigator.languages].map(one => one?.toLowerCase().split('-')[0]);
    return wished.find((one): one is Language => !!one && one in LANGUAGES) ?? 'en';
}

export function choose(wanted: Language): Promise<void> {
    localStorage.setItem(KEY, wanted);
    return speak(wanted);
}

/** As fill(), with elements in the places. */
export const rich = (text: string, values: Record<string, ComponentChildren>): ComponentChildren[] =>
    text.split(/\{(\w+)\}/).map((part, i) => i % 2 ? values[part] : part);

const among = (words: Record<string, string>, code: string): string => Object.hasOwn(words, code) ? words[code]! : plain(code);

/** A code that is not known stands for itself, readably. */
export const reason = (code = ''): string => among(t.reasons, code);
export const word = (code = ''): string => among(t.codes, code);
export const reasons = (): [string, string][] => Object.entries(t.reasons);

export const plain = (code: string): string => {
    const text = code.replace(/[_-]+/g, ' ').trim();
    return text.charAt(0).toUpperCase() + text.slice(1);
};

/** How long ago, short: 40 s, 12 min, 3 h, 2 d. */
export function age(since: string, now = Date.now()): string {
    const s = Math.max(0, Math.round((now - Date.parse(since)) / 1000));
    const [n, unit] = s < 60 ? [s, 'second'] : s < 3600 ? [s / 60, 'minute'] : s < 86400 ? [s / 3600, 'hour'] : [s / 86400, 'day'];
    return unitOf(Math.floor(n), unit);
}

/** Danish and Spanish have other letters for a day than English has. */
export const unitOf = (n: number, unit: string, digits = 0): string =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(n);

export const time = (at: string): string => moment(at, language);
