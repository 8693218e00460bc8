/** conversation.tsx - one customer: who it is, what matters, what was said, and what to do. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { h, icon } from '../shared/dom';
import { markdown, safeUrl } from '../shared/markdown';
import { initial, oneLine, sized } from '../shared/text';
import type { Handoff } from './api';
import { Composer } from './composer';
import type { Dialog } from './desk';
import { useClock } from './hooks';
import { VirtualLog } from './log';
import { Brief } from './brief';
import type { Said, Store, Talk } from './store';
import { age, fill, language, plain, reason, t, time, word } from './words';

const FILE = 'M7 3.5h6.5L18 8v12.5H7zM13.5 3.5V8H18';

interface Props {
    store: Store; talk: Talk; ask(which: Dialog): void; isPicking: boolean; setPicking(on: boolean): void;
}

export function Conversation({ store, talk, ask, isPicking, setPicking }: Props) {
    const handoff = store.handoff(talk.id), isMine = store.isMine(talk.id), name = store.name(talk);
    const isWatched = talk.kind === 'watched';
    const back = () => { store.current = null; store.changed(); };
    return <section class="talk" aria-label={fill(t.conversationWith, { name })}>
        <header class="talk-head">
            <button class="plain back" onClick={back}>{t.back}</button>
            <span class="avatar" aria-hidden="true">{initial(name)}</span>
            <div class="who"><h2><bdi>{name}</bdi></h2>
                <div class="sub-line"><p class="soft">{isWatched ? t.watching
                    : [handoff && plain(handoff.queue), handoff?.channel, talk.package?.customer?.locale,
                        handoff?.state === 'closed' ? fill(t.endedAs, { outcome: word(handoff.outcome) }) : handoff?.state === 'queued' ? fill(t.waits, { age: age(handoff.since) }) : '']
                        .filter(Boolean).join(' · ')}</p>
                {isMine && handoff && <Tags store={store} handoff={handoff} />}</div></div>
            <div class="acts">
                {isWatched && <button class="solid" onClick={() => store.takeOver(talk.session)}>{t.takeOver}</button>}
                {isWatched && <button class="plain" onClick={() => store.unwatch(talk.session)}>{t.stopWatching}</button>}
                {handoff?.state === 'queued' && <button class="solid" onClick={() => store.accept(talk.id)}>{t.accept} <kbd>Alt A</kbd></button>}
                {handoff?.state === 'queued' && <button class="plain" onClick={() => store.decline(talk.id)}>{t.decline}</button>}
                {isMine && <button class="plain" onClick={() => ask('transfer')}>{t.transfer} <kbd>Alt T</kbd></button>}
                {isMine && <button class="plain" onClick={() => ask('return')}>{t.giveBack} <kbd>Alt B</kbd></button>}
                {isMine && store.canMove(talk) && <button class="plain" onClick={() => ask('move')}>{t.move} <kbd>Alt G</kbd></button>}
                {isMine && <button class="plain" onClick={() => ask('close')}>{t.close} <kbd>Alt X</kbd></button>}
                {handoff?.state === 'live' && !isMine && <span class="soft">{fill(t.hasIt, { name: store.colleague(handoff.human ?? '') })}</span>}
            </div>
        </header>
        {talk.leaseEnds > 0 && <Lease store={store} talk={talk} />}
        {talk.package && <Brief pack={talk.package} reasonText={reason(talk.package.reason?.code)} />}
        <Transcript store={store} talk={talk} name={name} />
        {isMine ? <Composer store={store} talk={talk} name={name} isPicking={isPicking} setPicking={setPicking} />
            : handoff?.state === 'closed' && store.me.supervise ? <Review store={store} handoff={handoff} />
            : <p class="readonly soft">{isWatched ? t.takeOverToWrite : handoff?.state === 'queued' ? t.acceptToWrite : t.cannotWrite}</p>}
    </section>;
}

/** Words that stand with the conversation in every list. */
function Tags({ store, handoff }: { store: Store; handoff: Handoff }) {
    const tags = handoff.tags ?? [];
    return <form class="tag-line" onSubmit={event => {
        event.preventDefault();
        const input = event.currentTarget.elements.namedItem('tag') as HTMLInputElement, tag = input.value.trim().toLowerCase();
        input.value = '';
        if (tag && !tags.includes(tag)) void store.tag(handoff, [...tags, tag]);
    }}>
        {tags.map(tag => <span class="badge" key={tag}>{tag} <button type="button" aria-label={fill(t.removeTag, { tag })}
            onClick={() => store.tag(handoff, tags.filter(one => one !== tag))}>✕</button></span>)}
        <input name="tag" aria-label={t.addTag} placeholder={t.addTag} maxLength={40} autocomplete="off" />
    </form>;
}

