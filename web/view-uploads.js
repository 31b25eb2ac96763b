// The list of uploads.
import { h, theirs } from './dom.js'
import { follow } from './feed.js'
import { number, t } from './i18n.js'
import { filters, list } from './list.js'
import { badge, empty, fileLink, heading, page, size, userLink, when, word } from './parts.js'
import { firstUpload } from './first.js'
import { to } from './places.js'

const codes = (group, all) => all.map((code) => [code, word(group, code)])

export const METHODS = ['ticket', 'resolver', 'manual', 'none']
export const REASONS = ['ticket', 'session_ticket', 'resolver', 'manual', 'no_context', 'foreign_context', 'unknown_ticket', 'wrong_app', 'contexts_differ', 'refuted', 'erased']
export const PROCESSING = ['none', 'waiting', 'processing', 'succeeded', 'partly_failed', 'failed']

export const columns = () => [
  [t('uploads.name'), 'wide'], [t('file_id'), ''], [t('user'), 'wide'], [t('attribution'), ''], [t('processing'), ''], [t('size'), 'right'], [t('recorded_at'), 'right'],
]

export const row = (upload) => [
  h('a', { href: to.upload(upload), class: 'clip title' }, upload.name === null ? h('span', { class: 'none' }, t('unnamed')) : theirs(upload.name, 120)),
  fileLink(upload),
  userLink(upload.user_id),
  badge('method', upload.attribution.method === 'none' ? 'none' : upload.attribution.method),
  [upload.processing === 'none' ? h('span', { class: 'none' }, '–') : badge('processing', upload.processing),
    upload.deleted_at ? [' ', badge('state', 'deleted')] : null, upload.confirmed === 'refuted' ? [' ', badge('confirmed', 'refuted')] : null],
  size(upload.media.size_bytes) ?? h('span', { class: 'none' }, '–'),
  when(upload.recorded_at),
]

export default async function uploads({ params, signal, state }) {
  const title = params.attribution === 'none' && Object.keys(params).length === 1 ? t('uploads.of_nobody') : t('uploads')
  const fresh = h('button', { type: 'button', class: 'fresh', hidden: true })
  const isNewest = params.order !== 'asc' && !params.to
  let count = 0
  const draw = () => list({
    path: '/v1/uploads', params, columns: columns(), row, signal, caption: title,
    empty: () => (Object.keys(params).length ? empty(t('uploads.none_such'), h('p', {}, t('uploads.fewer'))) : firstUpload()),
  })
  const place = h('div', {}, draw())
  fresh.addEventListener('click', () => {
    count = 0
    fresh.hidden = true
    place.replaceChildren(draw())
  })
  const matches = ({ upload }) => (!params.app || upload.app === params.app) && (!params.user_id || upload.user_id === params.user_id)
    && (!params.attribution || upload.attribution.method === params.attribution) && (!params.reason || upload.attribution.reason === params.reason)
  if (isNewest) follow((kind, change) => {
    if (kind !== 'recorded' || !matches(change)) return
    count += 1
    fresh.hidden = false
    fresh.textContent = t('uploads.fresh', { count: number(count) })
  }, signal)
  const wanted = [
    { name: 'user_id', label: t('user'), kind: 'text' },
    { name: 'attribution', label: t('attribution'), kind: 'choice', choices: codes('method', METHODS) },
    { name: 'reason', label: t('reason'), kind: 'choice', choices: codes('reason', REASONS) },
    { name: 'processing', label: t('processing'), kind: 'choice', choices: codes('processing', PROCESSING) },
    { name: 'from', label: t('recorded.from'), kind: 'time' },
    { name: 'to', label: t('recorded.to'), kind: 'time' },
    { name: 'uploaded_from', label: t('uploaded.from'), kind: 'time' },
    { name: 'uploaded_to', label: t('uploaded.to'), kind: 'time' },
    { name: 'file_id', label: t('file_id'), kind: 'text' },
    { name: 'ticket', label: t('ticket'), kind: 'text', hint: 'vt_…' },
    { name: 'task', label: t('task'), kind: 'text' },
    { name: 'confirmed', label: t('confirmed'), kind: 'choice', choices: codes('confirmed', ['vod', 'push', 'refuted']) },
    { name: 'deleted', label: t('deleted'), kind: 'choice', choices: [['true', t('yes')], ['false', t('no')]] },
    state.session.apps.length > 1 ? { name: 'app', label: t('app'), kind: 'choice', choices: state.session.apps.map((app) => [app, app]) } : null,
    { name: 'order', label: t('order'), kind: 'choice', choices: [['desc', t('order.desc')], ['asc', t('order.asc')]] },
  ].filter(Boolean)
  const drawn = page(title, heading(title, fresh), filters(wanted, params, to.uploads), place)
  drawn.node.ready = place.firstChild.ready
  return drawn
}

