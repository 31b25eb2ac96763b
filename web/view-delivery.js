// One delivery: its body, why it is in quarantine, and running it again.
import { get, part, post } from './api.js'
import { h, theirs } from './dom.js'
import { has, t } from './i18n.js'
import { readJson, writeJson } from './json.js'
import { announce, badge, copyable, facts, heading, page, panel, size, trouble, when, word } from './parts.js'
import { go, to } from './places.js'

export default async function delivery(view) {
  const { parts, signal, state } = view
  const title = t('delivery')
  if (!state.may('admin')) return page(title, heading(title), trouble({ status: 403, message: t('deliveries.admin') }))
  const place = h('div', {})
  const draw = async (told) => {
    const delivery = await get(`/v1/deliveries/${part(parts[1])}`, {}, { signal })
    place.replaceChildren(drawn(delivery, state, draw, told))
  }
  await draw()
  return page(title, heading(title), place)
}

function drawn(delivery, state, draw, told) {
  return h('div', { class: 'stack' },
    told ? h('p', { class: 'next', role: 'status' }, told) : null,
    delivery.state === 'quarantined' ? aside(delivery) : null,
    panel(t('delivery.what'), facts(
      [t('delivery.state'), [badge('state', delivery.state), delivery.quarantine_reason ? [' ', h('code', {}, delivery.quarantine_reason)] : null]],
      [t('door'), word('door', delivery.door)], [t('event_type'), delivery.event_type && theirs(delivery.event_type, 128)], [t('format'), delivery.format],
      [t('app'), delivery.app], [t('received_at'), when(delivery.received_at)], [t('recorded_at'), when(delivery.recorded_at)],
      [t('task'), delivery.task_id && theirs(delivery.task_id, 256)],
      [t('file_id'), delivery.file_ids.length ? delivery.file_ids.slice(0, 50).map((file_id) => [h('a', { href: to.upload({ app: delivery.app, file_id }), class: 'mono' }, file_id), ' ']) : null],
      [t('refuted'), delivery.refuted && t(`refuted.${delivery.refuted}`)], [t('delivery.id'), copyable(delivery.id)], [t('size'), size(delivery.body_bytes)]),
    again(delivery, draw)),
    panel(t('delivery.body'), body(delivery, explain(delivery, state))))
}

function aside(delivery) {
  const why = `quarantine.${delivery.quarantine_reason}.why`
  return h('div', { class: 'signs', role: 'note' }, h('p', {}, h('strong', {}, word('quarantine', delivery.quarantine_reason)), ' ', has(why) ? t(why) : null))
}

// Every way in is taken again: what is known changes nothing.
function again(delivery, draw) {
  if (!delivery.body) return null
  const told = h('div', {})
  const button = h('button', { type: 'button', on: { click: async () => {
    button.disabled = true
    try {
      const { outcome } = await post(`/v1/deliveries/${part(delivery.id)}/replay`)
      announce(t(`replayed.${outcome}`))
      await draw(t(`replayed.${outcome}`))
    } catch (fault) {
      told.replaceChildren(trouble(fault))
      button.disabled = false
    }
  } } }, t('replay'))
  return h('div', { class: 'actions' }, button, h('span', { class: 'faint' }, t('replay.what')), told)
}

function explain(delivery, state) {
  if (delivery.body?.encoding !== 'text') return null
  return h('button', { type: 'button', on: { click: () => {
    state.pasted = delivery.body.content
    go(to.inspect())
  } } }, t('delivery.inspect'))
}

// The body as it came, or set out to be read.
export function body(delivery, beside = null) {
  if (!delivery.body) return h('p', { class: 'faint' }, t('delivery.blanked'))
  const { encoding, content } = delivery.body
  const download = h('a', { href: `v1/deliveries/${part(delivery.id)}/body`, download: '' }, t('delivery.download'))
  if (encoding !== 'text') return [h('p', { class: 'faint' }, t('delivery.base64')), h('pre', { tabindex: '0', class: 'body' }, content), download]
  const value = readJson(content)
  const pre = h('pre', { tabindex: '0', class: 'body' }, theirs(value === undefined ? content : writeJson(value), 1_000_000, true))
  if (value === undefined) return [pre, h('div', { class: 'actions' }, download, beside)]
  const choose = h('button', { type: 'button', class: 'small', 'aria-pressed': 'false' }, t('delivery.as_it_came'))
  choose.addEventListener('click', () => {
    const asItCame = choose.getAttribute('aria-pressed') === 'false'
    choose.setAttribute('aria-pressed', String(asItCame))
    pre.replaceChildren(theirs(asItCame ? content : writeJson(value), 1_000_000, true))
  })
  return h('div', {}, pre, h('div', { class: 'actions' }, choose, download, beside))
}
