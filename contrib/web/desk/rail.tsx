/** rail.tsx - on the side: who this is and whether they are there; who waits; who they have. */
import { useEffect, useState } from 'preact/hooks';
import { initial } from '../shared/text';
import type { Handoff, Presence } from './api';
import { useClock } from './hooks';
import { bell, setBell } from './notify';
import type { Store, View } from './store';
import { age, plain, reason } from './words';

const AGENTS_MS = 5000;

export function Rail({ store, keys }: { store: Store; keys(): void }) {
    const { lists, me, view } = store;
    const tabs: [View, string, number][] = [['mine', 'Mine', lists.mine.length], ['waiting', 'Waiting', lists.queued.length],
        ...(me.supervise ? [['agents', 'Agents', -1] as [View, string, number]] : []), ['closed', 'Closed', -1]];
    return <nav class="rail" aria-label="Conversations">
        <header>
            <span class="mark small" aria-hidden="true"><i /><i /></span>
            <p class="title">Desk</p>
            <button class="plain key" onClick={keys} title="Keyboard shortcuts (Alt /)">Keys <kbd>Alt /</kbd></button>
        </header>
        <div class="tabs" role="group" aria-label="Which conversations">
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
    const list = view === 'mine' ? lists.mine : view === 'waiting' ? lists.queued : lists.closed;
    if (!list.length)
        return <p class="list none soft">{{ mine: 'You have nobody right now.', waiting: 'Nobody waits.', closed: 'Nothing has ended yet.' }[view]}</p>;
    return <ul class="list">{list.slice(0, 200).map((one, i) => <li key={one.id}><Card store={store} one={one} n={i + 1} /></li>)}</ul>;
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
            {one.priority > 0 && <span class="badge hot">Priority {one.priority}</span>}
            {talk && talk.unread > 0 && <span class="count">{talk.unread}<span class="hidden"> unread</span></span>}
            <time class="soft">{one.state === 'closed' ? age(one.ended ?? one.since) : age(one.since)}</time>
        </span>
        <span class="soft sub">{isMine && talk?.isTyping ? 'is typing…' : isMine && last?.text ? last.text.slice(0, 90)
            : [reason(one.reason), plain(one.queue), one.outcome && plain(one.outcome), one.language].filter(Boolean).join(' · ')}</span>
        {one.state === 'queued' && talk?.package?.summary && <span class="soft need">{talk.package.summary}</span>}
        {talk && talk.leaseEnds > 0 && <span class="badge hot">Time runs out</span>}
        {one.tags && one.tags.length > 0 && <span class="tags">{one.tags.map(tag => <span class="badge">{tag}</span>)}</span>}
    </a>;
}

function Sessions({ store }: { store: Store }) {
    useEffect(() => { // no event tells of what agents do
        const timer = setInterval(() => void store.refresh(), AGENTS_MS);
        return () => clearInterval(timer);
    }, [store]);
    if (!store.sessions.length) return <p class="list none soft">No agent talks to anybody right now.</p>;
    return <ul class="list">{store.sessions.slice(0, 200).map(one => <li key={one.id}>
        <a href={`#${one.id}`} class="card" aria-current={store.current === one.id ? 'true' : undefined}
            onClick={event => { event.preventDefault(); void store.watch(one); }}>
            <span class="line"><bdi class="name">{one.agent ?? 'Agent'}</bdi>
                <time class="soft">{one.active ? age(one.active) : ''}</time></span>
            <span class="soft sub">{[one.channel, one.intent && plain(one.intent), one.language].filter(Boolean).join(' · ')}</span>
        </a></li>)}</ul>;
}

function Myself({ store }: { store: Store }) {
    const { me } = store, [isOn, setOn] = useState(bell());
    return <footer class="me">
        <span class={`avatar ${me.presence}`} aria-hidden="true">{initial(me.name)}</span>
        <div class="who"><bdi>{me.name}</bdi>
            <span class="soft">{me.live}{me.capacity ? ` of ${me.capacity}` : ''} open</span></div>
        <label class="presence"><span class="hidden">Presence</span>
            <select value={me.presence} onChange={event => store.presence(event.currentTarget.value as Presence)} title="Presence (Alt P)">
                <option value="available">Available</option><option value="away">Away</option><option value="offline">Offline</option>
            </select></label>
        <label class="bell"><input type="checkbox" checked={isOn} onChange={event => {
            setOn(event.currentTarget.checked);
            void setBell(event.currentTarget.checked);
        }} /> Sound and notifications</label>
        <button class="plain" onClick={() => store.signOut()}>Sign out</button>
    </footer>;
}
