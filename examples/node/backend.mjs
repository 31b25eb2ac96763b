// The two addresses that an app's backend needs, in Node.js 18 or newer, without packages.
//
//   RECEIVER_URL=http://127.0.0.1:8080 RECEIVER_KEY=... PORT=3000 node backend.mjs
import { createServer } from 'node:http'

const { RECEIVER_URL = 'http://127.0.0.1:8080', RECEIVER_KEY, PORT = '3000' } = process.env
const TICKET = /^vt_[0-9A-Za-z]{26}$/

class Refused extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

// Yours: the user of your own session. Whatever the request's body says of the user is not to be believed.
function signedIn(request) {
  const user = request.headers['x-demo-user']
  if (!user) throw new Refused(401, 'sign in first')
  return user
}

async function receiver(path, body, seconds = 10) {
  const answer = await fetch(RECEIVER_URL + path, {
    method: body ? 'POST' : 'GET',
    headers: { Authorization: `Bearer ${RECEIVER_KEY}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(seconds * 1000),
  })
  const text = await answer.text()
  if (answer.ok) return JSON.parse(text)
  console.error(`vod-receiver: ${answer.status} ${text}`) // for your log, not for the device
  if (answer.status === 409) throw new Refused(409, 'the ticket is not yours')
  if (answer.status === 404) throw new Refused(404, 'there is no such ticket')
  throw new Refused(503, 'please try again')
}

// A fresh signature for each call of getSignature; with the ticket of the call before, for the same file.
async function uploadSignature(user, { ticket = null }) {
  const asked = { user_id: user, ticket, expires_in: 600, one_time: true }
  const issued = await receiver('/v1/signatures', asked)
  return { signature: issued.signature, ticket: issued.ticket }
}

// Answers as soon as VOD has told of the upload, and after 30 s without one; then the page asks again.
async function myUpload(user, ticket) {
  if (!TICKET.test(ticket)) throw new Refused(400, 'that is no ticket')
  const told = await receiver(`/v1/tickets/${ticket}?wait=30`, undefined, 40)
  if (told.user_id !== user) throw new Refused(404, 'there is no such ticket')
  return { uploads: told.uploads.map(({ file_id, name, media_url }) => ({ file_id, name, media_url })) }
}

async function json(request) {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > 4096) throw new Refused(413, 'that is too long')
  }
  try {
    return Object(JSON.parse(text))
  } catch {
    throw new Refused(400, 'that is not JSON')
  }
}

async function answer(request) {
  const user = signedIn(request)
  const url = new URL(request.url, 'http://localhost')
  switch (`${request.method} ${url.pathname}`) {
    case 'POST /upload-signature': return uploadSignature(user, await json(request))
    case 'GET /my-upload': return myUpload(user, url.searchParams.get('ticket') ?? '')
    default: throw new Refused(404, 'nothing is here')
  }
}

createServer(async (request, response) => {
  let status = 200
  let told
  try {
    told = await answer(request)
  } catch (fault) {
    if (!(fault instanceof Refused)) console.error(fault)
    status = fault.status ?? 503
    told = { error: fault instanceof Refused ? fault.message : 'please try again' }
  }
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  response.end(JSON.stringify(told))
}).listen(Number(PORT), '127.0.0.1')
