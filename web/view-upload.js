// One upload: whose it is and why, and all that happened to it.
import { get, part, put } from './api.js'
import { h, theirs } from './dom.js'
import { follow } from './feed.js'
import { number, span, t } from './i18n.js'
import { badge, copyable, delay, facts, heading, link, mono, outside, page, panel, size, ticketLink, trouble, userLink, when, word } from './parts.js'
import { to } from './places.js'
import { body } from './view-delivery.js'

export default async function upload(view) {
  const { parts, params, signal, state } = view
  const at = `/v1/uploads/${part(parts[1])}`
  const place = h('div', {})
  const title = h('span', {})
  let name = parts[1]
  async function draw() {
    const upload = await get(at, { app: params.app }, { signal })
    name = upload.name ?? upload.file_id
    title.replaceChildren(upload.name === null ? upload.file_id : theirs(upload.name))
    place.replaceChildren(story(upload, state, draw))
  }
  await draw()
  follow((_, change) => change.upload.file_id === parts[1] && draw().catch(() => {}), signal)
  return page(`${name.slice(0, 80)}`, heading(title), place)
}

function story(upload, state, draw) {
  return h('div', { class: 'stack' },
    h('div', { class: 'badges' }, badge('method', upload.attribution.method), upload.processing === 'none' ? null : badge('processing', upload.processing),
      badge('confirmed', upload.confirmed), upload.deleted_at ? badge('state', 'deleted') : null),
    warnings(upload),
    h('div', { class: 'two' },
      panel(t('whose.title'), whose(upload), state.may('admin') ? assign(upload, draw) : null),
      panel(t('file.title'), file(upload))),
    panel(t('story.title'), h('p', { class: 'faint' }, t('story.what')), line(upload, state)),
    upload.tasks.length ? panel(t('tasks.title'), tasks(upload)) : null)
}

function warnings(upload) {
  const signs = upload.misuse.signs.map((sign) => h('li', {}, t(`misuse.${sign}`, {
    files: number(upload.misuse.files_on_ticket), late: span(upload.misuse.seconds_after_expiry ?? 0),
  })))
  if (upload.confirmed === 'refuted') signs.push(h('li', {}, t('misuse.refuted')))
  return signs.length ? h('ul', { class: 'signs', role: 'note' }, signs) : null
}

function whose(upload) {
  const { method, reason, detail, decided_at } = upload.attribution
  return [
    h('p', { class: 'large' }, userLink(upload.user_id)),
    h('p', {}, t(`why.${reason}`), detail ? [' ', h('q', {}, theirs(detail, 1000))] : null),
    facts([t('attribution'), [word('method', method), ' · ', h('code', {}, reason)]], [t('decided_at'), when(decided_at)],
      [t('ticket'), upload.ticket && ticketLink(upload.ticket)],
      [t('source_context'), upload.source_context !== null && upload.source_context !== upload.ticket ? h('code', {}, theirs(upload.source_context, 1000)) : null],
      [t('context'), upload.context === null ? null : h('code', {}, theirs(JSON.stringify(upload.context), 4096))]),
    method === 'none' ? h('p', { class: 'next' }, t(`next.${reason}`)) : null,
  ]
}

// Whose it is, by a person's word.
function assign(upload, draw) {
  const user = h('input', { id: 'assign-user', type: 'text', required: true, maxlength: '256', spellcheck: 'false', autocomplete: 'off' })
  const reason = h('input', { id: 'assign-reason', type: 'text', required: true, maxlength: '1000', autocomplete: 'off' })
  const told = h('div', {})
  const decide = async (user_id, why) => {
    told.replaceChildren()
    try {
      await put(`/v1/uploads/${part(upload.file_id)}/attribution?app=${part(upload.app)}`, { user_id, reason: why })
      await draw()
    } catch (fault) {
      told.replaceChildren(trouble(fault))
    }
  }
  const form = h('form', { class: 'assign', on: { submit: (event) => {
    event.preventDefault()
    decide(user.value, reason.value)
  } } }, h('div', {}, h('label', { for: 'assign-user' }, t('assign.user')), user), h('div', {}, h('label', { for: 'assign-reason' }, t('assign.reason')), reason),
  h('button', { type: 'submit', class: 'primary' }, t('assign.do')),
  upload.attribution.method === 'manual'
    ? h('button', { type: 'button', on: { click: () => reason.reportValidity() && decide(null, reason.value) } }, t('assign.undo')) : null, told)
  return h('details', { class: 'assigning', open: upload.attribution.method === 'none' }, h('summary', {}, t('assign.title')), h('p', { class: 'faint' }, t('assign.what')), form)
}

function file(upload) {
  const { media } = upload
  return facts(
    [t('uploads.name'), upload.name !== null && upload.name.length > 120 ? h('details', {}, h('summary', {}, t('file.whole_name', { count: number(upload.name.length) })), theirs(upload.name)) : null],
    [t('file_id'), copyable(upload.file_id)], [t('app'), upload.app],
    [t('file.type'), upload.type && theirs(upload.type, 60)], [t('size'), size(media.size_bytes)],
    [t('file.duration'), media.duration_s === null ? null : span(media.duration_s)],
    [t('file.picture'), media.width && media.height ? `${media.width} × ${media.height}` : null],
    [t('file.bitrate'), media.bitrate_bps ? `${number(Math.round(media.bitrate_bps / 1000))} kbit/s` : null],
    [t('file.address'), upload.media_url && outside(upload.media_url)], [t('file.cover'), upload.cover_url && outside(upload.cover_url)],
    [t('file.region'), upload.storage_region && theirs(upload.storage_region, 60)], [t('file.class'), upload.class_id === null ? null : String(upload.class_id)],
    [t('file.source'), upload.source_type && theirs(upload.source_type, 60)],
    [t('uploaded_at'), upload.uploaded_at && when(upload.uploaded_at)], [t('recorded_at'), when(upload.recorded_at)],
    [t('file.delay'), delay(upload.uploaded_at, upload.recorded_at)])
}

