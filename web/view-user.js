// One user: where are his videos?
import { h, theirs } from './dom.js'
import { follow } from './feed.js'
import { t } from './i18n.js'
import { list } from './list.js'
import { copyable, empty, heading, link, page, panel } from './parts.js'
import { to } from './places.js'
import { columns, row } from './view-uploads.js'
import { columns as signatureColumns, row as signatureRow } from './view-signatures.js'

export default async function user({ parts, signal }) {
  const user = parts.slice(1).join('/')
  const except = (all, at) => all.filter((_, i) => i !== at)
  const draw = () => list({
    path: '/v1/uploads', params: { user_id: user }, signal, caption: t('uploads'), columns: except(columns(), 2), row: (upload) => except(row(upload), 2),
    empty: () => empty(t('user.no_uploads'), h('p', {}, t('user.no_uploads.why')), h('p', {}, link(to.uploads({ attribution: 'none' }), t('uploads.of_nobody')))),
  })
  const uploads = h('div', {}, draw())
  const signatures = list({
    path: '/v1/signatures', params: { user_id: user }, most: 10, signal, caption: t('permissions'), columns: except(signatureColumns(), 1), row: (line) => except(signatureRow(line), 1),
    empty: () => empty(t('user.no_signatures'), h('p', {}, t('user.no_signatures.why'))),
  })
  follow((_, change) => change.upload.user_id === user && uploads.replaceChildren(draw()), signal)
  const drawn = page(`${t('user')} ${user.slice(0, 80)}`, heading([t('user'), ' ', copyable(user, theirs(user, 300))]),
    panel(t('uploads'), uploads), panel(t('user.permissions'), signatures, h('p', {}, link(to.signatures({ user_id: user }), t('all')))))
  drawn.node.ready = Promise.all([uploads.firstChild.ready, signatures.ready])
  return drawn
}
