/** words.ts - codes of the gateway as a human reads them, and times as they are felt. */
import { moment } from '../shared/text';

const REASONS: Record<string, string> = {
    customer_request: 'Asked for a person', no_grounding: 'No source for an answer', conflicting_data: 'Conflicting data',
    policy_exception: 'Exception to a policy', pricing_exception: 'Exception to a price', refund_dispute: 'Refund disputed',
    frustration: 'Frustrated', repeated_complaint: 'Complains again', cancel_threat: 'Wants to leave', service_outage: 'Service is down',
    vulnerable: 'Vulnerable customer', verification_failed: 'Not verified', action_error: 'An action failed', loop_detected: 'Going in circles',
    clarify_budget: 'Too many questions asked', agent_unavailable: 'The agent could not answer', agent_requested: 'The agent asked for help',
    unbacked_claim: 'A claim without a receipt', custom_quote: 'Wants a quote', sales_call: 'Wants a sales call', onboarding: 'Onboarding',
    negotiation: 'Negotiation', security: 'Security', legal: 'Legal', injection_attempt: 'Tried to steer the agent',
    human_takeover: 'Taken over', supervisor: 'Supervisor', unclassified: 'Other',
};
export const reasons = Object.entries(REASONS);

/** A code that is not known stands for itself, readably. */
export const reason = (code = ''): string => REASONS[code] ?? plain(code);

export const plain = (code: string): string => {
    const text = code.replace(/[_-]+/g, ' ').trim();
    return text.charAt(0).toUpperCase() + text.slice(1);
};

/** How long ago, short: 40 s, 12 min, 3 h, 2 d. */
export function age(since: string, now = Date.now()): string {
    const s = Math.max(0, Math.round((now - Date.parse(since)) / 1000));
    return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86400 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
}

export const time = (at: string): string => moment(at);
