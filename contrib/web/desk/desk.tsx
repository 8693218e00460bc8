/** desk.tsx - the whole page of a human who has signed in. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Conversation } from './conversation';
import { Close, GiveBack, Keys, Move, Transfer } from './dialogs';
import { useKeys, useStore } from './hooks';
import { Rail } from './rail';
import type { Store } from './store';
import { fill, t } from './words';

export type Dialog = 'transfer' | 'return' | 'close' | 'move' | 'keys' | null;

/** What is drawn in this turn of the page is there in the next. */
const focus = (selector: string) => setTimeout(() => document.querySelector<HTMLElement>(selector)?.focus());

export function Desk({ store }: { store: Store }) {
    useStore(store);
    const [dialog, setDialog] = useState<Dialog>(null);
    const [isPicking, setPicking] = useState(false);
    const from = useRef<Element | null>(null);
    const { talk } = store, isMine = !!talk && store.isMine(talk.id);

    const ask = (which: Dialog) => {
        if (document.activeElement !== document.body) from.current = document.activeElement;
        setDialog(which);
    };
    const answered = () => {
        setDialog(null);
        setTimeout(() => { // when the dialog has gone
            if (from.current?.isConnected) (from.current as HTMLElement).focus();
            else document.querySelector<HTMLElement>('.composer textarea, .tab[aria-pressed=true]')?.focus();
        });
    };

    useKeys(code => {
        if (dialog) return false;
        const digit = /^Digit([1-9])$/.exec(code)?.[1];
        if (digit) {
            const one = store.lists.mine[Number(digit) - 1];
            if (one) {
                store.view = 'mine';
                void store.open(one).then(() => focus('.composer textarea'));
            }
            return !!one;
        }
        switch (code) {
        case 'KeyM': store.show('mine'); focus('.list a, .tab[aria-pressed=true]'); return true;
        case 'KeyW': store.show('waiting'); focus('.list a, .tab[aria-pressed=true]'); return true;
        case 'KeyP':
            void store.presence(store.me.presence === 'available' ? 'away' : 'available');
            return true;
        case 'Slash': ask('keys'); return true;
        case 'KeyA': {
            const one = store.lists.queued.find(h => h.id === store.current) ?? store.lists.queued[0];
            if (one) void store.accept(one.id).then(() => focus('.composer textarea'));
            return true;
        }
        }
        if (!talk) return false;
        if (code === 'KeyH') { void store.earlier(talk); return true; }
        if (!isMine) return false;
        switch (code) {
        case 'KeyR':
        case 'KeyN':
            talk.isNote = code === 'KeyN';
            store.now();
            focus('.composer textarea');
            return true;
        case 'KeyC': setPicking(true); return true;
        case 'KeyU': document.querySelector<HTMLElement>('.composer input[type=file]')?.click(); return true;
        case 'KeyT': ask('transfer'); return true;
        case 'KeyB': ask('return'); return true;
        case 'KeyX': ask('close'); return true;
        case 'KeyG':
            if (store.canMove(talk)) ask('move');
            return true;
        case 'KeyK': void store.extend(talk); return true;
        }
        return false;
    });

    useEffect(() => {
        const look = () => store.seen();
        const open = (event: Event) => {
            const one = store.handoff((event as CustomEvent<string>).detail);
            if (one) void store.open(one);
        };
        document.addEventListener('visibilitychange', look);
        addEventListener('focus', look);
        addEventListener('desk-open', open);
        return () => {
            document.removeEventListener('visibilitychange', look);
            removeEventListener('focus', look);
            removeEventListener('desk-open', open);
        };
    }, [store]);

    const unread = [...store.talks.values()].reduce((sum, one) => sum + one.unread, 0);
    useEffect(() => { document.title = unread ? `(${unread}) ${t.desk}` : t.desk; }, [unread]);

    return <div class={talk ? 'desk has-talk' : 'desk'}>
        <Rail store={store} keys={() => ask('keys')} />
        <main>
            <h1 class="hidden">{t.desk}</h1>
            {store.error && <p class="bar bad" role="alert"><span>{store.error}</span>
                <button class="plain" onClick={() => store.dismiss()}>{t.dismiss}</button></p>}
            {!store.isConnected && <p class="bar bad" role="status">{t.noConnection}</p>}
            {talk ? <Conversation key={talk.id} store={store} talk={talk} ask={ask} isPicking={isPicking} setPicking={setPicking} />
                : <Nobody store={store} />}
        </main>
        <p class="hidden" role="status">{store.spoken}</p>
        {dialog === 'keys' && <Keys done={answered} />}
        {talk && dialog === 'transfer' && <Transfer store={store} talk={talk} done={answered} />}
        {talk && dialog === 'return' && <GiveBack store={store} talk={talk} done={answered} />}
        {talk && dialog === 'move' && <Move store={store} talk={talk} done={answered} />}
        {talk && dialog === 'close' && <Close store={store} talk={talk} done={answered} />}
    </div>;
}

function Nobody({ store }: { store: Store }) {
    const { queued, mine } = store.lists, first = queued[0];
    return <section class="nobody">
        <span class="mark" aria-hidden="true"><i /><i /></span>
        <h2>{mine.length ? t.chooseOne : queued.length ? t.somebodyWaits : t.nobodyWaits}</h2>
        <p class="soft">{queued.length ? fill(t.inQueue, { n: queued.length })
            : store.me.presence === 'available' ? t.youWillHear : t.youAreAway}</p>
        {first && <button class="solid" onClick={() => store.accept(first.id)}>{t.acceptFirst} <kbd>Alt A</kbd></button>}
        {!first && store.me.presence !== 'available' &&
            <button class="solid" onClick={() => store.presence('available')}>{t.beAvailable} <kbd>Alt P</kbd></button>}
    </section>;
}
