// How soon each view is there, on a receiver that holds a lot: from the navigation to the last row and chart. Fails where
// that takes longer than a second. Tells /v1/stats too, asked 50 times for each range.
//
//   node quick.mjs RECEIVER API_KEY USER_ID FILE_ID [ROUNDS]
import { Receiver, open, startBrowser } from './world.mjs'

const [url, key, user, fileId, rounds = '5'] = process.argv.slice(2)
const LONGEST_MS = 1000
const CALLS = 50
const RANGES = { hour: [1 / 24, 'minute'], day: [1, 'quarter'], week: [7, 'hour'], month: [30, 'day'], quarter: [91, 'day'], year: [365, 'week'] }
const receiver = new Receiver({ url, key })

const { items: [upload] } = await receiver.ask('GET', `/v1/uploads?file_id=${fileId}`)
const { items: [nobodys] } = await receiver.ask('GET', '/v1/uploads?attribution=none&limit=1')
const { items: [aside] } = await receiver.ask('GET', '/v1/deliveries?state=quarantined&limit=1')
const { items: [permission] } = await receiver.ask('GET', '/v1/signatures?outcome=used&limit=1')
const monthsAgo = (count) => new Date(Date.now() - count * 30 * 86_400_000).toISOString().slice(0, 19) + 'Z'
const of = (address, filters) => Object.fromEntries(filters.map((filter) => [`${address.slice(1)}?${filter}`, `${address}?${filter}`]))
const views = {
  ...Object.fromEntries(Object.keys(RANGES).map((range) => [`overview, ${range}`, `/?range=${range}`])),
  uploads: '/uploads', ...of('/uploads', [
    'attribution=none', 'attribution=ticket', 'attribution=manual', 'reason=unknown_ticket', 'processing=failed', 'processing=processing', 'confirmed=refuted',
    'confirmed=push', 'deleted=true', 'order=asc', `from=${monthsAgo(8)}&to=${monthsAgo(7)}`, `uploaded_from=${monthsAgo(8)}&uploaded_to=${monthsAgo(7)}`,
  ]),
  'a user': `/users/${encodeURIComponent(user)}`, 'an upload': `/uploads/${fileId}`, 'an upload of nobody': `/uploads/${nobodys.file_id}`,
  'a permission': `/tickets/${permission.ticket}`,
  permissions: '/signatures', ...of('/signatures', ['outcome=used', 'outcome=pending', 'outcome=never_used', `to=${monthsAgo(6)}`]),
  deliveries: '/deliveries', ...of('/deliveries', ['state=quarantined', 'door=reconcile', 'event_type=FileDeleted', `to=${monthsAgo(6)}`]),
  'a quarantined delivery': `/deliveries/${aside.id}`,
  'find a file': `/find?q=${fileId}`, 'find a user': `/find?q=${encodeURIComponent(user)}`, 'find a ticket': `/find?q=${upload.ticket}`, 'find nothing': '/find?q=no-such-thing',
  inspector: '/inspect',
}

// A receiver that was away counts first what has come to an end meanwhile; until then it counts rows.
const deadline = Date.now() + 120_000
for (;;) {
  const { uploads } = await receiver.ask('GET', `/v1/stats?from=${monthsAgo(1)}`)
  if (uploads.fresh_until && Date.now() - new Date(uploads.fresh_until) < 60_000) break
  if (Date.now() > deadline) throw new Error(`the roll-ups are of ${uploads.fresh_until}`)
  await new Promise((resolve) => setTimeout(resolve, 1000))
}

const browser = await startBrowser()
const view = await open(browser, receiver)
await view.signIn()
let slow = 0
for (const [name, hash] of Object.entries(views)) {
  const charts = name.startsWith('overview') ? 3 : 0
  const times = []
  for (let round = 0; round < Number(rounds); round += 1) {
    // A document of its own each time, as by a bookmark: what the clock of the page tells began with the navigation.
    await view.page.goto('about:blank')
    await view.page.goto(`${url}/#${hash}`, { waitUntil: 'commit' })
    times.push(await view.page.evaluate(async (charts) => {
      const there = () => {
        const main = document.querySelector('main')
        return main?.getAttribute('aria-busy') === 'false' && main.querySelector('h1') && !main.querySelector('.listing[aria-busy=true]')
          && main.querySelectorAll('.chart canvas').length >= charts
      }
      while (!there()) await new Promise(requestAnimationFrame)
      return performance.now()
    }, charts))
  }
  const [first] = times
  times.sort((a, b) => a - b)
  if (times.at(-1) > LONGEST_MS) slow += 1
  console.log(`${name.padEnd(72)} first ${String(Math.round(first)).padStart(5)} ms, median ${String(Math.round(times[times.length >> 1])).padStart(5)} ms, longest ${String(Math.round(times.at(-1))).padStart(5)} ms${times.at(-1) > LONGEST_MS ? '  TOO SLOW' : ''}`)
}
await browser.close()

for (const [name, [days, bucket]] of Object.entries(RANGES)) {
  const times = []
  for (let call = 0; call < CALLS; call += 1) {
    const to = new Date()
    const from = new Date(to - days * 86_400_000)
    const began = performance.now()
    await receiver.ask('GET', `/v1/stats?from=${from.toISOString()}&to=${to.toISOString()}&bucket=${bucket}`)
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  console.log(`/v1/stats, ${name.padEnd(8)} p50 ${Math.round(times[CALLS / 2])} ms, p99 ${Math.round(times.at(-1))} ms of ${CALLS} calls`)
}
const faults = view.faults.filter((fault) => !fault.includes('404'))
if (faults.length) console.log(faults)
process.exit(slow || faults.length ? 1 : 0)
