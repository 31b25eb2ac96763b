// One ticket: an upload intent, and what came of it.
import { get, part } from './api.js'
import { h, theirs } from './dom.js'
import { follow } from './feed.js'
import { number, t } from './i18n.js'
import { badge, copyable, empty, facts, heading, page, panel, region, userLink, when } from './parts.js'
import { columns, row } from './view-uploads.js'
import { outcome } from './view-signatures.js'

const RELOADS = { recorded: true, updated: true, deleted: true }

export default async function ticket(view) {
  const { parts, signal } = view
  const ticket = parts[1]
  const place = h('div', {})
  const draw = async () => place.replaceChildren(await drawn(ticket, signal))
  await draw()
  follow((kind, change) => RELOADS[kind] && change.upload.ticket === ticket && draw().catch(() => {}), signal)
  return page(`${t('ticket')} ${ticket}`, heading([t('ticket'), ' ', copyable(ticket)]), place)
}

async function drawn(id, signal) {
  const ticket = await get(`/v1/tickets/${part(id)}`, {}, { signal })
  const last = ticket.issues.at(-1)
  const what = ticket.uploads.length ? 'used' : last ? outcome({ ...last, used: false }) : 'never_used'
  return h('div', { class: 'stack' }, panel(t('ticket.what'), facts(
    [t('user'), userLink(ticket.user_id)], [t('outcome'), [badge('outcome', what), ' ', t(`outcome.${what}.why`)]],
    [t('app'), ticket.app], [t('ticket.created_at'), when(ticket.created_at)],
    [t('context'), ticket.context === null ? null : h('code', {}, theirs(JSON.stringify(ticket.context), 4096))])),
  panel(t('uploads'), ticket.uploads.length
    ? region(t('uploads'), h('table', { class: 'list' }, h('caption', { class: 'unseen' }, t('uploads')),
      h('thead', {}, h('tr', {}, columns().map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))),
      h('tbody', {}, ticket.uploads.map((upload) => h('tr', {}, row(upload).map((cell, at) => h('td', { class: columns()[at][1], 'data-name': columns()[at][0] }, cell)))))))
    : empty(t('ticket.no_upload'), h('p', {}, t(`outcome.${what}.why`)))),
  panel(t('ticket.issues', { count: number(ticket.issues.length) }), region(t('permissions'), h('table', { class: 'list' },
    h('caption', { class: 'unseen' }, t('permissions')),
    h('thead', {}, h('tr', {}, [t('issued_at'), t('expires_at'), t('one_time'), t('procedure')].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, ticket.issues.map((issue) => h('tr', {}, h('td', {}, when(issue.issued_at)), h('td', {}, when(issue.expires_at)),
      h('td', {}, issue.one_time ? t('yes') : t('no')), h('td', {}, issue.procedure === null ? '–' : theirs(issue.procedure, 60)))))))))
}
