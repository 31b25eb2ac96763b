// What the page asks the receiver, and how a refusal is told.

export class Refusal extends Error {
  constructor(status, problem, requestId) {
    super(problem?.detail ?? `HTTP ${status}`)
    this.status = status
    this.code = problem?.code ?? 'unreachable'
    this.field = problem?.field
    this.requestId = requestId
  }
}

const heard = { signedOut: () => {}, postgres: () => {} }

// Who is told when the session is over, and when Postgres goes and comes back.
export function listen(listeners) {
  Object.assign(heard, listeners)
}

async function answered(method, path, { body, signal } = {}) {
  let answer
  try {
    answer = await fetch(path.replace(/^\//, ''), {
      method,
      signal,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch (fault) {
    if (fault.name === 'AbortError') throw fault
    heard.postgres('unreachable')
    throw new Refusal(0, { code: 'unreachable' })
  }
  if (answer.status === 204) return null
  const value = await answer.json().catch(() => null)
  if (answer.ok) {
    heard.postgres('there')
    return value
  }
  const refusal = new Refusal(answer.status, value, answer.headers.get('X-Request-Id'))
  if (refusal.status === 503) heard.postgres('away')
  if (refusal.status === 401 && path !== '/session') heard.signedOut()
  throw refusal
}

// The parameters that say something, in their order.
export function query(params) {
  const said = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== '')
  const text = new URLSearchParams(said).toString()
  return text && `?${text}`
}

export const get = (path, params = {}, options = {}) => answered('GET', path + query(params), options)
export const post = (path, body, options = {}) => answered('POST', path, { ...options, body })
export const put = (path, body, options = {}) => answered('PUT', path, { ...options, body })
export const remove = (path) => answered('DELETE', path)

// An id as a part of a path.
export const part = encodeURIComponent
