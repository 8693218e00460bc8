/** dashboard.tsx - who waits now, where customers drop off, which intents fail, and whether handing over is too late or too early. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useClock } from '../hooks';
import { age, plain, reason, time } from '../words';
import { Bars, Columns, Section, Table, type Row } from './charts';
import { BYS, number, seconds, share, type Behind, type By, type Figures, type Now, type Operator, type Report } from './data';

const HOUR = 3600000, DAY = 24 * HOUR;
const SPANS: [name: string, ms: number, columns: number][] = [['24 hours', DAY, 8], ['7 days', 7 * DAY, 7], ['30 days', 30 * DAY, 10]];
const SLOW = 1000; // ms between two looks at what is now

interface Drill { title: string; mark: string; by?: By; group?: string }

export function Dashboard({ operator, out }: { operator: Operator; out(): void }) {
    const [span, setSpan] = useState(1), [by, setBy] = useState<By>('intent');
    const [report, setReport] = useState<Report | null>(null), [intents, setIntents] = useState<Report | null>(null);
    const [buckets, setBuckets] = useState<{ name: string; total: Figures }[]>([]);
    const [error, setError] = useState(''), [drill, setDrill] = useState<Drill | null>(null), [asked, ask] = useState(0);

    useEffect(() => {
        let isOver = false;
        // Days are those of the calendar, today the last of them.
        const [, length, columns] = SPANS[span]!, to = span === 0 ? Date.now() : new Date().setHours(24, 0, 0, 0),
            at = (t: number) => new Date(t).toISOString();
        const run = async () => {
            const whole = await operator.report(at(to - length), at(to), by);
            if (isOver) return;
            setReport(whole);
            const byIntent = by === 'intent' ? whole : await operator.report(at(to - length), at(to), 'intent');
            if (isOver) return;
            setIntents(byIntent);
            const list: { name: string; total: Figures }[] = [];
            for (let i = 0; i < columns && !isOver; i++) {
                const from = to - length + length / columns * i, one = await operator.report(at(from), at(from + length / columns), by);
                list.push({ name: span === 0 ? new Date(from).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
                    : new Date(from).toLocaleDateString([], { day: 'numeric', month: 'short' }), total: one.total });
                if (!isOver) setBuckets([...list]);
            }
            setError('');
        };
        run().catch((why: Error) => { if (!isOver) setError(why.message); });
        return () => { isOver = true; };
    }, [operator, span, by, asked]);

    const save = async () => {
        const url = URL.createObjectURL(await operator.csv(report!.from, report!.to, by));
        const link = Object.assign(document.createElement('a'), { href: url, download: `tandem-${by}.csv` });
        link.click();
        URL.revokeObjectURL(url);
    };
    return <div class="report">
        <header class="top">
            <span class="mark small" aria-hidden="true"><i /><i /></span><h1>Report</h1>
            <div class="tabs" role="group" aria-label="Time">{SPANS.map(([name], i) =>
                <button class="tab" aria-pressed={span === i} onClick={() => setSpan(i)}>{name}</button>)}</div>
            <label class="by">By <select value={by} onChange={event => setBy(event.currentTarget.value as By)}>
                {BYS.map(one => <option value={one}>{plain(one)}</option>)}</select></label>
            <button class="plain" onClick={() => ask(asked + 1)}>Again</button>
            <button class="plain" disabled={!report} onClick={save}>CSV</button>
            <button class="plain" onClick={out}>Sign out</button>
        </header>
        <main>
            {error && <p class="bar bad" role="alert"><span>{error}</span></p>}
            <Live operator={operator} />
            {report ? <Figures_ report={report} by={by} intents={intents} buckets={buckets} drill={setDrill} />
                : !error && <p class="soft none" role="status">Reading the journal…</p>}
        </main>
        {drill && report && <Sessions operator={operator} report={report} drill={drill} done={() => setDrill(null)} />}
    </div>;
}

/** What is now, by the event stream. */
function Live({ operator }: { operator: Operator }) {
    const [now, setNow] = useState<Now | null>(null), [isOn, setOn] = useState(true);
    useClock(5000);
    useEffect(() => {
        let isWaiting = false;
        const look = () => {
            if (isWaiting) return;
            isWaiting = true;
            setTimeout(() => {
                isWaiting = false;
                operator.now().then(setNow, () => {});
            }, now ? SLOW : 0);
        };
        return operator.follow(look, setOn);
    }, [operator]);
    if (!now) return <section class="panel"><h2>Now</h2><p class="soft none">{isOn ? 'Looking…' : 'No connection to the gateway. It is tried again by itself.'}</p></section>;
    const waiting = now.queues.reduce((sum, one) => sum + one.waiting, 0), there = now.humans.filter(one => one.presence === 'available').length;
    const broken = now.agents.filter(one => one.breaker !== 'closed' || one.state !== 'open'), down = now.channels.filter(one => one.state !== 'open' || one.suspended);
    return <section class="panel now" aria-label="Now"><h2>Now {!isOn && <span class="badge hot">no connection</span>}</h2>
        <dl class="tiles">
            <div><dt>Waiting</dt><dd class={waiting ? 'hot' : ''}>{waiting}</dd></div>
            <div><dt>People available</dt><dd>{there} <span class="soft">of {now.humans.length}</span></dd></div>
            <div><dt>Sessions in memory</dt><dd>{now.sessions}</dd></div>
            <div><dt>Agents</dt><dd class={broken.length ? 'hot' : ''}>{broken.length ? `${broken.map(one => one.name).join(', ')} ${broken[0]!.breaker === 'closed' ? 'down' : 'left alone'}` : 'All answer'}</dd></div>
            <div><dt>Channels</dt><dd class={down.length ? 'hot' : ''}>{down.length ? `${down.map(one => one.name).join(', ')} down` : 'All open'}</dd></div>
        </dl>
        <Table title="queues, agents and channels" head={['What', 'State', 'Waiting', 'Now']} rows={[
            ...now.queues.map(one => [`Queue ${one.name}`, one.open ? `open, ${one.able} able` : 'closed', one.waiting, one.oldest ? `longest ${age(one.oldest)}` : '']),
            ...now.agents.map(one => [`Agent ${one.name}`, `${one.state}, breaker ${one.breaker}`, one.waiting, `${one.asked} asked`]),
            ...now.channels.map(one => [`Channel ${one.name}`, one.suspended ? 'suspended' : one.state, one.waiting, `${one.sessions} sessions`])]} />
    </section>;
}

