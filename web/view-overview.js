// The overview: what comes in, what becomes of it, and whether anything is stuck.
import { get } from './api.js'
import { chart } from './chart.js'
import { h, replace, theirs } from './dom.js'
import { follow, watch } from './feed.js'
import { firstUpload } from './first.js'
import { ago, bytes, compact, number, percent, span, t } from './i18n.js'
import { announce, badge, empty, fileLink, heading, link, page, panel, region, userLink, when, word } from './parts.js'
import { go, to } from './places.js'

const HOUR = 3_600_000
const RANGES = {
  hour: [HOUR, 'minute'], day: [24 * HOUR, 'quarter'], week: [7 * 24 * HOUR, 'hour'], month: [30 * 24 * HOUR, 'day'], quarter: [91 * 24 * HOUR, 'day'], year: [365 * 24 * HOUR, 'week'],
}
const MINUTE = 60_000
// Figures are asked for again at most so often while things happen, and this often when nothing does. Those of a year take
// longer to sum and change less: to sum them takes at most a twentieth of the time.
const AFTER_A_CHANGE_MS = 2_000
const REST = 19
const AFTER_A_WHILE_MS = 30_000
const LATEST = 8

export default async function overview({ params, signal, state }) {
  const range = RANGES[params.range] ? params.range : 'day'
  const app = params.app
  const place = h('div', { class: 'stack' })
  const live = h('span', { class: 'live', role: 'status' })
  const latest = latestUploads(app, signal)
  let busy = false
  let tookMs = 0

  async function draw() {
    if (busy || signal.aborted) return
    busy = true
    try {
      const [length, bucket] = RANGES[range]
      const until = new Date()
      // Roll-ups are by the quarter of an hour: where the range begins with one, each figure is of the same time.
      const step = bucket === 'minute' ? MINUTE : 15 * MINUTE
      const from = new Date(Math.floor((until - length) / step) * step)
      const stats = await get('/v1/stats', { from: from.toISOString(), to: until.toISOString(), bucket, app }, { signal })
      tookMs = Date.now() - until
      if (!signal.aborted) replace(place, figures(stats, { app, state, latest, signal: again() }))
    } finally {
      busy = false
    }
  }
  let parts = new AbortController()
  function again() {
    parts.abort()
    parts = new AbortController()
    return parts.signal
  }
  signal.addEventListener('abort', () => parts.abort())

  await draw()
  let due = null
  const soon = (ms) => {
    if (due || signal.aborted) return
    due = setTimeout(() => {
      due = null
      // Somebody reads a table or follows a bar: what he looks at stays.
      if (!place.querySelector('details[open]') && !document.hidden) draw().catch(() => {})
    }, ms)
  }
  follow((kind, change) => {
    if (app && change.upload.app !== app) return
    latest.tell(kind, change)
    soon(Math.max(AFTER_A_CHANGE_MS, REST * tookMs))
  }, signal)
  const timer = setInterval(() => soon(0), AFTER_A_WHILE_MS)
  signal.addEventListener('abort', () => {
    clearInterval(timer)
    clearTimeout(due)
  })
  watch((how) => {
    live.className = `live is-${how}`
    live.textContent = t(`live.${how}`)
  }, signal)

  const ranges = h('div', { class: 'segments', role: 'group', 'aria-label': t('range') }, Object.keys(RANGES).map((name) =>
    h('a', { href: to.overview({ range: name === 'day' ? undefined : name, app }), 'aria-current': name === range ? 'true' : undefined }, t(`range.${name}`))))
  const apps = state.session.apps.length > 1 ? h('select', { 'aria-label': t('app'), on: { change: (event) => go(to.overview({ range: params.range, app: event.target.value })) } },
    h('option', { value: '' }, t('app.all')), state.session.apps.map((name) => h('option', { value: name, selected: name === app }, name))) : null
  return page(t('overview'), heading(t('overview'), live, apps, ranges), place)
}

