/** rail.tsx - on the side: who this is and whether they are there; who waits; who they have. */
import { useEffect, useState } from 'preact/hooks';
import { initial } from '../shared/text';
import type { Handoff, Presence } from './api';
import { useClock } from './hooks';
import { bell, setBell } from './notify';
import type { Store, View } from './store';
import { LanguageSwitch } from './language';
import { age, fill, plain, reason, t, word } from './words';

const AGENTS_MS = 5000;

export function Rail({ store, keys }: { store: Store; keys(): void }) {
    const { lists, me, view } = store;
    const tabs: [View, string, number][] = [['mine', t.mine, lists.mine.length], ['waiting', t.waiting, lists.queued.length],
        ...(me.supervise ? [['agents', t.agents, -1] as [View, string, number]] : []), ['closed', t.closed, -1],
        ...(me.supervise ? [['reviews', t.reviews, -1] as [View, string, number]] : [])];
    return <nav class="rail" aria-label={t.conversations}>
        <header>
            <span class="mark small" aria-hidden="true"><i /><i /></span>
            <p class="title">{t.desk}</p>
            <button class="plain key" onClick={keys} title={`${t.keysHint} (Alt /)`}>{t.keysTitle} <kbd>Alt /</kbd></button>
        </header>
        <div class="tabs" role="group" aria-label={t.whichConversations}>
            {tabs.map(([which, label, n]) => <button class="tab" aria-pressed={view === which} onClick={() => store.show(which)}>
                {label}{n > 0 && <span class="count">{n}</span>}</button>)}
        </div>
        <List store={store} />
        <Myself store={store} />
    </nav>;
}

function List({ store }: { store: Store }) {
    useClock(store.view === 'waiting' ? 1000 : 15000);
    const { lists, view } = store;
    if (view === 'agents') return <Sessions store={store} />;
    const list = view === 'mine' ? lists.mine : view === 'waiting' ? lists.queued : view === 'reviews' ? lists.sample : lists.closed;
    if (!list.length)
        return <p class="list none soft">{{ mine: t.noneMine, waiting: t.noneWaiting, closed: t.noneClosed, reviews: t.noneReviews }[view]}</p>;
    const cards = <ul class="list">{list.slice(0, 200).map((one, i) => <li key={one.id}><Card store={store} one={one} n={i + 1} /></li>)}</ul>;
    return view !== 'reviews' ? cards : <>
        <p class="sample soft small">{t.aboutSample} <button class="plain" onClick={() => store.sample()}>{t.anotherSample}</button></p>{cards}</>;
}

function Card({ store, one, n }: { store: Store; one: Handoff; n: number }) {
    const talk = store.talks.get(one.id), isMine = store.view === 'mine';
    const last = talk?.said.at(-1);
    const name = store.name(talk);
    return <a href={`#${one.id}`} class="card" aria-current={store.current === one.id ? 'true' : undefined}
        onClick={event => { event.preventDefault(); void store.open(one); }}>
        <span class="line">
            {isMine && n < 10 && <kbd>{n}</kbd>}
            <bdi class="name">{name}</bdi>
            {one.priority > 0 && <span class="badge hot">{fill(t.priority, { n: one.priority })}</span>}
            {one.state === 'closed' && !!one.score && <span class="badge">{fill(t.scored, { n: one.score })}</span>}
            {talk && talk.unread > 0 && <span class="count">{talk.unread}<span class="hidden"> {t.unread}</span></span>}
            <time class="soft">{one.state === 'closed' ? age(one.ended ?? one.since) : age(one.since)}</time>
        </span>
        <span class="soft sub">{isMine && talk?.isTyping ? t.isTyping : isMine && last?.text ? last.text.slice(0, 90)
            : [reason(one.reason), plain(one.queue), one.outcome && word(one.outcome), one.language].filter(Boolean).join(' · ')}</span>
        {one.state === 'queued' && talk?.package?.summary && <span class="soft need">{talk.package.summary}</span>}
        {talk && talk.leaseEnds > 0 && <span class="badge hot">{t.timeRunsOut}</span>}
        {one.tags && one.tags.length > 0 && <span class="tags">{one.tags.map(tag => <span class="badge">{tag}</span>)}</span>}
    </a>;
}

function Sessions({ store }: { store: Store }) {
    useEffect(() => { // no event tells of what agents do
        const timer = setInterval(() => void store.refresh(), AGENTS_MS);
        return () => clearInterval(timer);
    }, [store]);
    if (!store.sessions.length) return <p class="list none soft">{t.noneAgents}</p>;
    return <ul class="list">{store.sessions.slice(0, 200).map(one => <li key={one.id}>
        <a href={`#${one.id}`} class="card" aria-current={store.current === one.id ? 'true' : undefined}
            onClick={event => { event.preventDefault(); void store.watch(one); }}>
            <span class="line"><bdi class="name">{one.agent ?? t.agent}</bdi>
                <time class="soft">{one.active ? age(one.active) : ''}</time></span>
            <span class="soft sub">{[one.channel, one.intent && plain(one.intent), one.language].filter(Boolean).join(' · ')}</span>
        </a></li>)}</ul>;
}

function Myself({ store }: { store: Store }) {
    const { me } = store, [isOn, setOn] = useState(bell());
    return <footer class="me">
        <span class={`avatar ${me.presence}`} aria-hidden="true">{initial(me.name)}</span>
        <div class="who"><bdi>{me.name}</bdi>
            <span class="soft">{me.capacity ? fill(t.openOf, { n: me.live, most: me.capacity }) : fill(t.open, { n: me.live })}</span></div>
        <label class="presence"><span class="hidden">{t.presence}</span>
            <select value={me.presence} onChange={event => store.presence(event.currentTarget.value as Presence)} title={`${t.presence} (Alt P)`}>
                {['available', 'away', 'offline'].map(one => <option value={one}>{word(one)}</option>)}
            </select></label>
        <label class="bell"><input type="checkbox" checked={isOn} onChange={event => {
            setOn(event.currentTarget.checked);
            void setBell(event.currentTarget.checked);
        }} /> {t.bell}</label>
        <LanguageSwitch />
        <button class="plain" onClick={() => store.signOut()}>{t.signOut}</button>
    </footer>;
}