interface Parts { report: Report; by: By; intents: Report | null; buckets: { name: string; total: Figures }[]; drill(to: Drill): void }

function Figures_({ report, by, intents, buckets, drill }: Parts) {
    const t = report.total, n = (figures: Figures, key: string) => figures[key] ?? 0;
    const cards: [string, string, string, string][] = [
        ['Handed over', share(t.escalation_rate), `${number(t.escalated)} of ${number(t.sessions)} sessions`, 'escalated'],
        ['Kept by the agent', share(t.containment), `verified ${share(t.verified_containment)}`, 'contained'],
        ['Until a person answers', seconds(t.response_p50_s), `p90 ${seconds(t.response_p90_s)}, of ${number(t.responses)}`, 'answered'],
        ['Gave up waiting', share(t.abandonment), `${number(t.abandoned)} of ${number(t.escalations)} handoffs`, 'abandoned'],
        ['Had to explain again', share(t.re_explain_rate), `asked again ${share(t.re_ask_rate)}`, 'reexplain'],
        ['Resolved by a person', share(t.resolution_human), `by the agent ${share(t.resolution_contained)}`, 'resolved'],
        ['Rated, with a person', t.csat_human_mean == null ? '–' : `${Math.round(t.csat_human_mean * 10) / 10} of 5`, `agent alone ${t.csat_contained_mean == null ? '–' : Math.round(t.csat_contained_mean * 10) / 10}`, 'rated_low'],
        ['Promises kept', t.promises_made ? `${number(t.promises_kept)} of ${number(t.promises_made)}` : '–', `${number(t.promises_broken)} broken`, 'promise_broken'],
    ];
    const drops: Row[] = report.groups.filter(one => n(one.figures, 'escalations') > 0).map(({ name, figures: f }) => ({
        name, parts: [{ label: 'gave up', value: n(f, 'abandoned'), tone: 'p1' }, { label: 'wait', value: n(f, 'waiting'), tone: 'p2' }, { label: 'answered', value: n(f, 'answered') }],
        text: `${n(f, 'abandoned')} gave up, ${n(f, 'waiting')} wait, ${n(f, 'answered')} answered`,
        open: () => drill({ title: `Gave up: ${plain(name)}`, mark: 'abandoned', by, group: name }) }));
    const failing: Row[] = (intents?.groups ?? []).map(({ name, figures: f }) => ({ name, rate: f.escalation_rate ?? 0,
        parts: [{ label: 'handed over', value: n(f, 'escalated'), tone: 'p1' as const }, { label: 'kept', value: n(f, 'sessions') - n(f, 'escalated') }],
        text: `${share(f.escalation_rate)} of ${n(f, 'sessions')}, ${n(f, 'agent_failures')} failures`,
        open: () => drill({ title: `Handed over: ${plain(name)}`, mark: 'escalated', by: 'intent' as By, group: name }) })).sort((a, b) => b.rate - a.rate);
    const timings = ['on_time', 'late', 'early', 'needless', 'missed', 'wrong_reason'];
    const timing: Row[] = timings.map(key => ({ name: key, parts: [{ label: key, value: n(t, key), tone: key === 'on_time' ? 'p0' : 'p1' }], text: number(n(t, key)),
        open: () => drill({ title: plain(key), mark: key }) }));
    return <>
        <ul class="cards" aria-label="Key figures">{cards.map(([title, value, about, mark]) => <li><button onClick={() => drill({ title, mark })}>
            <span class="soft">{title}</span><b>{value}</b><span class="soft small">{about}</span></button></li>)}</ul>
        <Section title="Over time" about="Sessions that began, how many of them were handed over, and how many a person answered.">
            <Columns label="Sessions, handed over and answered, over time; the numbers are in the table" series={['Sessions', 'Handed over', 'Answered']}
                buckets={buckets.map(one => ({ name: one.name, values: [n(one.total, 'sessions'), n(one.total, 'escalated'), n(one.total, 'answered')] }))} />
            <Table title="over time" head={['From', 'Sessions', 'Handed over', 'Answered', 'Gave up', 'Response p50', 'p90']} rows={buckets.map(one => [one.name,
                n(one.total, 'sessions'), n(one.total, 'escalated'), n(one.total, 'answered'), n(one.total, 'abandoned'), seconds(one.total.response_p50_s), seconds(one.total.response_p90_s)])} />
        </Section>
        <div class="pair">
            <Section title="Where do customers drop off?" about={`What became of handoffs, by ${by}.`}>
                <Bars label="Drop-off" rows={drops} />
                <Table title={`drop-off by ${by}`} head={[plain(by), 'Handoffs', 'Gave up', 'Wait', 'Answered', 'Response p50', 'p95']} rows={report.groups.map(({ name, figures: f }) =>
                    [plain(name), n(f, 'escalations'), n(f, 'abandoned'), n(f, 'waiting'), n(f, 'answered'), seconds(f.response_p50_s), seconds(f.response_p95_s)])} />
            </Section>
            <Section title="Which intents fail?" about="Share that was handed over, and how often the agent failed.">
                <Bars label="Intents" rows={failing} />
                <Table title="intents" head={['Intent', 'Sessions', 'Handed over', 'Agent failures', 'Unanswered questions', 'Resolved']} rows={(intents?.groups ?? []).map(({ name, figures: f }) =>
                    [plain(name), n(f, 'sessions'), share(f.escalation_rate), n(f, 'agent_failures'), n(f, 'unanswered_questions'), n(f, 'resolved')])} />
            </Section>
            <Section title="Too late, or too early?" about={`Judged by the rules and by what humans said. Precision ${share(t.precision)}, recall ${share(t.recall)}; late by ${seconds(t.late_p50_s)} in the middle.`}>
                <Bars label="Timing" rows={timing} />
                <Table title="timing" head={['Verdict', 'Sessions']} rows={timings.map(key => [plain(key), n(t, key)])} />
            </Section>
            <Section title="Why handed over, and how it ended" about="Intent, reason and outcome of every handoff.">
                <Bars label="Reasons" rows={reasons(report, drill)} />
                <Table title="handoffs" head={['Intent', 'Reason', 'Outcome', 'Handoffs']} rows={report.escalations.map(one => [plain(one.intent), reason(one.reason), plain(one.outcome), one.count])} />
            </Section>
        </div>
        {report.incomplete > 0 && <p class="soft small">{report.incomplete} sessions are left out: the beginning of their journal is gone.</p>}
    </>;
}

