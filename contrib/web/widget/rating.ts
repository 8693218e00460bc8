/** rating.ts - how it was: five stars, and a comment for who has one. */
import { h, icon } from '../shared/dom';
import { fill } from '../shared/text';
import { STAR } from './icons';
import type { Words } from './words';

export function rating(words: Words, rated: (score: number, comment?: string) => void,
                       again: () => void): HTMLElement {
    const comment = h('textarea', { rows: 2, maxlength: 2000, 'aria-label': words.comment,
                                    placeholder: words.comment, dir: 'auto' });
    const more = h('div', { class: 'more', hidden: true }, comment,
                   h('button', { class: 'solid' }, words.submit));
    const stars = [1, 2, 3, 4, 5].map(n => h('label', { title: fill(words.score, { n }) },
        h('input', { type: 'radio', name: 'score', value: n, class: 'hidden',
                     'aria-label': fill(words.score, { n }), change: () => { more.hidden = false; } }),
        icon(STAR)));
    const fields = h('fieldset', {}, h('legend', {}, words.rate), h('div', { class: 'stars' }, ...stars), more);
    const form = h('form', { submit: (event: Event) => {
        event.preventDefault();
        const score = Number(new FormData(form).get('score'));
        if (!score) return;
        rated(score, comment.value.trim() || undefined);
        const thanks = h('p', { role: 'status', tabindex: -1 }, words.thanks);
        form.replaceWith(thanks);
        thanks.focus();
    } }, fields);
    return h('div', { class: 'rating' }, form,
             h('button', { class: 'plain', type: 'button', click: again }, words.again));
}
