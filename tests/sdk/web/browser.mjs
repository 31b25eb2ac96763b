// The official web SDK, as npm has it, in Chromium: uploads through the local VOD, attributed by a receiver.
//
//   node browser.mjs VOD RECEIVER API_KEY      addresses as http://host:port
//
// The page is the one of examples/web-upload. In all scenarios but the last the SDK asks the hosts that are fixed in
// it; only where these hosts are is told to the browser.
import assert from 'node:assert/strict'
import { startBrowser, startExample, startTlsDoor } from './world.mjs'

const [VOD, RECEIVER, API_KEY] = process.argv.slice(2)
const MIB = 1 << 20
const DEADLINE_MS = 60_000

async function receiver(path) {
  const answer = await fetch(RECEIVER + path, { headers: { Authorization: `Bearer ${API_KEY}` } })
  assert.equal(answer.status, 200, path)
  return answer.json()
}

const simulator = {
  state: async () => (await fetch(`${VOD}/_simulator/state`)).json(),
  fail: async (fault) => {
    const headers = { 'Content-Type': 'application/json' }
    const answer = await fetch(`${VOD}/_simulator/faults`, { method: 'POST', headers, body: JSON.stringify(fault) })
    assert.equal(answer.status, 204)
  },
}

// A file whose bytes are told apart by where they are.
function file(name, mimeType, bytes, salt) {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += 4) buffer.writeUInt32LE((at * 2654435761 + salt) >>> 0, at)
  return { name, mimeType, buffer }
}

const video = (salt, megabytes = 20) => file('holiday 假期.mp4', 'video/mp4', megabytes * MIB, salt)

async function submit(page, user, chosen, cover) {
  await page.fill('[name=user]', user)
  await page.setInputFiles('[name=video]', chosen)
  if (cover) await page.setInputFiles('[name=cover]', cover)
  await page.click('button')
}

// What the page shows at the end: the upload as the receiver tells it.
async function done(page) {
  await page.waitForSelector('#status[data-state=done], #status[data-state=failed]', { timeout: DEADLINE_MS })
  assert.equal(await page.getAttribute('#status', 'data-state'), 'done', await page.textContent('#status'))
  return JSON.parse(await page.textContent('#upload'))
}

async function isAttributed(upload, user, chosen) {
  assert.equal(upload.user_id, user)
  assert.equal(upload.attribution.method, 'ticket')
  assert.equal(upload.media.size_bytes, chosen.buffer.length)
  assert.equal(upload.name, 'holiday 假期')
  const played = Buffer.from(await (await fetch(upload.media_url)).arrayBuffer())
  assert.ok(played.equals(chosen.buffer), 'what is played is what was uploaded')
  const { items } = await receiver(`/v1/uploads?file_id=${upload.file_id}`)
  assert.equal(items.length, 1)
}

