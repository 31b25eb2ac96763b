// The log of permissions.
import { h, theirs } from './dom.js'
import { t } from './i18n.js'
import { filters, list } from './list.js'
import { badge, empty, heading, page, ticketLink, userLink, when, word } from './parts.js'
import { firstUpload } from './first.js'
import { to } from './places.js'

// Uploads are resumed for a day after their signature has expired.
const RESUMED_WITHIN_MS = 86_400_000

export const columns = () => [
  [t('ticket'), ''], [t('user'), 'wide'], [t('outcome'), ''], [t('one_time'), ''], [t('procedure'), ''], [t('issued_to'), ''], [t('expires_at'), 'right'], [t('issued_at'), 'right'],
]

export const outcome = (line) =>
  line.used ? 'used' : new Date(line.expires_at).getTime() + RESUMED_WITHIN_MS > Date.now() ? 'pending' : 'never_used'

export const row = (line) => [
  ticketLink(line.ticket),
  userLink(line.user_id),
  badge('outcome', outcome(line)),
  line.one_time ? t('yes') : h('span', { class: 'none' }, t('no')),
  line.procedure === null ? h('span', { class: 'none' }, '–') : theirs(line.procedure, 60),
  theirs(line.issued_to, 60),
  when(line.expires_at),
  when(line.issued_at),
]

export default async function signatures({ params, signal, state }) {
  const title = t('permissions')
  const listing = list({
    path: '/v1/signatures', params, columns: columns(), row, signal, caption: title,
    empty: () => (Object.keys(params).length ? empty(t('signatures.none_such')) : firstUpload()),
  })
  const wanted = [
    { name: 'user_id', label: t('user'), kind: 'text' },
    { name: 'outcome', label: t('outcome'), kind: 'choice', choices: ['used', 'pending', 'never_used'].map((code) => [code, word('outcome', code)]) },
    { name: 'ticket', label: t('ticket'), kind: 'text', hint: 'vt_…' },
    { name: 'from', label: t('issued.from'), kind: 'time' },
    { name: 'to', label: t('issued.to'), kind: 'time' },
    state.session.apps.length > 1 ? { name: 'app', label: t('app'), kind: 'choice', choices: state.session.apps.map((app) => [app, app]) } : null,
  ].filter(Boolean)
  const drawn = page(title, heading(title), h('p', { class: 'faint' }, t('signatures.what')), filters(wanted, params, to.signatures), listing)
  drawn.node.ready = listing.ready
  return drawn
}
