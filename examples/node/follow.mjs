// Follows what happens to uploads, in Node.js 18 or newer, without packages.
//
//   RECEIVER_KEY=... node follow.mjs live        one connection, told at once
//   RECEIVER_KEY=... node follow.mjs changes     asks for what is new, and waits for it
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

const { RECEIVER_URL = 'http://127.0.0.1:8080', RECEIVER_KEY, CURSOR_FILE = 'cursor' } = process.env
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

// Yours. An upload may come more than once: write it by its file id, in one transaction with the cursor.
function handle(event, upload) {
  console.log(event, upload.file_id, upload.user_id ?? '-')
}

function load() {
  try {
    return readFileSync(CURSOR_FILE, 'utf8')
  } catch {
    return null
  }
}

function save(cursor) {
  writeFileSync(`${CURSOR_FILE}.new`, cursor)
  renameSync(`${CURSOR_FILE}.new`, CURSOR_FILE)
}

class Gone extends Error {}

async function ask(path, { seconds, ...headers } = {}) {
  const answer = await fetch(RECEIVER_URL + path, {
    headers: { Authorization: `Bearer ${RECEIVER_KEY}`, ...headers },
    signal: seconds && AbortSignal.timeout(seconds * 1000),
  })
  if (answer.status === 410) throw new Gone()
  if (!answer.ok) throw new Error(`vod-receiver: ${answer.status} ${await answer.text()}`)
  return answer
}

const json = async (path) => (await ask(path, { seconds: 70 })).json()

// The first time, and when a cursor is too old: first where the feed is now, then all that is there.
async function begin() {
  const { next_cursor: now } = await json('/v1/uploads/changes')
  let page = ''
  while (page !== null) {
    const query = new URLSearchParams({ order: 'asc', limit: '200', ...(page && { cursor: page }) })
    const { items, next_cursor } = await json(`/v1/uploads?${query}`)
    for (const upload of items) handle('upload.read', upload)
    page = next_cursor
  }
  save(now)
}

function tell({ event, upload, cursor }) {
  if (upload) handle(event, upload)
  save(cursor)
}

// Server-Sent Events: lines, and an empty one after each event.
async function live() {
  const body = (await ask('/v1/uploads/live', { 'Last-Event-ID': load() })).body
  let [text, event, data] = ['', '', '']
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split('\n')
    text = lines.pop()
    for (const line of lines) {
      if (line.startsWith('event: ')) event = line.slice(7)
      if (line.startsWith('data: ')) data = line.slice(6)
      if (line !== '') continue
      if (event === 'end' && JSON.parse(data).reason === 'gone') throw new Gone()
      if (event.startsWith('upload.')) tell(JSON.parse(data))
      event = data = ''
    }
  }
}

async function changes() {
  const query = new URLSearchParams({ after: load(), wait: '30', limit: '200' })
  const { items, next_cursor } = await json(`/v1/uploads/changes?${query}`)
  for (const change of items) tell(change)
  save(next_cursor)
}

const follow = { live, changes }[process.argv[2]]
for (;;) {
  try {
    if (load() === null) await begin()
    await follow()
  } catch (fault) {
    if (fault instanceof Gone) {
      rmSync(CURSOR_FILE)
    } else {
      console.error(fault.message)
      await pause(1)
    }
  }
}
