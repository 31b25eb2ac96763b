// The examples of docs/integrate.md, each from the signature to the attributed upload to the feed, on a real receiver,
// its Postgres, and the local VOD. The device is the official web SDK in Chromium, in the page of examples/web.
//
//   node check.mjs VOD RECEIVER API_KEY CALLBACK SCRATCH [LANGUAGE]...     addresses as http://host:port
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startBrowser, startTlsDoor } from '../sdk/web/world.mjs'
import { languages, serveScripts } from './languages.mjs'

const [VOD, RECEIVER, API_KEY, CALLBACK, SCRATCH, ...asked] = process.argv.slice(2)
const DEADLINE_MS = 60_000
// Far beyond what this log has: it is another database's.
const CURSOR_OF_ANOTHER = Buffer.from([1, 0, 0, 1, 0, 0, 0, 0, 0]).toString('base64url')

const file = (path) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const PAGE_FILES = {
  '/': ['text/html', `<!doctype html><meta charset="utf-8"><script src="/sdk.js"></script>
    <script type="importmap">{"imports": {"vod-js-sdk-v6": "/sdk-module.js"}}</script><input type="file">
    <script type="module">
      import { uploadVideo } from '/upload.js'
      window.upload = () => uploadVideo(document.querySelector('input').files[0])
    </script>`],
  '/upload.js': ['text/javascript', file('examples/web/upload.js')],
  '/sdk.js': ['text/javascript', file('examples/web-upload/node_modules/vod-js-sdk-v6/dist/vod-js-sdk-v6.js')],
  '/sdk-module.js': ['text/javascript', 'export default window.TcVod.default'],
}