const scenarios = {
  async 'a 20 MB video with a cover is attributed to its user'({ open }) {
    const [chosen, cover] = [video(1), file('face.png', 'image/png', 30_000, 2)]
    const page = await open()
    await submit(page, 'alice', chosen, cover)
    const upload = await done(page)
    await isAttributed(upload, 'alice', chosen)
    const face = Buffer.from(await (await fetch(upload.cover_url)).arrayBuffer())
    assert.ok(face.equals(cover.buffer))
    const part = await fetch(upload.media_url, { headers: { Range: 'bytes=8388607-8388608' } })
    assert.equal(part.status, 206)
    const bytes = Buffer.from(await part.arrayBuffer())
    assert.ok(bytes.equals(chosen.buffer.subarray(8388607, 8388609)), 'across two parts')
  },

  async 'each signature is one-time, and each call gets its own'({ open }) {
    const page = await open('?patient') // each call once: the signatures are counted
    await submit(page, 'olga', video(3, 1))
    const { ticket } = await done(page)
    const { issues } = await receiver(`/v1/tickets/${ticket}`)
    assert.equal(issues.length, 3, 'prepare, apply, commit')
    assert.ok(issues.every((issue) => issue.one_time))
    const cached = await open('?cached')
    await submit(cached, 'olga', video(4, 1))
    await cached.waitForSelector('#status[data-state=failed]', { timeout: DEADLINE_MS })
    assert.match(await cached.textContent('#status'), /duplicate vod signature/)
  },

  async 'a page that is reloaded half-way goes on where it was'({ open }) {
    const chosen = video(5)
    const page = await open('?resume')
    // A list, a begin and two parts come through; the third part hangs.
    await simulator.fail({ action: 'COS', kind: { delay: 0 }, times: 6 }) // two of these race for the nearest region
    await simulator.fail({ action: 'COS', kind: { delay: 600_000 } })
    const before = (await simulator.state()).disk_bytes
    await submit(page, 'rosa', chosen)
    await until('two parts of 8, 8 and 4 MiB are there, and the third hangs', async () => {
      const { disk_bytes, faults_left } = await simulator.state()
      return faults_left === 0 && [12 * MIB, 16 * MIB].includes(disk_bytes - before)
    })
    await page.reload()
    const sent = []
    page.on('request', (request) => request.method() === 'PUT' && sent.push(request.url()))
    await submit(page, 'rosa', chosen)
    await isAttributed(await done(page), 'rosa', chosen)
    assert.equal(sent.length, 1, `only the part that hung is sent: ${sent}`)
  },

  async 'a commit that fails is tried again and changes nothing twice'({ open }) {
    await simulator.fail({ action: 'CommitUploadUGC', kind: { error_code: '500' } })
    await simulator.fail({ action: 'CommitUploadUGC', kind: 'cut_body' })
    const chosen = video(6, 2)
    const page = await open('?patient')
    await submit(page, 'carl', chosen)
    const upload = await done(page)
    await isAttributed(upload, 'carl', chosen)
    assert.equal((await receiver(`/v1/tickets/${upload.ticket}`)).issues.length, 5)
    assert.equal((await receiver('/v1/uploads?user_id=carl')).items.length, 1)
  },

  async 'two users in two tabs upload a file of the same name'({ open, context }) {
    const [first, second] = [video(7), video(8)]
    const tabs = [await open('', context), await open('', context)]
    await Promise.all([submit(tabs[0], 'dora', first), submit(tabs[1], 'emil', second)])
    const [hers, his] = await Promise.all(tabs.map(done))
    assert.notEqual(hers.file_id, his.file_id)
    await isAttributed(hers, 'dora', first)
    await isAttributed(his, 'emil', second)
  },
}

async function until(what, condition) {
  const end = Date.now() + DEADLINE_MS
  while (!(await condition())) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function play(name, scenario, browser, url) {
  const context = await browser.newContext()
  const open = async (query = '', within = context) => {
    const page = await within.newPage()
    page.on('pageerror', (fault) => console.error(`  page: ${fault}`))
    await page.goto(url + query)
    return page
  }
  try {
    await scenario({ open, context })
    console.log(`ok      ${name}`)
    return true
  } catch (fault) {
    console.log(`FAILED  ${name}\n${fault.stack}`)
    return false
  } finally {
    await context.close()
  }
}

const backend = { RECEIVER_URL: RECEIVER, RECEIVER_KEY: API_KEY }
const door = await startTlsDoor(VOD)
const browser = await startBrowser(door.port)
const [real, led] = [
  await startExample({ ...backend, SIMULATOR_URL: '' }),
  await startExample({ ...backend, SIMULATOR_URL: VOD }),
]
let failed = 0
for (const [name, scenario] of Object.entries(scenarios)) {
  if (!(await play(name, scenario, browser, real.url))) failed += 1
}
const [[name, scenario]] = Object.entries(scenarios)
if (!(await play(`${name}, led to the simulator by the page`, scenario, browser, led.url))) failed += 1
await browser.close()
for (const started of [door, real, led]) started.stop()
process.exit(failed ? 1 : 0)
