/** language.tsx - the switch of languages; the page is drawn anew, and the switch has the focus again. */
import { LANGUAGES, choose, language, t, type Language } from './words';

export const LanguageSwitch = () => <label class="language"><span class="hidden">{t.language}</span>
    <select value={language} onChange={event => void choose(event.currentTarget.value as Language).then(() => {
        dispatchEvent(new Event('desk-language'));
        setTimeout(() => document.querySelector<HTMLElement>('.language select')?.focus());
    })}>{Object.entries(LANGUAGES).map(([code, name]) => <option value={code} lang={code}>{name}</option>)}</select></label>;