function figures(stats, { app, state, latest, signal }) {
  const { uploads, permissions, deliveries, receiver } = stats
  const within = { from: stats.from, to: stats.to, app }
  const mayLook = state.may('admin')
  const nobody = uploads.reasons.filter(({ method }) => method === 'none').reduce((sum, reason) => sum + reason.uploads, 0)
  const never = !uploads.total && !permissions.tickets && !deliveries.total && !deliveries.newest_at
  const list = (from, until, method) => to.uploads({ from, to: until, app, attribution: method })
  const aside = deliveries.quarantine.reduce((sum, reason) => sum + reason.deliveries, 0)
  const tiles = h('div', { class: 'tiles' },
    tile(t('tile.uploads'), compact(uploads.total), to.uploads(within), uploads.deleted ? t('tile.deleted', { count: number(uploads.deleted) }) : null),
    tile(t('tile.nobody'), compact(nobody), to.uploads({ ...within, attribution: 'none' }), percent(nobody, uploads.total), nobody ? 'warn' : ''),
    tile(t('tile.delay'), uploads.delay ? span(uploads.delay.p50_s) : '–', to.uploads(within), uploads.delay ? t('tile.delay.p95', { delay: span(uploads.delay.p95_s) }) : null),
    tile(t('tile.used'), percent(permissions.used, permissions.tickets), to.signatures({ ...within, outcome: 'used' }), t('tile.tickets', { count: compact(permissions.tickets) })),
    tile(t('tile.quarantine'), compact(aside), mayLook ? to.deliveries({ state: 'quarantined', app }) : null, t('tile.quarantine.any'), aside ? 'bad' : ''),
    tile(t('tile.newest'), deliveries.newest_at ? ago(deliveries.newest_at) : '–', mayLook ? to.deliveries({ app }) : null, t('tile.newest.what')))
  if (never) return [tiles, h('div', { class: 'panel' }, firstUpload()), panel(t('receiver.title'), health(receiver, deliveries, app, mayLook))]
  return [
    tiles,
    panel(t('chart.uploads'), cut(uploads, stats), chart({
      title: t('chart.uploads'), from: stats.from, to: stats.to, bucket: stats.bucket, rows: uploads.buckets, address: list,
      series: ['ticket', 'resolver', 'manual', 'none'].map((name) => ({ name, label: word('method', name), colour: `c-${name}` })),
    }, signal)),
    h('div', { class: 'two' },
      panel(t('chart.permissions'), cut(permissions, stats), funnel(permissions, within), chart({
        title: t('chart.permissions'), from: stats.from, to: stats.to, bucket: stats.bucket, rows: permissions.buckets,
        address: (from, until, outcome) => to.signatures({ from, to: until, app, outcome }),
        series: ['used', 'pending', 'never_used'].map((name) => ({ name, label: word('outcome', name), colour: `c-${name}` })),
      }, signal)),
      panel(t('chart.deliveries'), cut(deliveries, stats), chart({
        title: t('chart.deliveries'), from: stats.from, to: stats.to, bucket: stats.bucket, rows: deliveries.buckets,
        address: mayLook ? (from, until, door) => to.deliveries({ from, to: until, app, door }) : undefined,
        series: ['push', 'pull', 'reconcile', 'replay'].map((name) => ({ name, label: word('door', name), colour: `c-${name}` })),
      }, signal), doors(deliveries, within, mayLook))),
    h('div', { class: 'two' },
      panel(t('reasons.title'), bars(uploads.reasons.map(({ method, reason, uploads: count }) =>
        [[badge('method', method), ' ', reason === method ? null : word('reason', reason)], count, to.uploads({ ...within, reason }), `c-${method}`]))),
      panel(t('processing.title'), bars(uploads.processing.map(({ state: code, uploads: count }) =>
        [badge('processing', code), count, to.uploads({ ...within, processing: code }), code === 'none' ? 'c-waiting' : `c-${code}`])))),
    h('div', { class: 'two' },
      panel(t('delay.title'), delays(uploads.delay, within)),
      panel(t('receiver.title'), health(receiver, deliveries, app, mayLook))),
    panel(t('latest.title'), latest.node),
  ]
}

function tile(name, value, address, more, kind = '') {
  const inside = [h('span', { class: 'name' }, name), h('strong', {}, value), h('span', { class: 'faint' }, more)]
  return address ? h('a', { class: `tile ${kind}`, href: address }, inside) : h('div', { class: `tile ${kind}` }, inside)
}

// Said where the newest so many stand for the whole range, or where roll-ups are behind.
const cut = (figures, stats) =>
  figures.fresh_until && new Date(stats.to) - new Date(figures.fresh_until) > MINUTE ? h('p', { class: 'faint' }, t('chart.rolled'), ' ', when(figures.fresh_until))
    : new Date(figures.since) > new Date(stats.from) ? h('p', { class: 'faint' }, t('chart.since'), ' ', when(figures.since)) : null

function bar(kind, share) {
  const full = h('i', { class: kind })
  full.style.width = `${Math.max(share * 100, 0.8)}%`
  return h('span', { class: 'track', 'aria-hidden': 'true' }, full)
}