function reasons(report: Report, drill: (to: Drill) => void): Row[] {
    const sums = new Map<string, number>();
    for (const one of report.escalations) sums.set(one.reason, (sums.get(one.reason) ?? 0) + one.count);
    return [...sums].sort((a, b) => b[1] - a[1]).map(([code, count]) => ({ name: reason(code), parts: [{ label: code, value: count }], text: number(count),
        open: () => drill({ title: reason(code), mark: 'escalated', by: 'reason', group: code }) }));
}

function Sessions({ operator, report, drill, done }: { operator: Operator; report: Report; drill: Drill; done(): void }) {
    const dialog = useRef<HTMLDialogElement>(null), [list, setList] = useState<Behind[] | null>(null), [why, setWhy] = useState('');
    useEffect(() => {
        dialog.current!.showModal();
        operator.behind(report.from, report.to, drill.mark, drill.by, drill.group).then(got => setList(got.sessions), (error: Error) => setWhy(error.message));
    }, []);
    return <dialog ref={dialog} class="wide" aria-labelledby="drill-title" onClose={done}><form method="dialog">
        <h2 id="drill-title">{drill.title}</h2>
        {why && <p role="alert" class="why">{why}</p>}
        {!list && !why && <p class="soft" role="status">Looking…</p>}
        {list && !list.length && <p class="soft">No session in this time.</p>}
        {list && list.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Sessions"><table>
            <thead><tr>{['Session', 'Began', 'Channel', 'Intent', 'Reason', 'Queue', 'Outcome', 'Response'].map(one => <th scope="col">{one}</th>)}</tr></thead>
            <tbody>{list.map(one => <tr><th scope="row"><code>{one.session}</code></th><td>{time(one.at)}</td><td><bdi>{one.channel}</bdi></td><td><bdi>{one.intent && plain(one.intent)}</bdi></td>
                <td>{one.reason && reason(one.reason)}</td><td><bdi>{one.queue && plain(one.queue)}</bdi></td><td>{one.outcome && plain(one.outcome)}</td><td>{one.response_s === undefined ? '' : seconds(one.response_s)}</td></tr>)}</tbody>
        </table></div>}
        <footer><span class="soft small">tandemctl journal SESSION shows what happened, step by step.</span><button class="solid">Close</button></footer>
    </form></dialog>;
}
