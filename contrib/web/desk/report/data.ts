/** data.ts - the operators' API as the report uses it: figures, sessions behind them, what is now. */
import { Refused } from '../api';
import { fill, language, t, unitOf } from '../words';

export const BYS = ['intent', 'reason', 'queue', 'channel', 'agent'] as const;
export type By = typeof BYS[number];

/** conf/schemas/report.json has them all; null: nothing to divide by. */
export type Figures = Record<string, number | null> & { name?: never };
export interface Group { name: string; figures: Figures }
export interface Report {
    from: string; to: string; read: number; incomplete: number; total: Figures; groups: Group[];
    columns: { from: string; figures: Figures }[]; // equal parts of the time
    escalations: { intent: string; reason: string; outcome: string; count: number }[];
}
export interface Behind {
    session: string; at: string; channel?: string; agent?: string; intent?: string; queue?: string; reason?: string;
    outcome?: string; response_s?: number; marks: string[]; questions?: { text?: string; why: string }[];
}
export interface Now {
    sessions: number;
    queues: { name: string; open: boolean; waiting: number; able: number; oldest?: string }[];
    humans: { name: string; presence: string; live: number; capacity: number }[];
    agents: { name: string; state: string; breaker: string; asked: number; waiting: number }[];
    channels: { name: string; state: string; suspended: boolean; sessions: number; waiting: number; failed: number }[];
}

/** A record of the journal: facts, what the numbers among them mean, and what somebody said in its body. */
export type Happened = { type: string; seq: number; at: number; name?: string; names?: Record<string, string>; body?: Record<string, any> } & Record<string, any>;
export const PAGE = 200;

export class Operator {
    private readonly base = new URL('../../api/v1/', location.href);

    constructor(readonly token: string) {}

    /** With the figures of so many equal parts of the time; the journal is read once. */
    async report(from: string, to: string, by: By, columns?: number): Promise<Report> {
        const got = await this.get<any>(`report?${query({ from, to, by, columns: columns?.toString() })}`);
        const groups = (got.groups ?? []).map(({ name, ...figures }: any) => ({ name, figures }));
        const parts = (got.columns ?? []).map(({ from, to: _, ...figures }: any) => ({ from, figures }));
        return { ...got, groups, columns: parts };
    }

    async behind(from: string, to: string, mark: string, by?: By, group?: string): Promise<{ sessions: Behind[]; more: boolean }> {
        return this.get(`report?${query({ from, to, sessions: mark, ...(group !== undefined && { by, group }) })}`);
    }

    /** What happened in a session after that place in its journal. */
    async journal(session: string, after: number): Promise<Happened[]> {
        const answer = await this.fetch(`sessions/${session}/journal?${query({ bodies: '1', max: String(PAGE), after: String(after) })}`);
        return (await answer.text()).split('\n').filter(Boolean).map(line => JSON.parse(line));
    }

    async csv(from: string, to: string, by: By): Promise<Blob> {
        return (await this.fetch(`report?${query({ from, to, by, format: 'csv' })}`)).blob();
    }

    async now(): Promise<Now> {
        const [status, desks, agents, channels, handoffs] = await Promise.all([this.get<any>('status'), this.get<any>('desks'),
            this.get<any>('agents'), this.get<any>('channels'), this.get<any>('handoffs')]);
        const waiting = (handoffs.handoffs as any[]).filter(one => one.state === 'queued');
        const oldest = (queue: string) => waiting.filter(one => one.queue === queue).map(one => one.since as string).sort()[0];
        const humans = new Map(desks.desks.flatMap((desk: any) => desk.humans).map((one: any) => [one.id, one]));
        return {
            sessions: status.gate?.sessions?.memory ?? 0, agents: agents.agents, channels: channels.channels,
            queues: desks.desks.flatMap((desk: any) => desk.queues.map((one: any) => ({ ...one, oldest: oldest(one.name) }))),
            humans: [...humans.values()] as Now['humans'],
        };
    }

    /** Calls whenever something happens, until it is stopped; goes on by itself after a break. */
    follow(happened: () => void, connected: (on: boolean) => void): () => void {
        const stop = new AbortController();
        const run = async () => {
            while (!stop.signal.aborted) {
                try {
                    const answer = await this.fetch('events', stop.signal), reader = answer.body!.getReader();
                    connected(true);
                    happened();
                    while (!(await reader.read()).done) happened();
                } catch { /* it is away */ }
                if (stop.signal.aborted) return;
                connected(false);
                await new Promise(done => setTimeout(done, 2000));
            }
        };
        void run();
        return () => stop.abort();
    }

    private async get<T>(path: string): Promise<T> { return (await this.fetch(path)).json(); }

    private async fetch(path: string, signal?: AbortSignal): Promise<Response> {
        const answer = await fetch(new URL(path, this.base), { headers: { Authorization: `Bearer ${this.token}` }, cache: 'no-store', signal: signal ?? null })
            .catch(() => { throw new Refused(0, t.notReached); });
        if (answer.ok) return answer;
        const said = await answer.json().catch(() => null);
        throw new Refused(answer.status, said?.error?.message ?? fill(t.answered, { status: answer.status }));
    }
}

const query = (values: Record<string, string | undefined>) =>
    new URLSearchParams(Object.entries(values).filter((one): one is [string, string] => one[1] !== undefined)).toString();

export const share = (value: number | null | undefined): string => value == null ? '–' : new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(value);
export const number = (value: number | null | undefined): string => value == null ? '–' : value.toLocaleString(language);
export function seconds(value: number | null | undefined): string {
    if (value == null) return '–';
    return value < 100 ? unitOf(value, 'second', 1) : value < 6000 ? unitOf(value / 60, 'minute') : unitOf(value / 3600, 'hour', 1);
}