// Everything that is known to have happened, in the order in which it did.
function events(upload, state) {
  const all = upload.issues.map((issue, at) => ({
    at: issue.issued_at, kind: 'issue', what: t(at ? 'story.signature_again' : 'story.signature'),
    more: [t('expires_at'), ' ', when(issue.expires_at), issue.one_time ? ` · ${t('one_time')}` : null, issue.procedure === null ? null : [' · ', t('procedure'), ' ', theirs(issue.procedure, 80)]],
  }))
  if (upload.uploaded_at) all.push({ at: upload.uploaded_at, by: withinItsSecond(upload), kind: 'vod', what: t('story.uploaded'), more: t('story.by_vods_clock') })
  upload.deliveries.forEach((delivery, at) => all.push({
    at: delivery.received_at, kind: delivery.refuted ? 'bad' : 'delivery', what: [t(`story.door.${delivery.door}`), ' ', h('code', {}, theirs(delivery.event_type ?? '?', 80))],
    more: [delivery.format ? `${t('format')} ${delivery.format}` : null, at && delivery.event_type === upload.deliveries[at - 1].event_type ? ` · ${t('story.again')}` : null,
      delivery.refuted ? ` · ${t(`refuted.${delivery.refuted}`)}` : null],
    raw: state.may('admin') ? delivery.id : null,
  }))
  all.push({ at: upload.recorded_at, kind: 'record', what: t('story.recorded'), more: delay(upload.uploaded_at, upload.recorded_at) && t('story.after', { delay: delay(upload.uploaded_at, upload.recorded_at) }) })
  for (const task of upload.tasks) {
    all.push({ at: task.updated_at, kind: task.state === 'failed' ? 'bad' : 'task', what: [t(`role.${task.role}`), ' ', badge('processing', task.state)],
      more: [mono(task.task_id, 120), task.message ? [' · ', theirs(task.message, 300)] : null] })
  }
  for (const change of upload.attribution_changes) {
    all.push({ at: change.at, kind: 'change', what: [t('story.verdict'), ' ', userLink(change.user_before), ' → ', userLink(change.user_after)],
      more: [word('reason', change.reason_before), ' → ', word('reason', change.reason_after), ' · ', by(change.decided_by), change.note ? [' · ', h('q', {}, theirs(change.note, 1000))] : null] })
  }
  if (upload.deleted_at) all.push({ at: upload.deleted_at, kind: 'bad', what: t('story.deleted') })
  const order = ['issue', 'vod', 'delivery', 'record', 'task', 'change', 'bad']
  const instant = ({ at, by }) => by ?? Date.parse(at)
  return all.sort((a, b) => instant(a) - instant(b) || order.indexOf(a.kind) - order.indexOf(b.kind))
}

// VOD tells whole seconds: it was somewhere within that one, after the signature and before VOD told of it.
function withinItsSecond(upload) {
  const began = Date.parse(upload.uploaded_at)
  const told = upload.deliveries.map((delivery) => Date.parse(delivery.received_at)).filter((at) => at >= began)
  return Math.min(began + 999, ...told)
}

function by(decided) {
  const [what, id] = decided.split(/ (.*)/s)
  if (what === 'delivery') return link(to.delivery(id), t('story.by_delivery'))
  if (what === 'key') return [t('story.by_key'), ' ', theirs(id, 64)]
  return theirs(decided, 80)
}

function line(upload, state) {
  return h('ol', { class: 'story' }, events(upload, state).map(({ at, kind, what, more, raw }) => {
    const item = h('li', { class: kind }, when(at), h('div', {}, h('div', { class: 'event' }, what, raw ? [' ', rawButton(raw)] : null), h('div', { class: 'faint' }, more)))
    return item
  }))
}

function rawButton(id) {
  const button = h('button', { type: 'button', class: 'small', 'aria-expanded': 'false' }, t('raw'))
  button.addEventListener('click', async () => {
    const event = button.closest('li').lastElementChild
    const shown = event.querySelector('.raw')
    button.setAttribute('aria-expanded', String(!shown))
    if (shown) return shown.remove()
    const place = h('div', { class: 'raw' }, t('loading'))
    event.append(place)
    try {
      const delivery = await get(`/v1/deliveries/${part(id)}`)
      place.replaceChildren(body(delivery), h('p', {}, link(to.delivery(id), t('delivery.page'))))
    } catch (fault) {
      place.replaceChildren(trouble(fault))
    }
  })
  return button
}

function tasks(upload) {
  return upload.tasks.map((task) => h('div', { class: 'task' },
    h('p', {}, t(`role.${task.role}`), ' ', badge('processing', task.state), ' ', mono(task.task_id, 120)),
    task.error_code || task.message ? h('p', { class: 'wrong' }, theirs(task.error_code ?? '', 200), ' ', theirs(task.message ?? '', 500)) : null,
    task.outputs?.length ? h('ul', { class: 'outputs' }, task.outputs.map((output) =>
      h('li', {}, theirs(output.kind, 64), output.definition === null ? null : ` ${output.definition}`, ' ', outside(output.url)))) : null))
}
