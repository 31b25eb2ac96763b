// A tiny backend: a page, a sign-in without a password, and what it asks vod-receiver for.
//
//   RECEIVER_URL   the receiver, http://127.0.0.1:8080 unless set
//   RECEIVER_KEY   an API key with the scopes sign and read
//   SIMULATOR_URL  the local VOD; without it the page uploads to the real one
//   PORT           3000 unless set; 0 is a free one
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

const { RECEIVER_URL = 'http://127.0.0.1:8080', RECEIVER_KEY, SIMULATOR_URL = '', PORT = '3000' } = process.env
const BODY_LIMIT_BYTES = 4096

if (!RECEIVER_KEY) {
  console.error('RECEIVER_KEY is not set: an API key of vod-receiver with the scopes sign and read')
  process.exit(1)
}

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const files = {
  '/': [here('page/index.html'), 'text/html; charset=utf-8'],
  '/page.js': [here('page/page.js'), 'text/javascript; charset=utf-8'],
  '/to-simulator.js': [here('page/to-simulator.js'), 'text/javascript; charset=utf-8'],
  '/vod-js-sdk-v6.js': [here('node_modules/vod-js-sdk-v6/dist/vod-js-sdk-v6.js'), 'text/javascript; charset=utf-8'],
}

// Who is signed in, by a secret that the page holds. Yours is your own session; here any name will do.
const sessions = new Map()

class Refused extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

async function receiver(path, body) {
  const answer = await fetch(`${RECEIVER_URL}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { Authorization: `Bearer ${RECEIVER_KEY}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  if (answer.ok) return JSON.parse(text)
  // What the page may know; the whole answer is for this log.
  console.error(`vod-receiver: ${answer.status} ${text}`)
  throw new Refused(answer.status === 409 ? 409 : 502, 'The receiver gives no answer that helps.')
}

const routes = {
  'POST /sign-in': async (_, { user }) => {
    if (typeof user !== 'string' || !user.trim()) throw new Refused(400, 'Who are you?')
    const session = randomUUID()
    sessions.set(session, user.trim())
    return { session, simulator: SIMULATOR_URL || null }
  },
  // A fresh signature for each call, the same ticket for the same file. The user is the session's, never the body's.
  'POST /upload-signature': async (user, { ticket }) => {
    const asked = { user_id: user, ticket, expires_in: 600, one_time: true }
    const issued = await receiver('/v1/signatures', asked)
    return { signature: issued.signature, ticket: issued.ticket }
  },
  // Waits until the receiver has the upload: VOD tells it, not the page.
  'POST /my-upload': async (user, { file_id }) => {
    const query = new URLSearchParams({ user_id: user, file_id: String(file_id) })
    for (let tries = 0; tries < 100; tries += 1) {
      const { items } = await receiver(`/v1/uploads?${query}`)
      if (items.length) return items[0]
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Refused(404, 'The receiver has not been told of this upload.')
  },
}

async function body(request) {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > BODY_LIMIT_BYTES) throw new Refused(413, 'That is too long.')
  }
  try {
    return Object(JSON.parse(text))
  } catch {
    throw new Refused(400, 'That is not JSON.')
  }
}

async function answer(request) {
  const { pathname } = new URL(request.url, 'http://localhost')
  const file = request.method === 'GET' && Object.hasOwn(files, pathname) && files[pathname]
  if (file) return { type: file[1], text: await readFile(file[0]) }
  const name = `${request.method} ${pathname}`
  if (!Object.hasOwn(routes, name)) throw new Refused(404, 'There is nothing here.')
  const user = sessions.get(request.headers['x-session'])
  if (!user && name !== 'POST /sign-in') throw new Refused(401, 'Sign in first.')
  const told = await routes[name](user, await body(request))
  return { type: 'application/json', text: JSON.stringify(told) }
}

const server = createServer(async (request, response) => {
  try {
    const { type, text } = await answer(request)
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text)
  } catch (fault) {
    if (!(fault instanceof Refused)) console.error(fault)
    const status = fault instanceof Refused ? fault.status : 500
    const text = fault instanceof Refused ? fault.message : 'Something is wrong here.'
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text)
  }
})

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`)
  console.error(SIMULATOR_URL ? `Uploads go to the local VOD at ${SIMULATOR_URL}.` : 'Uploads go to the real VOD.')
})
