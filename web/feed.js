// The live feed: one connection while the page can be seen, since browsers allow few to one host.

const listeners = new Set()
let source = null
let again = null
let state = 'off'
const states = new Set()

function become(next) {
  if (state === next) return
  state = next
  for (const told of states) told(state)
}

function open() {
  if (source || document.hidden || !listeners.size) return
  clearTimeout(again)
  become('connecting')
  source = new EventSource('v1/uploads/live')
  source.onopen = () => become('live')
  source.onerror = () => {
    become('connecting')
    // The browser comes back by itself, but not where it was refused.
    if (source?.readyState === EventSource.CLOSED) {
      source = null
      again = setTimeout(open, 5000)
    }
  }
  for (const kind of ['recorded', 'updated', 'deleted']) {
    source.addEventListener(`upload.${kind}`, (event) => {
      const change = JSON.parse(event.data)
      for (const told of [...listeners]) told(kind, change)
    })
  }
}

function close() {
  clearTimeout(again)
  source?.close()
  source = null
  become('off')
}

document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()))

// Tells of each change until the signal ends it.
export function follow(told, signal) {
  if (signal.aborted) return
  listeners.add(told)
  open()
  signal.addEventListener('abort', () => {
    listeners.delete(told)
    if (!listeners.size) close()
  })
}

// Tells how the connection is: `off`, `connecting`, `live`.
export function watch(told, signal) {
  states.add(told)
  told(state)
  signal.addEventListener('abort', () => states.delete(told))
}

export const stop = () => {
  listeners.clear()
  close()
}
