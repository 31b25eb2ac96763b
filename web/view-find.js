// Whatever was typed: goes where it is, or shows what there is of that name.
import { get, part, post } from './api.js'
import { h, theirs } from './dom.js'
import { t } from './i18n.js'
import { badge, empty, heading, link, page, panel, userLink } from './parts.js'
import { amend, go, to } from './places.js'

const TICKET = /^vt_[0-9a-z]{26}$/i
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const FILE_ID = /^[\w-]{1,64}$/
// A signature is base64 of 20 bytes and `secretId=...`; no id of anybody's is as long.
const SIGNATURE = /^[A-Za-z0-9+/\s]{100,}={0,2}$/

// Of several places that have it, each is told; a place that refuses has none.
const asked = (question) => question.catch((fault) => {
  if (fault.name === 'AbortError' || fault.status === 503 || fault.status === 0) throw fault
  return null
})

export default async function find({ params, signal, state }) {
  const text = (params.q ?? '').trim()
  const title = t('find.title')
  if (!text) return page(title, heading(title), empty(t('find.nothing_asked'), hints()))
  if (SIGNATURE.test(text) || /^[[{]/.test(text)) {
    amend(to.inspect())
    state.pasted = text
    go(to.inspect())
    return page(title, heading(title))
  }
  if (TICKET.test(text)) {
    const ticket = await asked(get(`/v1/tickets/${part(text)}`, {}, { signal }))
    const address = ticket ? to.ticket(ticket.ticket) : to.uploads({ ticket: text })
    return arrive(title, address)
  }
  if (UUID.test(text) && state.may('admin') && await asked(get(`/v1/deliveries/${part(text)}`, {}, { signal }))) return arrive(title, to.delivery(text))

  const bytes = new TextEncoder().encode(text).length
  const fits = bytes <= 256
  const [files, ofUser, signed, ofTask] = await Promise.all([
    FILE_ID.test(text) ? asked(post('/v1/uploads/lookup', { file_ids: [text] }, { signal })) : null,
    fits ? asked(get('/v1/uploads', { user_id: text, limit: 1 }, { signal })) : null,
    fits ? asked(get('/v1/signatures', { user_id: text, limit: 1 }, { signal })) : null,
    fits ? asked(get('/v1/uploads', { task: text, limit: 2 }, { signal })) : null,
  ])
  const found = []
  for (const upload of files?.items ?? []) found.push([to.upload(upload), t('find.file'), upload])
  if (ofUser?.items.length || signed?.items.length) found.push([to.user(text), t('find.user'), null])
  if (ofTask?.items.length === 1) found.push([to.upload(ofTask.items[0]), t('find.task'), ofTask.items[0]])
  else if (ofTask?.items.length) found.push([to.uploads({ task: text }), t('find.task'), null])
  if (found.length === 1) return arrive(title, found[0][0])
  if (!found.length) {
    return page(title, heading(title), empty(h('span', {}, t('find.nothing'), ' ', h('code', {}, theirs(text, 200))), h('p', {}, t('find.nothing.why')), hints()))
  }
  return page(title, heading(title), panel(t('find.several'), h('ul', { class: 'found' }, found.map(([address, what, upload]) =>
    h('li', {}, link(address, what, ' ', theirs(text, 80)), upload ? [' ', userLink(upload.user_id), ' ', badge('method', upload.attribution.method)] : null)))))
}

// The way back leads to where one was, not here again.
function arrive(title, address) {
  history.replaceState(null, '', address)
  window.dispatchEvent(new HashChangeEvent('hashchange'))
  return page(title, heading(title))
}

const hints = () => h('ul', { class: 'hints' }, ['user', 'file', 'ticket', 'task', 'signature'].map((what) => h('li', {}, t(`find.hint.${what}`))))
