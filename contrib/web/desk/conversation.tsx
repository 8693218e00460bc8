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
import { age, plain, reason, time } from './words';

const FILE = 'M7 3.5h6.5L18 8v12.5H7zM13.5 3.5V8H18';

interface Props {
    store: Store; talk: Talk; ask(which: Dialog): void; isPicking: boolean; setPicking(on: boolean): void;
}

export function Conversation({ store, talk, ask, isPicking, setPicking }: Props) {
    const handoff = store.handoff(talk.id), isMine = store.isMine(talk.id), name = store.name(talk);
    const isWatched = talk.kind === 'watched';
    const back = () => { store.current = null; store.changed(); };
    return <section class="talk" aria-label={`Conversation with ${name}`}>
        <header class="talk-head">
            <button class="plain back" onClick={back}>Back</button>
            <span class="avatar" aria-hidden="true">{initial(name)}</span>
            <div class="who"><h2><bdi>{name}</bdi></h2>
                <div class="sub-line"><p class="soft">{isWatched ? 'With an agent · you only watch'
                    : [handoff && plain(handoff.queue), handoff?.channel, talk.package?.customer?.locale,
                        handoff?.state === 'closed' ? `ended: ${plain(handoff.outcome ?? '')}` : handoff?.state === 'queued' ? `waits ${age(handoff.since)}` : '']
                        .filter(Boolean).join(' · ')}</p>
                {isMine && handoff && <Tags store={store} handoff={handoff} />}</div></div>
            <div class="acts">
                {isWatched && <button class="solid" onClick={() => store.takeOver(talk.session)}>Take over</button>}
                {isWatched && <button class="plain" onClick={() => store.unwatch(talk.session)}>Stop watching</button>}
                {handoff?.state === 'queued' && <button class="solid" onClick={() => store.accept(talk.id)}>Accept <kbd>Alt A</kbd></button>}
                {handoff?.state === 'queued' && <button class="plain" onClick={() => store.decline(talk.id)}>Decline</button>}
                {isMine && <button class="plain" onClick={() => ask('transfer')}>Transfer <kbd>Alt T</kbd></button>}
                {isMine && <button class="plain" onClick={() => ask('return')}>Give back <kbd>Alt B</kbd></button>}
                {isMine && <button class="plain" onClick={() => ask('close')}>Close <kbd>Alt X</kbd></button>}
                {handoff?.state === 'live' && !isMine && <span class="soft">{store.colleague(handoff.human ?? '')} has it</span>}
            </div>
        </header>
        {talk.leaseEnds > 0 && <Lease store={store} talk={talk} />}
        {talk.package && <Brief pack={talk.package} reasonText={reason(talk.package.reason?.code)} />}
        <Transcript store={store} talk={talk} name={name} />
        {isMine ? <Composer store={store} talk={talk} name={name} isPicking={isPicking} setPicking={setPicking} />
            : handoff?.state === 'closed' && store.me.supervise ? <Review store={store} handoff={handoff} />
            : <p class="readonly soft">{isWatched ? 'Take over to write.' : handoff?.state === 'queued' ? 'Accept to write.' : 'You cannot write here.'}</p>}
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
        {tags.map(tag => <span class="badge" key={tag}>{tag} <button type="button" aria-label={`Remove the tag ${tag}`}
            onClick={() => store.tag(handoff, tags.filter(one => one !== tag))}>✕</button></span>)}
        <input name="tag" aria-label="Add a tag" placeholder="Add a tag" maxLength={40} autocomplete="off" />
    </form>;
}

function Review({ store, handoff }: { store: Store; handoff: Handoff }) {
    return <form class="review" onSubmit={async event => {
        event.preventDefault();
        const form = new FormData(event.currentTarget), score = Number(form.get('score'));
        if (score && await store.review(handoff, score, String(form.get('note') ?? '').trim())) store.say('The review is kept.');
    }}>
        <fieldset class="choice"><legend>How well was it handled?{handoff.score ? ` It has ${handoff.score} of 5.` : ''}</legend><div>
            {[1, 2, 3, 4, 5].map(n => <label><input type="radio" name="score" value={n} required checked={handoff.score === n} /><span>{n}</span></label>)}</div></fieldset>
        <label>Note<input name="note" maxLength={1000} dir="auto" /></label>
        <button class="solid">Keep the review</button>
    </form>;
}

function Lease({ store, talk }: { store: Store; talk: Talk }) {
    const now = useClock(1000), left = Math.max(0, Math.round((talk.leaseEnds - now) / 1000));
    return <p class="bar warn" role="status"><span>{store.name(talk)} has not heard from you for long. In {left} s somebody else may get the conversation.</span>
        <button class="plain" onClick={() => store.extend(talk)}>Keep it <kbd>Alt K</kbd></button></p>;
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
            {talk.hidden ? `Show what was said before (${talk.hidden}${talk.next === null ? '' : '+'})` : 'Show earlier messages'} <kbd>Alt H</kbd></button>}
        <div class="log" ref={view} tabIndex={0} role="log" aria-live="off" aria-label={`Messages with ${name}`} />
        <p class="typing soft">{talk.isTyping ? `${name} is typing…` : ''}</p>
    </div>;
}

/** Drawn by hand: thousands of them come and go while one scrolls. */
function item(said: Said, before: Said | undefined, { store, talk, name }: { store: Store; talk: Talk; name: string }): HTMLElement {
    const isFirst = !before || before.author !== said.author || before.name !== said.name || Date.parse(said.at) - Date.parse(before.at) > 300000;
    const who = said.author === 'customer' ? name : said.author === 'human' ? said.name === store.me.name ? `${said.name} (you)` : said.name ?? 'Colleague'
        : said.author === 'agent' ? said.name ?? 'Agent' : said.author === 'note' ? `Note by ${store.colleague(said.name ?? '')}` : 'Gateway';
    const isRead = said.author === 'human' && !!said.seq && said.seq <= talk.readSeq;
    const state = said.state === 'sending' ? 'Sending…' : said.state === 'failed' ? `Not sent: ${said.why}` : isRead ? 'Read' : said.author === 'human' ? 'Sent' : '';
    const files = (said.attachments ?? []).map(file => h('a', { class: 'file', href: safeUrl(file.url), target: '_blank', rel: 'noopener noreferrer' },
        icon(FILE), h('span', {}, h('bdi', {}, oneLine(file.name)), h('small', {}, sized(file.size)))));
    const plainText = said.text && h('p', { dir: 'auto' }, said.text);
    const body = said.text ? h('div', { class: 'text' }, said.author === 'agent' || said.author === 'human' ? markdown(said.text) : plainText || null) : null;
    return h('li', { class: `item ${said.author}${isFirst ? ' first' : ''}${said.state ? ` ${said.state}` : ''}` },
        isFirst && h('p', { class: 'by' }, h('bdi', {}, oneLine(who)), said.author === 'agent' && h('span', { class: 'badge' }, 'AI'),
            h('time', { datetime: said.at }, time(said.at))),
        body, ...files,
        state && (said.author === 'human') ? h('p', { class: 'state' }, state,
            said.state === 'failed' && h('button', { class: 'plain', type: 'button', click: () => store.post(talk, said) }, 'Send again')) : null);
}
