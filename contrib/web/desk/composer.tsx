/** composer.tsx - where the human writes: to the customer, or a note that no customer sees. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { sized } from '../shared/text';
import type { Reply } from './api';
import type { Store, Talk } from './store';
import { fill, language, rich, t } from './words';

interface Props { store: Store; talk: Talk; name: string; isPicking: boolean; setPicking(on: boolean): void }

export function Composer({ store, talk, name, isPicking, setPicking }: Props) {
    const box = useRef<HTMLTextAreaElement>(null), input = useRef<HTMLInputElement>(null);
    const { isNote } = talk;
    useLayoutEffect(() => { box.current?.focus({ preventScroll: true }); }, []);

    const submit = (event: Event) => {
        event.preventDefault();
        void store.send(talk);
        box.current?.focus();
    };
    const insert = (reply: Reply | null) => {
        setPicking(false);
        if (reply) {
            const first = talk.package?.customer?.name?.split(' ')[0] ?? '';
            const text = reply.text.replace(/\{name\}/g, first).replace(/\{me\}/g, store.me.name);
            talk.isNote = false;
            store.write(talk, [talk.draft.trim(), text].filter(Boolean).join('\n'));
        }
        box.current?.focus();
    };
    const mode = (note: boolean) => {
        talk.isNote = note;
        store.now();
        box.current?.focus();
    };
    return <form class={isNote ? 'composer note' : 'composer'} onSubmit={submit}
        onDragOver={event => event.preventDefault()}
        onDrop={event => { event.preventDefault(); store.attach(talk, [...event.dataTransfer?.files ?? []]); }}>
        <div class="modes" role="group" aria-label={t.whatYouWrite}>
            <button type="button" aria-pressed={!isNote} onClick={() => mode(false)}>{rich(t.toName, { name: <bdi>{name}</bdi> })} <kbd>Alt R</kbd></button>
            <button type="button" aria-pressed={isNote} onClick={() => mode(true)}>{t.privateNote} <kbd>Alt N</kbd></button>
        </div>
        {isPicking && <Canned replies={store.replies} done={insert} />}
        {talk.files.length > 0 && <ul class="chosen" aria-label={t.filesToSend}>{talk.files.map(file => <li key={file.key} class={file.why ? 'failed' : ''}>
            <span><bdi>{file.name}</bdi><small>{file.why ?? sized(file.size, language)}</small></span>
            {!file.known && !file.why && <progress max={1} value={file.part} aria-label={file.name} />}
            <button type="button" class="plain" aria-label={fill(t.remove, { name: file.name })} onClick={() => { store.detach(talk, file); box.current?.focus(); }}>✕</button>
        </li>)}</ul>}
        <textarea ref={box} rows={2} dir="auto" value={isNote ? talk.note : talk.draft} maxLength={isNote ? 4000 : 65536}
            aria-label={fill(isNote ? t.noteAbout : t.messageTo, { name })} aria-describedby="composer-hint"
            placeholder={isNote ? t.onlyColleagues : fill(t.writeTo, { name })}
            onInput={event => store.write(talk, event.currentTarget.value)}
            onPaste={event => {
                const files = [...event.clipboardData?.files ?? []];
                if (!files.length) return;
                event.preventDefault();
                store.attach(talk, files);
            }}
            onKeyDown={event => {
                if (event.key === '/' && !event.altKey && event.currentTarget.value === '' && store.replies.length) {
                    event.preventDefault();
                    setPicking(true);
                }
                if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
            }} />
        <p id="composer-hint" class="hidden">{t.composerHint}</p>
        <div class="tools">
            <input ref={input} type="file" multiple hidden tabIndex={-1} aria-label={t.files} onChange={event => {
                store.attach(talk, [...event.currentTarget.files ?? []]);
                event.currentTarget.value = '';
                box.current?.focus();
            }} />
            {!isNote && <button type="button" class="plain" onClick={() => input.current!.click()}>{t.attach} <kbd>Alt U</kbd></button>}
            {!isNote && store.replies.length > 0 && <button type="button" class="plain" aria-expanded={isPicking} onClick={() => setPicking(!isPicking)}>{t.replies} <kbd>Alt C</kbd></button>}
            <button class="solid">{isNote ? t.saveNote : rich(t.sendTo, { name: <bdi>{name}</bdi> })} <kbd>Enter</kbd></button>
        </div>
    </form>;
}

/** Canned replies: what is typed looks in all of key, title and text. */
function Canned({ replies, done }: { replies: Reply[]; done(reply: Reply | null): void }) {
    const [query, setQuery] = useState(''), [at, setAt] = useState(0);
    const input = useRef<HTMLInputElement>(null);
    useLayoutEffect(() => input.current?.focus(), []);
    const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const found = replies.filter(one => words.every(word => `${one.key} ${one.title} ${one.text}`.toLocaleLowerCase().includes(word))).slice(0, 50);
    const chosen = Math.min(at, found.length - 1);
    const move = (by: number) => setAt(Math.max(0, Math.min(found.length - 1, chosen + by)));
    return <div class="canned">
        <input ref={input} role="combobox" aria-label={t.searchReplies} aria-expanded="true" aria-controls="canned-list" aria-autocomplete="list"
            aria-activedescendant={found.length ? `canned-${chosen}` : undefined} placeholder={t.searchReplies} value={query}
            onInput={event => { setQuery(event.currentTarget.value); setAt(0); }}
            onKeyDown={event => {
                if (event.key === 'ArrowDown') move(1);
                else if (event.key === 'ArrowUp') move(-1);
                else if (event.key === 'Enter') done(found[chosen] ?? null);
                else if (event.key === 'Escape') done(null);
                else return;
                event.preventDefault();
            }} />
        <ul id="canned-list" role="listbox" aria-label={t.cannedReplies}>{found.map((one, i) =>
            <li id={`canned-${i}`} role="option" aria-selected={i === chosen} onClick={() => done(one)}>
                <b>{one.title}</b> <span class="soft">{one.language}</span><span class="preview">{one.text}</span></li>)}</ul>
        {!found.length && <p class="soft">{t.nothingFits}</p>}
    </div>;
}
