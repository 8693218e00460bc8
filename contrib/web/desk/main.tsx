/** main.tsx - signs in, and shows the desk. The token is kept for as long as the tab is open. */
import { render } from 'preact';
import { useState } from 'preact/hooks';
import { Refused } from './api';
import { Desk } from './desk';
import { useLanguage } from './hooks';
import { SignIn } from './signin';
import { Store } from './store';
import { preferred, speak, t } from './words';

const KEY = 'tandem desk token';

function App() {
    const language = useLanguage();
    const [store, setStore] = useState<Store | null>(null);
    const [why, setWhy] = useState('');
    const [isBusy, setBusy] = useState(false);
    const [isFirst, setFirst] = useState(true);

    const enter = async (token: string) => {
        setBusy(true);
        setWhy('');
        try {
            const opened = await Store.open(token, reason => {
                sessionStorage.removeItem(KEY);
                setStore(null);
                setWhy(reason);
            });
            sessionStorage.setItem(KEY, token);
            setStore(opened);
        } catch (error) {
            if (error instanceof Refused && error.status === 401) {
                sessionStorage.removeItem(KEY);
                setWhy(t.nobodyWithToken);
            } else setWhy((error as Error).message);
        }
        setBusy(false);
    };
    if (isFirst) {
        setFirst(false);
        const kept = sessionStorage.getItem(KEY);
        if (kept) void enter(kept);
    }
    return store ? <Desk key={language} store={store} /> : <SignIn title={t.deskTitle} about={t.deskAbout} hint={t.deskHint}
        why={why} isBusy={isBusy} enter={enter} />;
}

speak(preferred()).catch(() => speak('en')).finally(() => render(<App />, document.getElementById('desk')!));
