// Lists that go on for as long as one scrolls, with their filters in the address.
import { get } from './api.js'
import { h, replace } from './dom.js'
import { number, t } from './i18n.js'
import { go } from './places.js'
import { announce, region, trouble } from './parts.js'

const AT_ONCE = 50
// Where few are like that, a page may hold none and the list goes on: so many are asked for before the reader is.
const EMPTY_AT_ONCE = 5

// list({ path, params, columns: [[name, class]], row: (item) => [cells], empty: () => node, signal })
export function list({ path, params, columns, row, empty, signal, caption, most = Infinity }) {
  const rows = h('tbody', {})
  const table = h('table', { class: 'list' }, h('caption', { class: 'unseen' }, caption),
    h('thead', {}, h('tr', {}, columns.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))), rows)
  const more = h('button', { type: 'button', class: 'more', hidden: true, on: { click: () => {
    without = 0
    load()
  } } }, t('list.more'))
  const told = h('p', { class: 'told faint' }, t('loading'))
  const node = h('div', { class: 'listing', 'aria-busy': 'true' }, region(caption, table), told, more)
  let [cursor, count, busy, without] = [undefined, 0, false, 0]

  async function load() {
    if (busy || signal.aborted) return
    busy = true
    more.disabled = true
    node.setAttribute('aria-busy', 'true')
    try {
      const answer = await get(path, { ...params, limit: Math.min(AT_ONCE, most), cursor }, { signal })
      if (signal.aborted) return
      add(answer.items)
      cursor = answer.next_cursor
      const goes = cursor !== null && count < most
      without = answer.items.length ? 0 : without + 1
      more.hidden = !goes
      told.textContent = goes && without ? t('list.none_yet', { count: number(count) })
        : goes ? t('list.so_far', { count: number(count) }) : count && cursor === null ? t('list.all', { count: number(count) }) : ''
      if (!count && !goes) replace(node, empty())
      else announce(told.textContent)
    } catch (fault) {
      if (fault.name === 'AbortError') return
      told.textContent = ''
      const box = trouble(fault, () => {
        box.remove()
        load()
      })
      node.append(box)
    } finally {
      busy = false
      more.disabled = false
      node.setAttribute('aria-busy', 'false')
    }
    // Still in sight after what came: a tall screen, or short rows.
    if (!signal.aborted && !more.hidden && without < EMPTY_AT_ONCE && (without || near(more))) load()
  }

  function add(items) {
    count += items.length
    rows.append(...items.map((item) => {
      const cells = row(item)
      return h('tr', {}, cells.map((cell, at) => h(at ? 'td' : 'th', { scope: at ? undefined : 'row', class: columns[at][1], 'data-name': columns[at][0] }, cell)))
    }))
  }

  const seen = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && !more.hidden && without < EMPTY_AT_ONCE && load(), { rootMargin: '400px' })
  if (most === Infinity) seen.observe(more)
  signal.addEventListener('abort', () => seen.disconnect())
  node.ready = load()
  return node
}

const near = (element) => element.offsetParent && element.getBoundingClientRect().top < window.innerHeight + 400

// filters([{ name, label, kind: 'text' | 'choice' | 'time', choices: [[code, word]] }], params, address)
export function filters(wanted, params, address) {
  const set = (name, value) => {
    const next = { ...params, [name]: value }
    if (!value) delete next[name]
    go(address(next))
  }
  const fields = wanted.map(({ name, label, kind, choices, hint }) => {
    const value = params[name] ?? ''
    const id = `f-${name}`
    const heard = { change: (event) => set(name, kind === 'time' ? instant(event.target.value) : event.target.value.trim()) }
    const field = kind === 'choice'
      ? h('select', { id, on: heard }, h('option', { value: '' }, t('any')),
        choices.map(([code, word]) => h('option', { value: code, selected: code === value }, word)))
      : kind === 'time' ? h('input', { id, type: 'datetime-local', step: '1', value: local(value), on: heard })
        : h('input', { id, type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: hint, value, on: heard })
    return h('div', { class: `filter ${value ? 'set' : ''}` }, h('label', { for: id }, label), field)
  })
  const isSet = wanted.some(({ name }) => params[name])
  const form = h('form', { class: 'filters', 'aria-label': t('filters'), on: { submit: (event) => event.preventDefault() } }, fields,
    isSet ? h('button', { type: 'button', class: 'ghost', on: { click: () => go(address({})) } }, t('filters.clear')) : null)
  const shown = h('details', { class: 'filtering', open: isSet || innerWidth > 900 }, h('summary', {}, t('filters')), form)
  return shown
}

// Between an instant and what `datetime-local` holds, in the reader's time zone.
function local(text) {
  const at = new Date(text)
  if (!text || Number.isNaN(at.getTime())) return ''
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
const instant = (text) => (text ? new Date(text).toISOString() : '')