function Review({ store, handoff }: { store: Store; handoff: Handoff }) {
    return <form class="review" onSubmit={async event => {
        event.preventDefault();
        const form = new FormData(event.currentTarget), score = Number(form.get('score'));
        if (score && await store.review(handoff, score, String(form.get('note') ?? '').trim())) store.say(t.reviewKept);
    }}>
        <fieldset class="choice"><legend>{t.howWell}{handoff.score ? ` ${fill(t.hasScore, { n: handoff.score })}` : ''}</legend><div>
            {[1, 2, 3, 4, 5].map(n => <label><input type="radio" name="score" value={n} required checked={handoff.score === n} /><span>{n}</span></label>)}</div></fieldset>
        <label>{t.note}<input name="note" maxLength={1000} dir="auto" /></label>
        <button class="solid">{t.keepReview}</button>
    </form>;
}

function Lease({ store, talk }: { store: Store; talk: Talk }) {
    const now = useClock(1000), left = Math.max(0, Math.round((talk.leaseEnds - now) / 1000));
    return <p class="bar warn" role="status"><span>{fill(t.lease, { name: store.name(talk), n: left })}</span>
        <button class="plain" onClick={() => store.extend(talk)}>{t.keepIt} <kbd>Alt K</kbd></button></p>;
}

function Transcript({ store, talk, name }: { store: Store; talk: Talk; name: string }) {
    const view = useRef<HTMLDivElement>(null), log = useRef<VirtualLog<Said> | null>(null);
    const drawn = useRef(new WeakMap<Said, string>());
    const latest = useRef({ store, talk, name });
    latest.current = { store, talk, name };

    useLayoutEffect(() => {
        log.current = new VirtualLog<Said>(view.current!, (said, before) => item(said, before, latest.current),
            () => { if (latest.current.talk.hidden === 0) void latest.current.store.earlier(latest.current.talk); });
        return () => { view.current?.replaceChildren(); };
    }, []);

    useEffect(() => {
        const shown = talk.hidden ? talk.said.slice(talk.hidden) : talk.said;
        log.current!.set(shown, said => {
            const state = `${said.state ?? ''} ${said.seq ?? ''} ${said.author === 'human' && !!said.seq && said.seq <= talk.readSeq}`;
            const isNew = drawn.current.get(said) !== state;
            drawn.current.set(said, state);
            return isNew;
        });
    }, [talk.version, talk.hidden, talk.readSeq]);

    const earlier = talk.hidden > 0 || talk.next !== null;
    return <div class="transcript">
        {earlier && <button class="earlier" onClick={() => store.earlier(talk)} disabled={talk.isLoading}>
            {talk.hidden ? fill(t.showBefore, { n: `${talk.hidden}${talk.next === null ? '' : '+'}` }) : t.showEarlier} <kbd>Alt H</kbd></button>}
        <div class="log" ref={view} tabIndex={0} role="log" aria-live="off" aria-label={fill(t.messagesWith, { name })} />
        <p class="typing soft">{talk.isTyping ? fill(t.nameIsTyping, { name }) : ''}</p>
    </div>;
}

/** Drawn by hand: thousands of them come and go while one scrolls. */
function item(said: Said, before: Said | undefined, { store, talk, name }: { store: Store; talk: Talk; name: string }): HTMLElement {
    const isFirst = !before || before.author !== said.author || before.name !== said.name || Date.parse(said.at) - Date.parse(before.at) > 300000;
    const who = said.author === 'customer' ? name : said.author === 'human' ? said.name === store.me.name ? fill(t.you, { name: said.name }) : said.name ?? t.colleague
        : said.author === 'agent' ? said.name ?? t.agent : said.author === 'note' ? fill(t.noteBy, { name: store.colleague(said.name ?? '') }) : t.gateway;
    const isRead = said.author === 'human' && !!said.seq && said.seq <= talk.readSeq;
    const state = said.state === 'sending' ? t.sending : said.state === 'failed' ? fill(t.notSent, { why: said.why ?? '' }) : isRead ? t.read : said.author === 'human' ? t.sent : '';
    const files = (said.attachments ?? []).map(file => h('a', { class: 'file', href: safeUrl(file.url), target: '_blank', rel: 'noopener noreferrer' },
        icon(FILE), h('span', {}, h('bdi', {}, oneLine(file.name)), h('small', {}, sized(file.size, language)))));
    const plainText = said.text && h('p', { dir: 'auto' }, said.text);
    const body = said.text ? h('div', { class: 'text' }, said.author === 'agent' || said.author === 'human' ? markdown(said.text) : plainText || null) : null;
    return h('li', { class: `item ${said.author}${isFirst ? ' first' : ''}${said.state ? ` ${said.state}` : ''}` },
        isFirst && h('p', { class: 'by' }, h('bdi', {}, oneLine(who)), said.author === 'agent' && h('span', { class: 'badge' }, t.ai),
            h('time', { datetime: said.at }, time(said.at))),
        body, ...files,
        state && (said.author === 'human') ? h('p', { class: 'state' }, state,
            said.state === 'failed' && h('button', { class: 'plain', type: 'button', click: () => store.post(talk, said) }, t.sendAgain)) : null);
}