// Bars of one figure each, the way to its rows on them.
function bars(rows, told = number) {
  const most = Math.max(1, ...rows.map(([, count]) => count))
  if (!rows.length) return empty(t('nothing_in_range'))
  return h('ul', { class: 'bars' }, rows.map(([words, count, address, kind]) => {
    const inside = [h('span', { class: 'what' }, words), bar(kind, count / most), h('b', {}, told(count))]
    return h('li', {}, address ? h('a', { href: address }, inside) : h('div', {}, inside))
  }))
}

const funnel = (permissions, within) => h('p', {}, t('funnel', { tickets: number(permissions.tickets), signatures: number(permissions.signatures) }), ' ',
  link(to.signatures(within), t('funnel.rows')))

function doors(deliveries, within, mayLook) {
  const rows = deliveries.doors.map(({ door, state, deliveries: count }) => [[word('door', door), ' ', state === 'quarantined' ? badge('state', state) : null], count,
    mayLook ? to.deliveries({ ...within, door, state }) : null, state === 'quarantined' ? 'c-failed' : `c-${door}`])
  if (deliveries.repeated) rows.push([t('duplicates'), deliveries.repeated, mayLook ? to.deliveries(within) : null, 'c-none'])
  return rows.length ? bars(rows) : null
}

function delays(delay, within) {
  if (!delay) return empty(t('delay.none'))
  const rows = [['p50_s', t('delay.p50')], ['p95_s', t('delay.p95')], ['p99_s', t('delay.p99')]]
  return [h('p', { class: 'faint' }, t('delay.what')), bars(rows.map(([name, words]) => [words, delay[name], to.uploads(within), 'c-info']), span)]
}

function health(receiver, deliveries, app, mayLook) {
  const full = receiver.spool_limit_bytes ? receiver.spool_bytes / receiver.spool_limit_bytes : 0
  return [
    h('dl', { class: 'facts' },
      h('div', {}, h('dt', {}, t('receiver.queue')), h('dd', {}, t('receiver.waiting', { count: number(receiver.queue_deliveries), bytes: bytes(receiver.queue_bytes) }))),
      h('div', {}, h('dt', {}, t('receiver.spool')), h('dd', {}, receiver.spool_limit_bytes
        ? [t('receiver.waiting', { count: number(receiver.spool_records), bytes: bytes(receiver.spool_bytes) }), ' ', h('span', { class: 'faint' }, t('receiver.spool.full', { part: percent(full, 1), limit: bytes(receiver.spool_limit_bytes) }))]
        : t('receiver.spool.none')))),
    h('h3', {}, t('quarantine')),
    deliveries.quarantine.length ? bars(deliveries.quarantine.map(({ reason, deliveries: count }) =>
      [word('quarantine', reason), count, mayLook ? to.deliveries({ state: 'quarantined', quarantine_reason: reason, app }) : null, 'c-failed'])) : h('p', { class: 'faint' }, t('quarantine.empty')),
  ]
}

// The newest uploads, as they come.
function latestUploads(app, signal) {
  const rows = h('tbody', {})
  const none = empty(t('latest.none'))
  none.hidden = true
  const node = region(t('latest.title'), none, h('table', { class: 'list' }, h('caption', { class: 'unseen' }, t('latest.title')),
    h('thead', {}, h('tr', {}, [t('uploads.name'), t('file_id'), t('user'), t('attribution'), t('recorded_at')].map((name) => h('th', { scope: 'col' }, name)))), rows))
  const draw = (upload) => h('tr', { 'data-file': upload.file_id }, h('td', { class: 'wide' }, h('a', { href: to.upload(upload), class: 'clip title' }, upload.name === null ? t('unnamed') : theirs(upload.name, 120))),
    h('td', {}, fileLink(upload)), h('td', { class: 'wide' }, userLink(upload.user_id)), h('td', {}, badge('method', upload.attribution.method)), h('td', {}, when(upload.recorded_at, true)))
  get('/v1/uploads', { limit: LATEST, app }, { signal }).then(({ items }) => {
    replace(rows, items.map(draw))
    none.hidden = items.length > 0
  }).catch(() => {})
  let count = 0
  const tell = (kind, { upload }) => {
    const old = [...rows.children].find((row) => row.dataset.file === upload.file_id)
    if (kind === 'recorded') {
      none.hidden = true
      count += 1
      announce(t('latest.came', { count: number(count) }))
      const row = draw(upload)
      row.classList.add('came')
      old?.remove()
      rows.prepend(row)
      while (rows.children.length > LATEST) rows.lastChild.remove()
    } else old?.replaceWith(draw(upload))
  }
  return { node, tell }
}
