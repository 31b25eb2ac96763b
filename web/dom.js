// Elements, made without markup: whatever a text holds, it shows as text.

const SVG = 'http://www.w3.org/2000/svg'

// h('a', { href, class, on: { click } }, ...children): children are nodes, texts, arrays of them, or nothing.
export function h(tag, props, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue
    if (name === 'on') for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard)
    else if (name === 'value') element.value = value
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  append(element, children)
  return element
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false || child === '') continue
    element.append(child instanceof Node ? child : String(child))
  }
}

export function replace(element, ...children) {
  element.replaceChildren()
  append(element, children)
}

const ICONS = {
  copy: 'M9 9V5a1 1 0 0 1 1-1h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-4M5 9h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1z',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zm5 12 4.5 4.5',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300 19 19M19 5l-1.700 1.700M6.700 17.300 5 19',
  out: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
}

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', ICONS[name])
  svg.append(path)
  return svg
}

// Controls, and what turns the direction of writing: invisible, so they are shown by their number.
const INVISIBLE = /([\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}])/u

// A text that a stranger wrote. It cannot turn what stands beside it, and hides nothing; a long one is cut at `most`. The
// line breaks of a body are what they are.
export function theirs(text, most = 10_000, isBody = false) {
  const letters = text.length > most ? `${text.slice(0, most)}…` : text
  const parts = letters.split(INVISIBLE).map((part, at) => {
    if (at % 2 === 0 || (isBody && /^[\t\r\n]$/.test(part))) return part
    const number = part.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')
    return h('span', { class: 'invisible' }, `U+${number}`)
  })
  return h('bdi', { class: 'theirs', title: text.length > most ? text.slice(0, 300) : undefined }, parts)
}
