/** notify.ts - a sound and a notification of the system, each as far as the human wants it. */
import { t } from './words';

const KEY = 'tandem desk bell';

let audio: AudioContext | null = null;
let isOn = localStorage.getItem(KEY) !== 'off';

export const bell = (): boolean => isOn;

export const canAsk = (): boolean => 'Notification' in window && Notification.permission === 'default';

/** Turns both on or off; the system is asked the first time. */
export async function setBell(on: boolean): Promise<void> {
    isOn = on;
    localStorage.setItem(KEY, on ? 'on' : 'off');
    if (on && canAsk()) await Notification.requestPermission();
    if (on) tone();
}

export function ring(text: string, about: string): void {
    if (!isOn) return;
    tone();
    if (document.visibilityState === 'visible' && document.hasFocus()) return;
    if ('Notification' in window && Notification.permission === 'granted') {
        const shown = new Notification(t.desk, { body: text.slice(0, 200), tag: about });
        shown.onclick = () => {
            window.focus();
            dispatchEvent(new CustomEvent('desk-open', { detail: about }));
        };
    }
}

/** Two soft notes. Silent until the human has touched the page: browsers want that. */
function tone(): void {
    try {
        audio ??= new AudioContext();
    } catch {
        return;
    }
    const { currentTime: now } = audio;
    for (const [i, pitch] of [659, 880].entries()) {
        const note = audio.createOscillator(), volume = audio.createGain();
        note.frequency.value = pitch;
        volume.gain.setValueAtTime(0, now + i * 0.14);
        volume.gain.linearRampToValueAtTime(0.12, now + i * 0.14 + 0.02);
        volume.gain.exponentialRampToValueAtTime(0.001, now + i * 0.14 + 0.3);
        note.connect(volume).connect(audio.destination);
        note.start(now + i * 0.14);
        note.stop(now + i * 0.14 + 0.32);
    }
}
