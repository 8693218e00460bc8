/** text.ts - small things about texts that both pages need. */

/** Names stand in our own sentences: nothing in them may turn or break these. */
export const oneLine = (name: string): string =>
    name.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').trim();

/** {x} in the text becomes the value of x. */
export const fill = (text: string, values: Record<string, string | number>): string =>
    text.replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));

/** A size in words; locale: undefined for the reader's own. */
export function sized(bytes: number, locale?: string): string {
    const [unit, n] = bytes < 1000 ? ['byte', bytes] as const
        : bytes < 1e6 ? ['kilobyte', bytes / 1e3] as const : ['megabyte', bytes / 1e6] as const;
    return new Intl.NumberFormat(locale, {
        style: 'unit', unit, unitDisplay: unit === 'byte' ? 'long' : 'short', maximumFractionDigits: n < 10 && unit !== 'byte' ? 1 : 0,
    }).format(n);
}

/** When it was or will be, as short as the day allows; locale: undefined for the reader's own. */
export function moment(at: string, locale?: string): string {
    const date = new Date(at), isToday = date.toDateString() === new Date().toDateString();
    return date.toLocaleString(locale, isToday ? { hour: '2-digit', minute: '2-digit' }
        : { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}

/** The first letter of a name, whole even when it is an emoji; "" for none. */
export function initial(name: string): string {
    for (const { segment } of new Intl.Segmenter(undefined).segment(oneLine(name)))
        return segment.toLocaleUpperCase();
    return '';
}

/** 24 hex digits that nobody else has. */
export const fresh = (): string => Array.from(crypto.getRandomValues(new Uint8Array(12)),
    byte => byte.toString(16).padStart(2, '0')).join('');
