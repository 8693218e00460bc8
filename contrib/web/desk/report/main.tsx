/** main.tsx - signs an operator in, and shows the report. The token is kept for as long as the tab is open. */
import { render } from 'preact';
import { useState } from 'preact/hooks';
import { Refused } from '../api';
import { useLanguage } from '../hooks';
import { SignIn } from '../signin';
import { preferred, speak, t } from '../words';
import { Dashboard } from './dashboard';
import { Operator } from './data';

const KEY = 'tandem operator token';

function App() {
    const language = useLanguage();
    const [operator, setOperator] = useState<Operator | null>(null), [why, setWhy] = useState('');
    const [isBusy, setBusy] = useState(false), [isFirst, setFirst] = useState(true);
    const enter = async (token: string) => {
        setBusy(true);
        setWhy('');
        const one = new Operator(token);
        try {
            await one.now();
            sessionStorage.setItem(KEY, token);
            setOperator(one);
        } catch (error) {
            sessionStorage.removeItem(KEY);
            const status = error instanceof Refused ? error.status : 0;
            setWhy(status === 401 || status === 403 || status === 404 ? t.notAdmin : (error as Error).message);
        }
        setBusy(false);
    };
    if (isFirst) {
        setFirst(false);
        const kept = sessionStorage.getItem(KEY);
        if (kept) void enter(kept);
    }
    document.title = t.report;
    const out = () => {
        sessionStorage.removeItem(KEY);
        setOperator(null);
    };
    return operator ? <Dashboard key={language} operator={operator} out={out} />
        : <SignIn title={t.reportTitle} about={t.reportAbout} hint={t.reportHint} why={why} isBusy={isBusy} enter={enter} />;
}

speak(preferred()).catch(() => speak('en')).finally(() => render(<App />, document.getElementById('report')!));
