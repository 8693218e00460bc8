/** dom.ts - elements without markup: whatever comes from outside can only become text. */

type Child = Node | string | null | undefined | false;
type Listener = (event: any) => void;
export type Props = Record<string, string | number | boolean | null | undefined | Listener>;

/** Of the props a function is a listener, true an empty attribute, and false or null none. */
export function h<K extends keyof HTMLElementTagNameMap>(
    tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
        if (typeof value === 'function') element.addEventListener(name, value);
        else if (value !== false && value !== null && value !== undefined)
            element.setAttribute(name, value === true ? '' : String(value));
    }
    element.append(...children.filter((child): child is Node | string => !!child));
    return element;
}

/** An icon of 24 by 24, drawn in lines of the text's colour. */
export function icon(path: string): SVGSVGElement {
    const ns = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(ns, 'svg'), line = document.createElementNS(ns, 'path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    line.setAttribute('d', path);
    svg.append(line);
    return svg;
}
