/** brief.tsx - the transfer package at a glance: what a colleague would say in the doorway. */
import type { ComponentChildren } from 'preact';
import type { Package, Step } from './api';
import { fill, plain, t, time, word } from './words';

const steps = (list: Step[] | undefined, mark: string) => (list ?? []).map(one => <li>
    <span aria-hidden="true" class={`mark-${mark}`}>{mark === 'done' ? '✓' : '✕'}</span>
    <span>{plain(one.step ?? one.action ?? '')}{one.outcome && one.outcome !== 'ok' ? `: ${one.outcome}` : ''}
        {one.receipt && <span class="soft"> · {fill(t.receipt, { id: one.receipt })}</span>}</span></li>);

const Part = ({ title, children }: { title: string; children: ComponentChildren }) =>
    <div class="part"><h3>{title}</h3>{children}</div>;

export function Brief({ pack, reasonText }: { pack: Package; reasonText: string }) {
    const { customer = {}, reason = {}, risk_flags: risks = [], promises = [], done = [], failed = [] } = pack;
    const facts = [...Object.entries(customer.fields ?? {}), ...Object.entries(pack.entities ?? {})];
    const quotes = (reason.evidence ?? []).map(one => one.quote).filter(one => one && one !== pack.summary).slice(0, 2).join(' … ');
    const about = [customer.tier && plain(customer.tier), customer.verified ? t.verified : t.notVerified, customer.timezone].filter(Boolean);
    const intent = pack.intent?.status === 'resolved' ? undefined : pack.intent; // what is done with is not what it is about
    return <details class="brief" open>
        <summary><span class="badge reason">{reasonText}</span>
            {intent?.name && <span class="badge">{plain(intent.name)}{intent.confidence ? ` ${Math.round(intent.confidence * 100)} %` : ''}</span>}
            {pack.status === 'urgent' && <span class="badge hot">{t.urgent}</span>}
            {risks.map(flag => <span class="badge hot">{plain(flag)}</span>)}
            <span class="soft about">{about.join(' · ')}</span></summary>
        <div class="brief-body">
            <p class="summary" dir="auto">{pack.summary}</p>
            {reason.text && reason.text !== pack.summary && <p class="soft" dir="auto">{reason.text}</p>}
            {quotes && <blockquote dir="auto">{quotes}</blockquote>}
            <div class="parts">
                {(done.length > 0 || failed.length > 0) && <Part title={t.tried}><ul>{steps(done, 'done')}{steps(failed, 'failed')}</ul></Part>}
                {pack.open_question && <Part title={t.stillOpen}><p dir="auto">{pack.open_question}</p></Part>}
                {promises.length > 0 && <Part title={t.promised}><ul>{promises.map(one => <li><span>{word(one.what)}
                    {one.due && <span class="soft"> · {fill(t.dueBy, { time: time(one.due) })}</span>}{one.state && one.state !== 'made' && <span class="badge hot">{word(one.state)}</span>}</span></li>)}</ul></Part>}
                {facts.length > 0 && <Part title={t.known}><dl>{facts.map(([key, value]) => <div><dt>{plain(key)}</dt><dd><bdi>{value}</bdi></dd></div>)}</dl></Part>}
            </div>
        </div>
    </details>;
}
