/** charts.tsx - bars that carry their numbers, so that nobody needs their colours; a table behind each. */
import type { ComponentChildren } from 'preact';
import { fill, t } from '../words';

/** tone: p0 is what is well, p1 what is not, p2 what lies between. */
export interface Part { label: string; value: number; tone?: 'p0' | 'p1' | 'p2' }
export interface Row { name: string; parts: Part[]; text: string; open?(): void }

/** Bars of one length scale, side by side in a row when they have parts. */
export function Bars({ rows, label }: { rows: Row[]; label: string }) {
    const most = Math.max(1e-9, ...rows.map(row => row.parts.reduce((sum, part) => sum + part.value, 0)));
    if (!rows.length) return <p class="soft none">{t.nothing}</p>;
    return <ul class="bars" aria-label={label}>{rows.map(row => <li key={row.name}>
        <span class="bar-name"><bdi>{row.name}</bdi></span>
        <span class="track" aria-hidden="true">{row.parts.filter(part => part.value > 0).map(part =>
            <span class={`fill ${part.tone ?? 'p0'}`} style={{ inlineSize: `${part.value / most * 100}%` }} title={`${part.label}: ${part.value}`} />)}</span>
        {row.open ? <button class="figure" onClick={row.open}>{row.text}</button> : <span class="figure">{row.text}</span>}
    </li>)}</ul>;
}

/** Columns over time, of two or three series; each has its pattern and its letter. */
export function Columns({ label, series, buckets }: { label: string; series: string[]; buckets: { name: string; values: number[] }[] }) {
    const most = Math.max(1, ...buckets.flatMap(one => one.values));
    return <figure class="columns"><div class="plot" role="img" aria-label={label}>{buckets.map(one => <div class="slot" key={one.name}>
        <div class="stack">{one.values.map((value, i) => <span class={`column p${i}`} style={{ blockSize: `${value / most * 100}%` }}><b>{value || ''}</b></span>)}</div>
        <span class="tick">{one.name}</span></div>)}</div>
    <figcaption>{series.map((name, i) => <span><i class={`p${i}`} aria-hidden="true" />{name}</span>)}</figcaption></figure>;
}

export function Table({ head, rows, title }: { title: string; head: string[]; rows: (string | number)[][] }) {
    return <details class="behind"><summary>{fill(t.table, { title })}</summary><div class="scroll" tabIndex={0} role="region" aria-label={title}><table>
        <thead><tr>{head.map((one, i) => <th scope="col" class={i ? 'n' : ''}>{one}</th>)}</tr></thead>
        <tbody>{rows.map(row => <tr>{row.map((one, i) => i ? <td class="n">{one}</td> : <th scope="row"><bdi>{one}</bdi></th>)}</tr>)}</tbody>
    </table></div></details>;
}

export function Section({ title, about, children }: { title: string; about: string; children: ComponentChildren }) {
    return <section class="panel"><h2>{title}</h2><p class="soft small">{about}</p>{children}</section>;
}