async function until(what, condition) {
  const end = Date.now() + DEADLINE_MS
  for (;;) {
    const met = await condition()
    if (met) return met
    assert.ok(Date.now() < end, `waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function receiver(path) {
  const answer = await fetch(RECEIVER + path, { headers: { Authorization: `Bearer ${API_KEY}` } })
  assert.equal(answer.status, 200, path)
  return answer.json()
}

// A process of an example and what it started, which ends with it.
function start(command, { cwd, settings }) {
  const env = { ...process.env, RECEIVER_URL: RECEIVER, RECEIVER_KEY: API_KEY, ...settings }
  const [program, ...options] = command
  const child = spawn(program, options, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const started = { lines: [], text: '' }
  child.stdout.on('data', (chunk) => {
    const lines = (started.text + chunk).split('\n')
    started.text = lines.pop()
    started.lines.push(...lines)
  })
  const ended = new Promise((resolve) => { child.once('exit', resolve) })
  started.stop = () => {
    process.kill(-child.pid, 'SIGKILL')
    return ended
  }
  return started
}

function freePort() {
  const server = net.createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function startBackend(name) {
  const { backend, cwd, settings = {} } = languages[name]
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  if (!backend) return { url, stop: await serveScripts(port, { RECEIVER_URL: RECEIVER, RECEIVER_KEY: API_KEY }) }
  const { stop } = start(backend(port, SCRATCH), { cwd, settings: { ...settings, PORT: String(port) } })
  await until(`the backend in ${name} answers`, () => fetch(url).then(() => true, () => false))
  return { url, stop }
}

// Both ways of following, each with a cursor of its own.
function startFollowers(name) {
  const { follow, cwd } = languages[name]
  return ['live', 'changes'].map((way) => {
    const cursor = join(SCRATCH, name, `cursor-${way}`)
    return { way, cursor, ...start(follow(way, SCRATCH), { cwd, settings: { CURSOR_FILE: cursor } }) }
  })
}

// Each follower is told this of a file of a user, and once.
async function areTold(followers, event, fileId, user) {
  for (const { way, lines } of followers) {
    const isIt = (line) => line.includes(event) && line.includes(fileId)
    const line = await until(`${way} is told ${event} of ${fileId}`, () => lines.find(isIt))
    assert.ok(line.includes(user) || line.includes(JSON.stringify(user)), line)
    assert.equal(lines.filter(isIt).length, 1, `${way} is told once`)
  }
}

// The app's own address: the page of the example, and behind it the backend, at which this user is signed in.
async function startApp(backend, user) {
  const server = createServer(async (request, response) => {
    if (Object.hasOwn(PAGE_FILES, request.url)) {
      const [type, body] = PAGE_FILES[request.url]
      return response.writeHead(200, { 'Content-Type': type }).end(body)
    }
    const body = request.method === 'POST' ? await text(request) : undefined
    const headers = { 'X-Demo-User': user, 'Content-Type': 'application/json' }
    const answer = await fetch(backend + request.url, { method: request.method, headers, body })
    return response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(await answer.text())
  })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() }
}

// The device: that page in a browser.
async function upload(browser, backend, user) {
  const context = await browser.newContext()
  const app = await startApp(backend, user)
  const page = await context.newPage()
  page.on('pageerror', (fault) => console.error(`  page: ${fault}`))
  await page.goto(app.url)
  const video = { name: 'holiday 假期.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(300_000, 7) }
  await page.setInputFiles('input', video)
  try {
    return await page.evaluate(() => window.upload())
  } finally {
    await context.close()
    app.stop()
  }
}

// A notification as VOD would post it.
async function notify(fileId, ticket) {
  const body = { EventType: 'NewFileUpload', FileUploadEvent: { FileId: fileId, MediaBasicInfo: { SourceInfo: { SourceContext: ticket } } } }
  const answer = await fetch(CALLBACK, { method: 'POST', body: JSON.stringify(body) })
  assert.equal(answer.status, 200)
}

async function isRefusedToOthers(backend, ticket, user) {
  const ask = async (as, path, body) => {
    const headers = { 'Content-Type': 'application/json', ...(as && { 'X-Demo-User': as }) }
    const options = { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) }
    return (await fetch(backend + path, options)).status
  }
  assert.equal(await ask(null, '/upload-signature', { ticket: null }), 401)
  assert.equal(await ask('eve', '/upload-signature', { ticket }), 409, 'a ticket of another user')
  assert.equal(await ask('eve', `/my-upload?ticket=${ticket}`), 404)
  for (const path of ['../uploads', 'vt_..%2F..%2Fv1%2Fuploads', `${ticket}%3Fwait=0`, '']) {
    assert.equal(await ask(user, `/my-upload?ticket=${path}`), 400, path)
  }
  assert.equal(await ask(user, `/my-upload?ticket=vt_${'0'.repeat(26)}`), 404)
}

async function play(name, browser) {
  const user = `o'hara "${name}" \\ 1`
  mkdirSync(join(SCRATCH, name), { recursive: true })
  await languages[name].prepare?.(SCRATCH)
  const backend = await startBackend(name)
  let followers = startFollowers(name)
  try {
    for (const { way, cursor } of followers) await until(`${way} has begun`, () => existsSync(cursor))

    const [{ file_id: fileId, ...shown }, ...more] = await upload(browser, backend.url, user)
    assert.deepEqual([shown.name, more], ['holiday 假期', []])
    const { items: [recorded] } = await receiver(`/v1/uploads?${new URLSearchParams({ user_id: user })}`)
    assert.equal(recorded.file_id, fileId)
    assert.equal(recorded.attribution.method, 'ticket')
    const { issues } = await receiver(`/v1/tickets/${recorded.ticket}`)
    assert.ok(issues.length >= 2 && issues.every(({ one_time }) => one_time), 'a fresh signature each time, one ticket')
    await areTold(followers, 'upload.recorded', fileId, user)
    await isRefusedToOthers(backend.url, recorded.ticket, user)

    // What happens while nobody follows is told when somebody does again, and nothing else.
    await Promise.all(followers.map(({ stop }) => stop()))
    const missed = `${process.pid}${Date.now()}`
    await notify(missed, recorded.ticket)
    followers = startFollowers(name)
    await areTold(followers, 'upload.recorded', missed, user)
    for (const { lines } of followers) assert.ok(!lines.some((line) => line.includes(fileId)), 'not told again')

    // A cursor that is too old: everything is read anew.
    await Promise.all(followers.map(({ stop }) => stop()))
    for (const { cursor } of followers) writeFileSync(cursor, CURSOR_OF_ANOTHER)
    followers = startFollowers(name)
    for (const { way, lines } of followers) {
      for (const id of [fileId, missed]) {
        await until(`${way} has read ${id} anew`, () => lines.some((line) => line.includes(id)))
      }
    }
    for (const { way, cursor } of followers) {
      await until(`${way} goes on from now`, () => existsSync(cursor) && readFileSync(cursor, 'utf8') !== CURSOR_OF_ANOTHER)
    }
    console.log(`ok      ${name}`)
    return true
  } catch (fault) {
    console.log(`FAILED  ${name}\n${fault.stack}`)
    return false
  } finally {
    backend.stop()
    followers.forEach(({ stop }) => stop())
  }
}

const door = await startTlsDoor(VOD)
const browser = await startBrowser(door.port)
let failed = 0
for (const name of asked.length ? asked : Object.keys(languages)) {
  if (!(await play(name, browser))) failed += 1
}
await browser.close()
door.stop()
process.exit(failed ? 1 : 0)
