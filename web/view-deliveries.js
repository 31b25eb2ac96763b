// What arrived: every body, quarantine included.
import { h, theirs } from './dom.js'
import { t } from './i18n.js'
import { filters, list } from './list.js'
import { badge, empty, heading, link, page, size, trouble, when, word } from './parts.js'
import { to } from './places.js'

export const QUARANTINE = ['empty', 'not_json', 'not_an_object', 'no_event', 'no_file_id', 'sign_missing', 'sign_wrong', 'sign_expired']

const row = (delivery) => [
  h('a', { href: to.delivery(delivery.id) }, when(delivery.received_at)),
  word('door', delivery.door),
  delivery.event_type === null ? h('span', { class: 'none' }, '–') : theirs(delivery.event_type, 80),
  delivery.state === 'quarantined' ? [badge('state', 'quarantined'), ' ', word('quarantine', delivery.quarantine_reason)] : badge('state', 'recorded'),
  delivery.file_id === null ? h('span', { class: 'none' }, '–')
    : [h('a', { href: to.upload(delivery), class: 'mono' }, delivery.file_id), delivery.files > 1 ? ` +${delivery.files - 1}` : null],
  delivery.format ?? h('span', { class: 'none' }, '–'),
  size(delivery.body_bytes) ?? t('blanked'),
]

export default async function deliveries({ params, signal, state }) {
  const inQuarantine = params.state === 'quarantined'
  const title = inQuarantine ? t('quarantine') : t('deliveries')
  if (!state.may('admin')) return page(title, heading(title), trouble({ status: 403, message: t('deliveries.admin') }))
  const listing = list({
    path: '/v1/deliveries', params, row, signal, caption: title,
    columns: [[t('received_at'), ''], [t('door'), ''], [t('event_type'), ''], [t('delivery.state'), ''], [t('file_id'), ''], [t('format'), ''], [t('size'), 'right']],
    empty: () => (inQuarantine ? empty(t('quarantine.empty'), h('p', {}, t('quarantine.empty.why'))) : empty(t('deliveries.none_such'))),
  })
  const wanted = [
    { name: 'state', label: t('delivery.state'), kind: 'choice', choices: ['recorded', 'quarantined'].map((code) => [code, word('state', code)]) },
    { name: 'door', label: t('door'), kind: 'choice', choices: ['push', 'pull', 'reconcile', 'replay'].map((code) => [code, word('door', code)]) },
    { name: 'event_type', label: t('event_type'), kind: 'text', hint: 'NewFileUpload' },
    { name: 'quarantine_reason', label: t('reason'), kind: 'text', hint: 'not_json' },
    { name: 'file_id', label: t('file_id'), kind: 'text' },
    { name: 'from', label: t('received.from'), kind: 'time' },
    { name: 'to', label: t('received.to'), kind: 'time' },
    state.session.apps.length > 1 ? { name: 'app', label: t('app'), kind: 'choice', choices: state.session.apps.map((app) => [app, app]) } : null,
  ].filter(Boolean)
  const drawn = page(title, heading(title, inQuarantine ? link(to.deliveries(), t('deliveries.all')) : link(to.deliveries({ state: 'quarantined' }), t('quarantine'))),
    h('p', { class: 'faint' }, t(inQuarantine ? 'quarantine.what' : 'deliveries.what')), filters(wanted, params, to.deliveries), listing)
  drawn.node.ready = listing.ready
  return drawn
}
