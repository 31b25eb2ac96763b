// Small parts that several views use.
import { h, icon, theirs } from './dom.js'
import { ago, bytes, has, span, t, time } from './i18n.js'
import { to } from './places.js'

export const page = (title, ...rest) => ({ title, node: h('div', { class: 'view' }, rest) })

// A heading with what can be done beside it.
export const heading = (title, ...beside) =>
  h('div', { class: 'heading' }, h('h1', { tabindex: '-1' }, title), h('div', { class: 'beside' }, beside))

export const panel = (title, ...rest) => {
  const id = `p${(panel.count = (panel.count ?? 0) + 1)}`
  return h('section', { class: 'panel', 'aria-labelledby': id }, h('h2', { id }, title), rest)
}

export function when(text, relative = false) {
  if (!text) return h('span', { class: 'none' }, '–')
  return h('time', { datetime: text, title: relative ? time(text) : `${ago(text)} · ${text}` }, relative ? ago(text) : time(text))
}

// The word of a code, as a badge in its colour.
const KIND = {
  ticket: 'good', resolver: 'teal', manual: 'violet', none: 'warn',
  succeeded: 'good', partly_failed: 'warn', failed: 'bad', waiting: 'plain', processing: 'info',
  recorded: 'plain', quarantined: 'bad', refuted: 'bad', used: 'good', pending: 'info', never_used: 'plain',
  deleted: 'plain', vod: 'good', push: 'plain',
}
export const badge = (group, code, kind) =>
  h('span', { class: `badge ${kind ?? (code === 'none' && group !== 'method' ? 'plain' : KIND[code]) ?? 'plain'}` }, word(group, code))

export const word = (group, code) => (has(`${group}.${code}`) ? t(`${group}.${code}`) : code)

export const link = (address, ...children) => h('a', { href: address }, children)

export function userLink(user) {
  if (user === null || user === undefined) return h('span', { class: 'nobody' }, t('nobody'))
  return h('a', { href: to.user(user), class: 'clip' }, theirs(user, 80))
}

export const ticketLink = (ticket) => h('a', { href: to.ticket(ticket), class: 'mono' }, ticket)

export const fileLink = (upload) => h('a', { href: to.upload(upload), class: 'mono' }, upload.file_id)

// An address outside, told to nobody that we come from here; anything but the web is text.
export function outside(address) {
  if (!/^https?:\/\//i.test(address)) return theirs(address, 300)
  return h('a', { href: address, target: '_blank', rel: 'noopener noreferrer', class: 'outside' }, theirs(address, 300))
}

export const mono = (text, most) => h('span', { class: 'mono' }, theirs(text, most))

export function copyable(text, shown = mono(text, 300)) {
  const button = h('button', { class: 'ghost small', type: 'button', 'aria-label': t('copy'), title: t('copy') }, icon('copy'))
  button.addEventListener('click', async () => {
    await navigator.clipboard?.writeText(text).catch(() => {})
    button.classList.add('done')
    announce(t('copied'))
    setTimeout(() => button.classList.remove('done'), 1200)
  })
  return h('span', { class: 'copyable' }, shown, button)
}

// A part that scrolls sideways, by the keyboard too.
export const region = (name, ...rest) => h('div', { class: 'scroll', role: 'region', 'aria-label': name, tabindex: '0' }, rest)

// A list of names and what they are; those without anything are left out.
export const facts = (...pairs) =>
  h('dl', { class: 'facts' }, pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== '')
    .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))

export const empty = (title, ...rest) => h('div', { class: 'empty' }, h('p', { class: 'what' }, title), rest)

export const code = (text) => {
  const button = h('button', { class: 'ghost small', type: 'button' }, t('copy'))
  button.addEventListener('click', async () => {
    await navigator.clipboard?.writeText(text).catch(() => {})
    announce(t('copied'))
  })
  return h('div', { class: 'code' }, h('pre', { tabindex: '0' }, text), button)
}

let announcer
export const announcements = () =>
  (announcer ??= h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' }))

// For those who do not see what changed.
export function announce(text) {
  announcements().textContent = text
}

// What went wrong, and what to do about it.
export function trouble(fault, again) {
  const words = fault.status === 0 ? t('trouble.unreachable')
    : fault.status === 503 ? t('trouble.away')
      : fault.status === 403 ? t('trouble.forbidden')
        : fault.status === 404 ? t('trouble.unknown')
          : t('trouble.other')
  return h('div', { class: 'trouble', role: 'alert' }, h('p', { class: 'what' }, words),
    fault.status && fault.status !== 503 ? h('p', {}, fault.message) : null,
    fault.requestId && fault.status >= 500 ? h('p', { class: 'faint' }, `X-Request-Id: ${fault.requestId}`) : null,
    again && fault.status !== 404 ? h('button', { type: 'button', on: { click: again } }, t('again')) : null)
}

export const size = (count) => (count === null || count === undefined ? null : bytes(count))

export const delay = (from, until) => (from && until ? span((new Date(until) - new Date(from)) / 1000) : null)
