// The inspector: what a pasted signature, ticket or event says, field by field. Nothing of it is kept or sent elsewhere.
import { post } from './api.js'
import { h, theirs } from './dom.js'
import { explained } from './fields.js'
import { has, t } from './i18n.js'
import { leaves, readJson } from './json.js'
import { badge, facts, heading, mono, page, panel, region, ticketLink, trouble, userLink, when, word } from './parts.js'
import { to } from './places.js'

export default async function inspect({ state, signal }) {
  const text = h('textarea', { id: 'pasted', rows: '7', spellcheck: 'false', autocomplete: 'off', placeholder: t('inspect.hint'), 'aria-describedby': 'inspect-what' })
  const place = h('div', { class: 'stack', 'aria-live': 'polite' })
  const button = h('button', { type: 'submit', class: 'primary' }, t('inspect.do'))
  const clear = h('button', { type: 'button', on: { click: () => {
    text.value = ''
    place.replaceChildren()
    text.focus()
  } } }, t('inspect.clear'))
  async function explain() {
    if (!text.value.trim()) return text.focus()
    button.disabled = true
    try {
      const told = await post('/v1/decode', { text: text.value }, { signal })
      place.replaceChildren(...DRAW[told.what](told, text.value))
    } catch (fault) {
      if (fault.name === 'AbortError') return
      place.replaceChildren(fault.field === 'text' ? h('div', { class: 'trouble', role: 'alert' }, h('p', { class: 'what' }, t(/key or token/.test(fault.message) ? 'inspect.secret' : 'inspect.unknown'))) : trouble(fault, explain))
    } finally {
      button.disabled = false
    }
  }
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) explain()
  })
  const form = h('form', { class: 'inspect', on: { submit: (event) => {
    event.preventDefault()
    explain()
  } } }, h('label', { for: 'pasted' }, t('inspect.label')), text, h('div', { class: 'actions' }, button, clear, h('span', { class: 'faint', id: 'inspect-what' }, t('inspect.private'))))
  const drawn = page(t('inspect'), heading(t('inspect')), form, place)
  if (state.pasted) {
    text.value = state.pasted
    state.pasted = null
    drawn.node.ready = explain()
  }
  return drawn
}

const DRAW = {
  ticket: (told) => [panel(t('inspect.ticket'), facts([t('ticket.created_at'), when(told.made_at)]), whose(told.whose))],
  signature,
  notification,
}

function whose({ user_id, app, ticket, reason }) {
  return h('div', { class: 'whose' },
    h('p', { class: 'large' }, reason === 'ticket' ? userLink(user_id) : t('inspect.nobody_known')),
    h('p', {}, t(`inspect.whose.${reason}`)),
    facts([t('ticket'), ticket && (reason === 'ticket' ? ticketLink(ticket) : mono(ticket))], [t('app'), app]))
}

function signature(told) {
  const fatal = told.vod_would_object.some((objection) => objection.refuses)
  const verdict = told.vod_would_object.length === 0 ? ['good', t('inspect.fine')] : fatal ? ['bad', t('inspect.refused')] : ['warn', t('inspect.noted')]
  return [
    panel(t('inspect.signature'),
      h('p', { class: 'badges' }, h('span', { class: `badge ${verdict[0]}` }, verdict[1]),
        told.signed_by ? badge('signed', 'yes', 'good') : badge('signed', 'no', 'bad')),
      h('p', {}, told.signed_by ? t('inspect.signed_by', { app: told.signed_by }) : t('inspect.not_ours')),
      told.vod_would_object.length ? h('ul', { class: 'signs' }, told.vod_would_object.map((objection) =>
        h('li', {}, badge('refuses', String(objection.refuses), objection.refuses ? 'bad' : 'warn'), ' ', h('code', {}, theirs(objection.parameter, 80)), ' ',
          has(`objection.${objection.code}`) ? t(`objection.${objection.code}`) : null, ' ', h('span', { class: 'faint' }, theirs(objection.sentence, 400))))) : null,
      facts([t('issued_at'), when(told.issued_at)], [t('expires_at'), when(told.expires_at)])),
    panel(t('whose.title'), whose(told.whose)),
    panel(t('inspect.fields'), table(told.parameters.map(({ name, value }) => [name, value, explained(`signature.${name}`)]))),
  ]
}

function notification(told, pasted) {
  const value = readJson(pasted)
  const rows = value === undefined ? [] : [...leaves(value)].slice(0, 2000)
  return [
    ...told.events.slice(0, 50).map((event, at) => panel(told.events.length > 1 ? t('inspect.event_of', { at: at + 1, all: told.events.length }) : t('inspect.event'), drawEvent(event))),
    panel(t('inspect.fields'), h('p', { class: 'faint' }, t(told.signed ? 'inspect.event_signed' : 'inspect.event_unsigned')),
      table(rows.map(([path, leaf]) => [path.join('.'), leaf === null ? 'null' : typeof leaf === 'string' ? leaf : JSON.stringify(leaf), explained(`event.${path.findLast((name) => !/^\d+$/.test(name))}`)]))),
  ]
}

function drawEvent(event) {
  if (event.fault) return [h('p', { class: 'badges' }, badge('state', 'quarantined')), h('p', {}, has(`quarantine.${event.fault}.why`) ? t(`quarantine.${event.fault}.why`) : event.fault_in_words)]
  return [
    h('p', {}, h('code', {}, theirs(event.event_type, 128)), ' ', h('span', { class: 'faint' }, `${t('format')} ${event.format}`), ' · ', has(`event_type.${event.event_type}`) ? t(`event_type.${event.event_type}`) : t('event_type.other')),
    event.files.slice(0, 100).map((file) => h('div', { class: 'file' }, facts(
      [t('file_id'), h('a', { href: to.find(file.file_id), class: 'mono' }, file.file_id)], [t('news'), word('news', file.news)], [t('uploads.name'), file.name && theirs(file.name, 300)],
      [t('source_context'), file.source_context && h('code', {}, theirs(file.source_context, 1000))], [t('session_context'), file.session_context && h('code', {}, theirs(file.session_context, 1000))],
      [t('uploaded_at'), file.uploaded_at && when(file.uploaded_at)]), whose(file.whose))),
    event.task ? facts([t('task'), mono(event.task.task_id, 256)], [t('processing'), badge('processing', event.task.state)],
      [t('inspect.error'), event.task.error_code && theirs(event.task.error_code, 200)], [t('inspect.message'), event.task.message && theirs(event.task.message, 500)]) : null,
  ]
}

const table = (rows) => region(t('inspect.fields'), h('table', { class: 'list fields' }, h('caption', { class: 'unseen' }, t('inspect.fields')),
  h('thead', {}, h('tr', {}, [t('inspect.field'), t('inspect.value'), t('inspect.meaning')].map((name) => h('th', { scope: 'col' }, name)))),
  h('tbody', {}, rows.map(([name, value, meaning]) => h('tr', {}, h('th', { scope: 'row' }, h('code', {}, theirs(name, 200))), h('td', { class: 'value' }, theirs(value, 1000)), h('td', {}, meaning ?? h('span', { class: 'none' }, t('inspect.unexplained'))))))))
