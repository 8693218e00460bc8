/** dashboard.tsx - who waits now, where customers drop off, which intents fail, and whether handing over is too late or too early. */
import { useEffect, useState } from 'preact/hooks';
import { useClock } from '../hooks';
import { LanguageSwitch } from '../language';
import { age, fill, language, plain, reason, t, word } from '../words';
import { Bars, Columns, Section, Table, type Row } from './charts';
import { Sessions, type Drill } from './sessions';
import { BYS, number, seconds, share, type By, type Figures, type Now, type Operator, type Report } from './data';

const HOUR = 3600000, DAY = 24 * HOUR;
const SPANS = [['hours24', DAY, 8], ['days7', 7 * DAY, 7], ['days30', 30 * DAY, 10]] as const; // name, length, columns
const SLOW = 1000; // ms between two looks at what is now

export function Dashboard({ operator, out }: { operator: Operator; out(): void }) {
    const [span, setSpan] = useState(1), [by, setBy] = useState<By>('intent');
    const [report, setReport] = useState<Report | null>(null), [intents, setIntents] = useState<Report | null>(null);
    const [error, setError] = useState(''), [drill, setDrill] = useState<Drill | null>(null), [asked, ask] = useState(0);

    useEffect(() => {
        let isOver = false;
        // Days are those of the calendar, today the last of them.
        const [, length, columns] = SPANS[span]!, to = span === 0 ? Date.now() : new Date().setHours(24, 0, 0, 0),
            at = (ms: number) => new Date(ms).toISOString();
        const run = async () => {
            const whole = await operator.report(at(to - length), at(to), by, columns);
            const byIntent = by === 'intent' ? whole : await operator.report(at(to - length), at(to), 'intent');
            if (isOver) return;
            setReport(whole);
            setIntents(byIntent);
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
            <span class="mark small" aria-hidden="true"><i /><i /></span><h1>{t.report}</h1>
            <div class="tabs" role="group" aria-label={t.time}>{SPANS.map(([name], i) =>
                <button class="tab" aria-pressed={span === i} onClick={() => setSpan(i)}>{t[name]}</button>)}</div>
            <label class="by">{t.by} <select value={by} onChange={event => setBy(event.currentTarget.value as By)}>
                {BYS.map(one => <option value={one}>{word(one)}</option>)}</select></label>
            <button class="plain" onClick={() => ask(asked + 1)}>{t.again}</button>
            <button class="plain" disabled={!report} onClick={save}>CSV</button>
            <button class="plain" onClick={out}>{t.signOut}</button>
            <LanguageSwitch />
        </header>
        <main>
            {error && <p class="bar bad" role="alert"><span>{error}</span></p>}
            <Live operator={operator} />
            {report ? <Figures_ report={report} by={by} intents={intents} isDay={span === 0} drill={setDrill} />
                : !error && <p class="soft none" role="status">{t.reading}</p>}
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
    if (!now) return <section class="panel"><h2>{t.now}</h2><p class="soft none">{isOn ? t.looking : t.noConnection}</p></section>;
    const waiting = now.queues.reduce((sum, one) => sum + one.waiting, 0), there = now.humans.filter(one => one.presence === 'available').length;
    const broken = now.agents.filter(one => one.breaker !== 'closed' || one.state !== 'open'), down = now.channels.filter(one => one.state !== 'open' || one.suspended);
    return <section class="panel now" aria-label={t.now}><h2>{t.now} {!isOn && <span class="badge hot">{t.offline}</span>}</h2>
        <dl class="tiles">
            <div><dt>{t.waiting}</dt><dd class={waiting ? 'hot' : ''}>{waiting}</dd></div>
            <div><dt>{t.available}</dt><dd>{there} <span class="soft">{fill(t.ofAll, { n: now.humans.length })}</span></dd></div>
            <div><dt>{t.inMemory}</dt><dd>{now.sessions}</dd></div>
            <div><dt>{t.agents}</dt><dd class={broken.length ? 'hot' : ''}>{broken.length ? fill(broken[0]!.breaker === 'closed' ? t.namesDown : t.namesAlone, { names: broken.map(one => one.name).join(', ') }) : t.allAnswer}</dd></div>
            <div><dt>{t.channels}</dt><dd class={down.length ? 'hot' : ''}>{down.length ? fill(t.namesDown, { names: down.map(one => one.name).join(', ') }) : t.allOpen}</dd></div>
        </dl>
        <Table title={t.liveTable} head={[t.what, t.state, t.waiting, t.now]} rows={[
            ...now.queues.map(one => [fill(t.queueName, { name: one.name }), one.open ? fill(t.openAble, { n: one.able }) : word('closed'), one.waiting, one.oldest ? fill(t.longest, { age: age(one.oldest) }) : '']),
            ...now.agents.map(one => [fill(t.agentName, { name: one.name }), fill(t.breaker, { state: word(one.state), breaker: word(one.breaker) }), one.waiting, fill(t.asked, { n: one.asked })]),
            ...now.channels.map(one => [fill(t.channelName, { name: one.name }), one.suspended ? t.suspended : word(one.state), one.waiting, fill(t.nSessions, { n: one.sessions })])]} />
    </section>;
}

interface Parts { report: Report; by: By; intents: Report | null; isDay: boolean; drill(to: Drill): void }

/** How a group is called: reasons are codes, all others are names of the conf or of agents. */
const called = (by: By, name: string) => by === 'reason' ? reason(name) : plain(name);

function Figures_({ report, by, intents, isDay, drill }: Parts) {
    const all = report.total, rated = (mean: number | null | undefined) => mean == null ? '–' : (Math.round(mean * 10) / 10).toLocaleString(language);
    const columns = report.columns.map(({ from, figures }) => ({ figures, name: isDay ? new Date(from).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })
        : new Date(from).toLocaleDateString(language, { day: 'numeric', month: 'short' }) }));
    const n = (figures: Figures, key: string) => figures[key] ?? 0;
    const cards: [string, string, string, string][] = [
        [t.handedOver, share(all.escalation_rate), fill(t.ofSessions, { n: number(all.escalated), all: number(all.sessions) }), 'escalated'],
        [t.keptByAgent, share(all.containment), fill(t.verifiedShare, { share: share(all.verified_containment) }), 'contained'],
        [t.untilAnswer, seconds(all.response_p50_s), fill(t.p90Of, { time: seconds(all.response_p90_s), n: number(all.responses) }), 'answered'],
        [t.gaveUp, share(all.abandonment), fill(t.ofHandoffs, { n: number(all.abandoned), all: number(all.escalations) }), 'abandoned'],
        [t.explainAgain, share(all.re_explain_rate), fill(t.askedAgain, { share: share(all.re_ask_rate) }), 'reexplain'],
        [t.resolvedByPerson, share(all.resolution_human), fill(t.byAgent, { share: share(all.resolution_contained) }), 'resolved'],
        [t.ratedPerson, all.csat_human_mean == null ? '–' : fill(t.scored, { n: rated(all.csat_human_mean) }), fill(t.agentAlone, { n: rated(all.csat_contained_mean) }), 'rated_low'],
        [t.promisesKept, all.promises_made ? fill(t.ofPromises, { n: number(all.promises_kept), all: number(all.promises_made) }) : '–', fill(t.nBroken, { n: number(all.promises_broken) }), 'promise_broken'],
    ];
    const drops: Row[] = report.groups.filter(one => n(one.figures, 'escalations') > 0).map(({ name, figures: f }) => ({
        name: called(by, name), parts: [{ label: t.gaveUpShort, value: n(f, 'abandoned'), tone: 'p1' }, { label: t.wait, value: n(f, 'waiting'), tone: 'p2' }, { label: t.answeredOnes, value: n(f, 'answered') }],
        text: fill(t.dropOffRow, { gone: n(f, 'abandoned'), wait: n(f, 'waiting'), answered: n(f, 'answered') }),
        open: () => drill({ title: fill(t.gaveUpOf, { name: called(by, name) }), mark: 'abandoned', by, group: name }) }));
    const failing: Row[] = (intents?.groups ?? []).map(({ name, figures: f }) => ({ name: plain(name), rate: f.escalation_rate ?? 0,
        parts: [{ label: t.handedOver, value: n(f, 'escalated'), tone: 'p1' as const }, { label: t.keptByAgent, value: n(f, 'sessions') - n(f, 'escalated') }],
        text: fill(t.intentRow, { share: share(f.escalation_rate), n: n(f, 'sessions'), failures: n(f, 'agent_failures') }),
        open: () => drill({ title: fill(t.handedOverOf, { name: plain(name) }), mark: 'escalated', by: 'intent' as By, group: name }) })).sort((a, b) => b.rate - a.rate);
    const timings = ['on_time', 'late', 'early', 'needless', 'missed', 'wrong_reason'];
    const timing: Row[] = timings.map(key => ({ name: word(key), parts: [{ label: word(key), value: n(all, key), tone: key === 'on_time' ? 'p0' : 'p1' }], text: number(n(all, key)),
        open: () => drill({ title: word(key), mark: key }) }));
    return <>
        <ul class="cards" aria-label={t.keyFigures}>{cards.map(([title, value, about, mark]) => <li><button onClick={() => drill({ title, mark })}>
            <span class="soft">{title}</span><b>{value}</b><span class="soft small">{about}</span></button></li>)}</ul>
        <Section title={t.overTime} about={t.overTimeAbout}>
            <Columns label={t.overTimeLabel} series={[t.sessions, t.handedOver, t.answeredOnes]}
                buckets={columns.map(({ name, figures: f }) => ({ name, values: [n(f, 'sessions'), n(f, 'escalated'), n(f, 'answered')] }))} />
            <Table title={t.overTime} head={[t.from, t.sessions, t.handedOver, t.answeredOnes, t.gaveUpShort, t.response50, 'p90']} rows={columns.map(({ name, figures: f }) => [name,
                n(f, 'sessions'), n(f, 'escalated'), n(f, 'answered'), n(f, 'abandoned'), seconds(f.response_p50_s), seconds(f.response_p90_s)])} />
        </Section>
        <div class="pair">
            <Section title={t.dropOff} about={fill(t.dropOffAbout, { by: word(by) })}>
                <Bars label={t.dropOffLabel} rows={drops} />
                <Table title={fill(t.dropOffTable, { by: word(by) })} head={[word(by), t.handoffs, t.gaveUpShort, t.wait, t.answeredOnes, t.response50, 'p95']} rows={report.groups.map(({ name, figures: f }) =>
                    [called(by, name), n(f, 'escalations'), n(f, 'abandoned'), n(f, 'waiting'), n(f, 'answered'), seconds(f.response_p50_s), seconds(f.response_p95_s)])} />
            </Section>
            <Section title={t.whichFail} about={t.whichFailAbout}>
                <Bars label={t.intents} rows={failing} />
                <Table title={t.intents} head={[t.intent, t.sessions, t.handedOver, t.agentFailures, t.unansweredQuestions, t.resolved]} rows={(intents?.groups ?? []).map(({ name, figures: f }) =>
                    [plain(name), n(f, 'sessions'), share(f.escalation_rate), n(f, 'agent_failures'), n(f, 'unanswered_questions'), n(f, 'resolved')])} />
            </Section>
            <Section title={t.tooLate} about={fill(t.tooLateAbout, { precision: share(all.precision), recall: share(all.recall), late: seconds(all.late_p50_s) })}>
                <Bars label={t.timing} rows={timing} />
                <Table title={t.timing} head={[t.verdict, t.sessions]} rows={timings.map(key => [word(key), n(all, key)])} />
            </Section>
            <Section title={t.why} about={t.whyAbout}>
                <Bars label={t.reason} rows={reasons(report, drill)} />
                <Table title={t.handoffs} head={[t.intent, t.reason, t.outcome, t.handoffs]} rows={report.escalations.map(one => [plain(one.intent), reason(one.reason), word(one.outcome), one.count])} />
            </Section>
        </div>
        {report.incomplete > 0 && <p class="soft small">{fill(t.incomplete, { n: report.incomplete })}</p>}
    </>;
}

function reasons(report: Report, drill: (to: Drill) => void): Row[] {
    const sums = new Map<string, number>();
    for (const one of report.escalations) sums.set(one.reason, (sums.get(one.reason) ?? 0) + one.count);
    return [...sums].sort((a, b) => b[1] - a[1]).map(([code, count]) => ({ name: reason(code), parts: [{ label: code, value: count }], text: number(count),
        open: () => drill({ title: reason(code), mark: 'escalated', by: 'reason', group: code }) }));
}
