/** sessions.tsx - the sessions behind a figure; and of one of them, what was said and what happened. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { fill, plain, reason, t, time, word } from '../words';
import { PAGE, seconds, type Behind, type By, type Happened, type Operator, type Report } from './data';

export interface Drill { title: string; mark: string; by?: By; group?: string }
interface Props { operator: Operator; report: Report; drill: Drill; done(): void }

export function Sessions({ operator, report, drill, done }: Props) {
    const dialog = useRef<HTMLDialogElement>(null), [list, setList] = useState<Behind[] | null>(null), [why, setWhy] = useState('');
    const [session, setSession] = useState<string | null>(null), from = useRef('');
    useEffect(() => {
        dialog.current!.showModal();
        operator.behind(report.from, report.to, drill.mark, drill.by, drill.group).then(got => setList(got.sessions), (error: Error) => setWhy(error.message));
    }, []);
    useLayoutEffect(() => { // who comes back from a session stands where they left
        if (!session && from.current) dialog.current!.querySelector<HTMLElement>(`[data-session="${from.current}"]`)?.focus();
        from.current = session ?? '';
    }, [session]);
    return <dialog ref={dialog} class="wide" aria-labelledby="drill-title" onClose={done}><form method="dialog">
        <h2 id="drill-title">{drill.title}</h2>
        {why && <p role="alert" class="why">{why}</p>}
        {!list && !why && <p class="soft" role="status">{t.looking}</p>}
        {list && !list.length && <p class="soft">{t.noSession}</p>}
        {session ? <Journal operator={operator} session={session} back={() => setSession(null)} />
            : list && list.length > 0 && <List list={list} open={setSession} />}
        <footer><span class="soft small">{t.ctlHint}</span><button class="solid">{t.close}</button></footer>
    </form></dialog>;
}

const List = ({ list, open }: { list: Behind[]; open(session: string): void }) =>
    <div class="scroll" tabIndex={0} role="region" aria-label={t.sessions}><table>
        <thead><tr>{[t.session, t.began, t.channel, t.intent, t.reason, t.queue, t.outcome, t.response].map(one => <th scope="col">{one}</th>)}</tr></thead>
        <tbody>{list.map(one => <tr><th scope="row"><button type="button" class="id" data-session={one.session} title={fill(t.openJournal, { id: one.session })}
            onClick={() => open(one.session)}><code>{one.session}</code></button></th>
            <td>{time(one.at)}</td><td><bdi>{one.channel}</bdi></td><td><bdi>{one.intent && plain(one.intent)}</bdi></td>
            <td>{one.reason && reason(one.reason)}</td><td><bdi>{one.queue && plain(one.queue)}</bdi></td><td>{one.outcome && word(one.outcome)}</td>
            <td>{one.response_s === undefined ? '' : seconds(one.response_s)}</td></tr>)}</tbody>
    </table></div>;

const SAID = ['message', 'reply', 'note'];

function Journal({ operator, session, back }: { operator: Operator; session: string; back(): void }) {
    const [all, setAll] = useState<Happened[]>([]), [isMore, setMore] = useState(true), [isWhole, setWhole] = useState(false), [why, setWhy] = useState('');
    const first = useRef<HTMLButtonElement>(null);
    const more = () => operator.journal(session, all.at(-1)?.seq ?? 0).then(got => {
        setAll([...all, ...got]);
        setMore(got.length === PAGE);
    }, (error: Error) => setWhy(error.message));
    useEffect(() => {
        first.current!.focus();
        void more();
    }, []);
    const shown = isWhole ? all : all.filter(one => SAID.includes(one.type));
    return <>
        <p class="journal-top"><button ref={first} type="button" class="plain" onClick={back}>{t.toList}</button> <code>{session}</code>
            <label><input type="checkbox" checked={isWhole} onChange={event => setWhole(event.currentTarget.checked)} /> {t.everything}</label></p>
        {why && <p role="alert" class="why">{why}</p>}
        <div class="scroll" tabIndex={0} role="region" aria-label={t.journal}>
            <ol class="journal">{shown.map(one => <Line key={one.seq} one={one} />)}</ol>
            {!shown.length && !isMore && <p class="soft">{t.nothingSaid}</p>}
            {isMore && all.length > 0 && <button type="button" class="plain" onClick={more}>{t.more}</button>}
        </div>
    </>;
}

const AUTHORS: Record<string, 'agent' | 'colleague'> = { agent: 'agent', human: 'colleague' };

/** What was said stands as it was said; of all else, the facts as the journal has them, and the names of its numbers. */
function Line({ one: { type, seq, at, epoch, body, names, ...facts } }: { one: Happened }) {
    const isSaid = SAID.includes(type), author = type === 'message' ? 'customer' : AUTHORS[names?.author ?? ''] ?? 'gateway';
    const files = (body?.attachments ?? []).map((file: { name?: string }) => file.name).join(', ');
    return <li class={isSaid ? 'said' : ''}><span class="soft">{seq}</span> <time class="soft">{time(new Date(at).toISOString())}</time>{' '}
        <b>{type === 'note' ? fill(t.noteBy, { name: facts.name ?? '' }) : isSaid ? facts.name ?? t[author] : plain(type)}</b>{' '}
        {isSaid ? <span dir="auto">{body?.text ?? body?.note ?? body?.choice ?? ''}{files && ` (${files})`}</span>
            : <code>{Object.entries({ ...facts, ...names }).map(([key, value]) => `${key} ${value}`).join(' · ')}</code>}</li>;
}
