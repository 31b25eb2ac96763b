// Figures over time, stacked, drawn by uPlot; the same as a table, for the keyboard and those who do not see.
import { h } from './dom.js'
import { compact, number, shortTime, t } from './i18n.js'
import { region } from './parts.js'
import { go } from './places.js'

const HEIGHT = 210

// A colour of the style sheet, as a canvas wants it.
const probe = h('i', { class: 'probe', 'aria-hidden': 'true' })
function colour(name) {
  if (!probe.isConnected) document.body.append(probe)
  probe.style.color = `var(--${name})`
  return getComputedStyle(probe).color
}

const DAY = 86_400
const STEPS = { minute: 60, quarter: 900, hour: 3600, day: DAY, week: 7 * DAY }
export const seconds = (bucket) => STEPS[bucket]

// chart({ title, from, to, bucket, rows: [{ at, ... }], series: [{ name, label, colour }], address: (from, to, name) => '#...' })
export function chart(figures, signal) {
  const step = STEPS[figures.bucket]
  const first = floor(new Date(figures.from) / 1000, figures.bucket)
  const end = new Date(figures.to) / 1000
  const at = new Map(figures.rows.map((row) => [Math.round(new Date(row.at) / 1000), row]))
  const times = []
  for (let time = first; time < end; time += step) times.push(time)
  const values = figures.series.map(({ name }) => times.map((time) => at.get(time)?.[name] ?? 0))
  const place = h('div', { class: 'chart', 'aria-hidden': 'true' })
  const legend = h('ul', { class: 'legend' }, figures.series.map((series, i) => {
    const sum = values[i].reduce((a, b) => a + b, 0)
    const words = [h('span', { class: `mark ${series.colour}`, 'aria-hidden': 'true' }), series.label, ' ', h('b', {}, number(sum))]
    const address = figures.address?.(figures.from, figures.to, series.name)
    return h('li', {}, address ? h('a', { href: address }, words) : words)
  }))
  const details = h('details', { class: 'as-table' }, h('summary', {}, t('chart.table')))
  details.addEventListener('toggle', () => details.open && details.childElementCount < 2 && details.append(table(figures, times, values, step)), { once: true })
  const node = h('figure', { 'aria-label': figures.title }, legend, place, details)
  let drawn = null
  const draw = () => {
    drawn?.destroy()
    drawn = plot(figures, times, values, step, place)
  }
  const sized = new ResizeObserver(() => {
    if (!drawn) draw()
    else if (place.clientWidth !== drawn.width) drawn.setSize({ width: place.clientWidth, height: HEIGHT })
  })
  sized.observe(place)
  window.addEventListener('theme', draw, { signal })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw, { signal })
  signal.addEventListener('abort', () => {
    sized.disconnect()
    drawn?.destroy()
  })
  return node
}

// Where a bucket begins, as the receiver cuts them: in UTC; weeks on Mondays.
function floor(time, bucket) {
  const step = STEPS[bucket]
  const offset = bucket === 'week' ? 4 * DAY : 0
  return Math.floor((time - offset) / step) * step + offset
}

function plot(figures, times, values, step, place) {
  const stacked = []
  values.forEach((row, i) => stacked.push(row.map((value, at) => value + (stacked[i - 1]?.[at] ?? 0))))
  const [text, grid] = [colour('faint'), colour('line')]
  const bars = uPlot.paths.bars({ size: [0.86, 40], align: 1 })
  const tip = h('div', { class: 'tip', hidden: true })
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' }
  const options = {
    width: place.clientWidth, height: HEIGHT, padding: [8, 18, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { time: true, range: [times[0], times.at(-1) + step] }, y: { range: (_, __, most) => [0, Math.max(most * 1.06, 4)] } },
    axes: [
      { ...axis, size: 26, grid: { show: false }, space: 70, values: (_, splits) => splits.map((split, i) => label(split, splits[i - 1], step)) },
      { ...axis, size: 46, space: 36, values: (_, splits) => splits.map((split) => (Number.isInteger(split) ? compact(split) : '')) },
    ],
    // The highest first: each covers what lies below it.
    series: [{}, ...figures.series.map((series, i) => ({ i, series })).reverse().map(({ series }) => ({ fill: colour(series.colour), stroke: colour(series.colour), width: 0, paths: bars, points: { show: false } }))],
    hooks: { setCursor: [(drawn) => showTip(drawn)] },
  }
  const drawn = new uPlot(options, [times, ...stacked.toReversed()], place)
  drawn.over.append(tip)
  drawn.over.addEventListener('mouseleave', () => (tip.hidden = true))
  if (figures.address) {
    drawn.over.classList.add('leads')
    drawn.over.addEventListener('click', () => {
      const at = bucketAt(drawn)
      if (at !== null) go(figures.address(iso(times[at]), iso(times[at] + step)))
    })
  }
  function bucketAt({ cursor, posToVal }) {
    if (cursor.left < 0) return null
    const at = Math.floor((posToVal(cursor.left, 'x') - times[0]) / step)
    return at >= 0 && at < times.length ? at : null
  }
  function showTip(it) {
    const at = bucketAt(it)
    tip.hidden = at === null
    if (at === null) return
    tip.replaceChildren(h('b', {}, span(times[at], step)), ...figures.series.map((series, i) =>
      h('div', {}, h('span', { class: `mark ${series.colour}` }), series.label, ' ', h('b', {}, number(values[i][at])))))
    const left = it.valToPos(times[at] + step / 2, 'x')
    tip.classList.toggle('left', left > it.over.clientWidth / 2)
    tip.style.left = `${left}px`
  }
  return drawn
}

function label(split, before, step) {
  const at = new Date(split * 1000)
  const newDay = before === undefined || new Date(before * 1000).getDate() !== at.getDate()
  if (step >= DAY) {
    const newYear = before !== undefined && new Date(before * 1000).getFullYear() !== at.getFullYear()
    return shortTime(at, newYear ? { year: 'numeric', month: 'short' } : { month: 'short', day: 'numeric' })
  }
  return newDay && at.getHours() === 0 && at.getMinutes() === 0 ? shortTime(at, { month: 'short', day: 'numeric' }) : shortTime(at, { hour: '2-digit', minute: '2-digit' })
}

function span(from, step) {
  const at = new Date(from * 1000)
  // A day of the receiver's is one in UTC; it is named as it is cut.
  if (step >= DAY) return shortTime(at, { dateStyle: 'medium', timeZone: 'UTC' })
  return shortTime(at, { dateStyle: 'medium', timeStyle: 'short' })
}

const iso = (time) => new Date(time * 1000).toISOString().replace('.000Z', 'Z')

function table(figures, times, values, step) {
  const rows = times.map((time, at) => [time, figures.series.map((_, i) => values[i][at])]).filter(([, row]) => row.some(Boolean)).reverse()
  return region(figures.title, h('table', { class: 'list' }, h('caption', { class: 'unseen' }, figures.title),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('chart.time')), figures.series.map(({ label }) => h('th', { scope: 'col', class: 'right' }, label)))),
    h('tbody', {}, rows.map(([time, row]) => h('tr', {},
      h('th', { scope: 'row' }, figures.address ? h('a', { href: figures.address(iso(time), iso(time + step)) }, span(time, step)) : span(time, step)),
      row.map((value) => h('td', { class: 'right' }, number(value))))))))
}
