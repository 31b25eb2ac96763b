// How soon each view is there, on a receiver that holds a lot: from the navigation to the last row and chart.
//
//   node quick.mjs RECEIVER API_KEY USER_ID FILE_ID [ROUNDS]
import { Receiver, open, startBrowser } from './world.mjs'

const [url, key, user, fileId, rounds = '5'] = process.argv.slice(2)
const views = {
  overview: '/', 'overview, an hour': '/?range=hour', 'overview, a year': '/?range=year', uploads: '/uploads', 'nobody’s uploads': '/uploads?attribution=none',
  'a user': `/users/${encodeURIComponent(user)}`, 'an upload': `/uploads/${fileId}`, 'find a file': `/find?q=${fileId}`,
  permissions: '/signatures', 'never used': '/signatures?outcome=never_used', deliveries: '/deliveries', quarantine: '/deliveries?state=quarantined',
}

const browser = await startBrowser()
const view = await open(browser, new Receiver({ url, key }))
await view.signIn()
for (const [name, hash] of Object.entries(views)) {
  const times = []
  for (let round = 0; round < Number(rounds); round += 1) {
    await view.go('/inspect')
    times.push(await view.page.evaluate(async ({ hash, charts }) => {
      const main = document.querySelector('main')
      const began = performance.now()
      location.hash = hash
      const there = () => main.getAttribute('aria-busy') === 'false' && !main.querySelector('.listing[aria-busy=true], #pasted')
        && (!charts || main.querySelectorAll('.chart canvas').length === 3)
      while (!there()) await new Promise(requestAnimationFrame)
      return performance.now() - began
    }, { hash, charts: name.startsWith('overview') }))
  }
  times.sort((a, b) => a - b)
  console.log(`${name.padEnd(20)} median ${Math.round(times[times.length >> 1])} ms, longest ${Math.round(times.at(-1))} ms`)
}
if (view.faults.length) console.log(view.faults)
await browser.close()
